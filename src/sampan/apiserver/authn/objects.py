"""What tokens are checked against."""

from typing import Protocol

from sampan.api.json import Obj


class Objects(Protocol):
    """Reads of the objects that tokens are bound to: kind is the plural in the core group."""

    async def get(self, plural: str, namespace: str, name: str) -> Obj | None: ...
