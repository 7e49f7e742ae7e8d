"""The composition root: wires every part."""
