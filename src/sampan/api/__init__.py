"""API machinery, all of it pure."""
