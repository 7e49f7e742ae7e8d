"""pytest fixtures: a real Kubernetes API, in this process, for tests."""
