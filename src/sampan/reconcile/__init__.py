"""The one loop every controller runs in."""
