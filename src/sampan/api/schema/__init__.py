"""The schema tree and what walks it."""
