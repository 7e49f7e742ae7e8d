"""What is wrong with objects of scheduling.k8s.io (upstream: pkg/apis/scheduling/validation)."""
