"""What is wrong with pods and with the pod templates of workloads (upstream: core validation)."""
