"""CSI: drivers that register at the node, and the volumes they stage and publish."""
