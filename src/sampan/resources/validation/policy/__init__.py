"""What is wrong with objects of policy (upstream: pkg/apis/policy/validation)."""
