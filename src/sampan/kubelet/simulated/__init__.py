"""Simulated pods: a container runtime in memory, for nodes without a real one, and for tests."""

from sampan.kubelet.simulated.runtime import SimulatedRuntime

__all__ = ["SimulatedRuntime"]
