"""What is wrong with objects of coordination.k8s.io (upstream: pkg/apis/coordination/validation)."""
