"""The control loops, each an observe and a decide."""
