"""Simulated nodes in great number: their pods only change status, driven by declared stages."""
