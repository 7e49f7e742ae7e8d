"""The objects that every cluster has: namespaces, RBAC roles and bindings, priority classes, flow control."""

import asyncio
from collections.abc import Awaitable, Callable
from importlib.resources import files

from sampan.api.errors import StatusError
from sampan.api.json import Obj, loads
from sampan.api.names import parse_api_version
from sampan.apiserver.live import LiveResources

Create = Callable[[Obj], Awaitable[None]]
FIRST = ("Namespace",)


def bootstrap_objects(live: LiveResources) -> list[Obj]:
    """All of them whose kinds this server has; namespaces first."""
    data: list[Obj] = loads((files("sampan.apiserver") / "data" / "bootstrap.json").read_bytes())
    found = []
    for obj in data:
        group, version = parse_api_version(obj["apiVersion"])
        if any(
            (r.mapping.group, r.mapping.version, r.mapping.kind) == (group, version, obj["kind"]) for r in live.all()
        ):
            found.append(obj)
    return found


async def bootstrap(objects: list[Obj], create: Create) -> None:
    """Create what is missing; what is there stays as it is."""

    async def ensure(obj: Obj) -> None:
        try:
            await create(obj)
        except StatusError as error:
            if error.reason != "AlreadyExists":
                raise

    first = [obj for obj in objects if obj["kind"] in FIRST]
    rest = [obj for obj in objects if obj["kind"] not in FIRST]
    for batch in (first, rest):
        await asyncio.gather(*(ensure(obj) for obj in batch))
