"""Admission policies in CEL: what their expressions see, and how they are compiled."""
