"""Bytes on wires, no Kubernetes."""
