"""The Common Expression Language as Kubernetes uses it: parser, type checker, evaluator, function library."""
