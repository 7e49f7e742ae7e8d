"""What is wrong with events of both groups (upstream: pkg/apis/core/validation/events.go)."""
