"""Whose turn it is in a second round of mutations (KEP-1456: reinvocationPolicy IfNeeded)."""

from typing import Generic, TypeVar

from sampan.api.json import Obj

T = TypeVar("T")


class Turns(Generic[T]):
    """Who is asked a second time: those with IfNeeded, when something changed after their turn."""

    def __init__(self) -> None:
        self.changed = self.second = False
        """Whether anybody changed something, which calls for a second round; whether this is it."""
        self.patched = False
        """Whether there was a patch, be it one that changed nothing."""
        self.last: Obj | None = None
        """The object after the last turn of the first round."""
        self.asked: list[T] = []
        self.wanted: list[T] = []

    def begin(self, obj: Obj | None) -> None:
        """A round begins with this object: if others changed it since the last one, all look again."""
        if self.second and obj != self.last:
            self.require_all()

    def require_all(self) -> None:
        """The object changed: who was asked before is to be asked again."""
        self.wanted += self.asked
        self.asked = []
