"""The pod lifecycle event generator."""
