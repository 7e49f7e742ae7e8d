"""The built-in kinds: what a schema cannot say."""
