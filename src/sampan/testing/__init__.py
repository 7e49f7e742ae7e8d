"""Fakes we ship to users."""
