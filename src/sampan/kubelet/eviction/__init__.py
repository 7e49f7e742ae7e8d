"""Eviction: when a node runs short of memory, disk or processes, which pods have to go. Pure."""
