"""Volumes of pods on this node: made before the sandbox, kept up to date, taken down at the end."""

from sampan.kubelet.volumes.base import VolumeError, VolumePath
from sampan.kubelet.volumes.manager import Volumes

__all__ = ["VolumeError", "VolumePath", "Volumes"]
