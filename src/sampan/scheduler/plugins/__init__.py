"""One scheduling rule per file."""
