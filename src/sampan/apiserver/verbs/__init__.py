"""One verb of the API per file."""
