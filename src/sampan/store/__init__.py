"""Versioned keys and values with watch."""
