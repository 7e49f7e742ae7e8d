"""What is wrong with objects of the core group (upstream: pkg/apis/core/validation)."""
