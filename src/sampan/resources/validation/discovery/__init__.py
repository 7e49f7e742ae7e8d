"""What is wrong with objects of discovery.k8s.io (upstream: pkg/apis/discovery/validation)."""
