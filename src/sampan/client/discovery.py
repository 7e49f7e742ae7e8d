"""Which kinds a server has, from its discovery documents."""

from typing import NamedTuple

from sampan.api.json import Obj, loads
from sampan.api.names import RestMapping
from sampan.client.api import Api
from sampan.client.errors import error_of
from sampan.client.request import ApiRequest

ACCEPT = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"


class Served(NamedTuple):
    """A kind and what can be done with it."""

    mapping: RestMapping
    verbs: frozenset[str]


def read_group_list(document: Obj) -> list[Served]:
    """The kinds of an APIGroupDiscoveryList, each in its group's preferred version."""
    found: dict[tuple[str, str], Served] = {}
    for group in document.get("items") or ():
        name = (group.get("metadata") or {}).get("name", "")
        for version in group.get("versions") or ():
            for resource in version.get("resources") or ():
                kind = (resource.get("responseKind") or {}).get("kind", "")
                plural = resource["resource"]
                mapping = RestMapping(name, version["version"], kind, plural, resource.get("scope") == "Namespaced")
                found.setdefault((name, plural), Served(mapping, frozenset(resource.get("verbs") or ())))
    return list(found.values())


async def served_kinds(api: Api) -> list[Served]:
    """All kinds of a server."""
    found: list[Served] = []
    for path in ("/api", "/apis"):
        answer = await api.transport.send(ApiRequest("GET", path, accept=ACCEPT))
        if answer.status != 200:
            raise error_of(answer.status, answer.body)
        found += read_group_list(loads(answer.body))
    return found
