"""Admission: what may be written, and with which defaults."""
