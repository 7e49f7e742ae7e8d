"""Speak to a Kubernetes API, over the network or in this process."""
