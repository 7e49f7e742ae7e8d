"""Every way to change an object by a patch."""
