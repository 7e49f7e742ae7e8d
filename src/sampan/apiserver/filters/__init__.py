"""One wrapper of the request path per file."""
