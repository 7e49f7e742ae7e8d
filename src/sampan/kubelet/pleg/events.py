"""Pod events: what a PLEG tells the sync loop."""

from dataclasses import dataclass
from enum import StrEnum


class PodEventType(StrEnum):
    """Upstream's names."""

    STARTED = "ContainerStarted"
    DIED = "ContainerDied"
    REMOVED = "ContainerRemoved"
    CHANGED = "ContainerChanged"
    """Seen, and the cache was brought up to date, but never sent."""
    SYNC = "PodSync"


@dataclass(frozen=True, slots=True)
class PodEvent:
    """Something happened to a container or sandbox of a pod; the cache shows it by the time this is sent."""

    uid: str
    type: PodEventType
    container_id: str = ""
