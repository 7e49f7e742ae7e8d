"""What is wrong with objects of node.k8s.io (upstream: pkg/apis/node/validation)."""
