"""Who asks: one way of authentication per file."""
