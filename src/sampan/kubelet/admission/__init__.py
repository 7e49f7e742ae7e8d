"""Whether a pod that was bound to this node may run on it. Pure."""
