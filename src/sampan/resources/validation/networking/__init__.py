"""What is wrong with objects of networking.k8s.io (upstream: pkg/apis/networking/validation)."""
