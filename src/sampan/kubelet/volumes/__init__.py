"""Volumes of pods on this node: made before the sandbox, kept up to date, taken down at the end."""

from sampan.kubelet.volumes.base import VolumeError, VolumePath
from sampan.kubelet.volumes.manager import Surroundings, Volumes

__all__ = ["Surroundings", "VolumeError", "VolumePath", "Volumes"]
