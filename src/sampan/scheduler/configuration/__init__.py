"""KubeSchedulerConfiguration (kubescheduler.config.k8s.io/v1): decoded, checked, made into profiles. Pure."""
