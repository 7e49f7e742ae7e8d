"""Who wrote which fields: what a request is to server-side apply's bookkeeping (api/patch/track.py)."""

from functools import partial

from sampan.api.errors import StatusError
from sampan.api.json import Obj
from sampan.api.names import parse_api_version
from sampan.api.patch.places import DEDUCED, Place, place_of, root_of_custom
from sampan.api.patch.track import Scope
from sampan.api.resource import Resource
from sampan.apiserver.call import Call
from sampan.apiserver.live import LiveResources
from sampan.apiserver.reset_fields import reset_fields

MANAGER_LIMIT = 128


def manager_of(field_manager: str, user_agent: str) -> str:
    """The field manager of a request: its parameter, or the product in the User-Agent."""
    if field_manager:
        return field_manager
    name = user_agent.partition("/")[0]
    return "".join(char for char in name if char.isprintable())[:MANAGER_LIMIT] or "unknown"


def scope_of(call: Call) -> Scope:
    """What a request writes to."""
    resource, subresource = call.resource, call.info.subresource
    mapping = resource.mapping
    return Scope(
        resource.gvk.api_version,
        mapping.kind,
        root_place(call.kit.live, resource),
        call.kit.now(),
        subresource,
        reset_fields(mapping.group, mapping.plural, subresource, "status" in resource.subresources),
        partial(_place_at, call.kit.live, mapping.plural),
        partial(_convert, call.kit.live, mapping.plural),
    )


def _served(live: LiveResources, plural: str, api_version: str) -> Resource | None:
    try:
        return live.get(*parse_api_version(api_version), plural)
    except ValueError:
        return None


def _place_at(live: LiveResources, plural: str, api_version: str) -> Place | None:
    found = _served(live, plural, api_version)
    return None if found is None else root_place(live, found)


def root_place(live: LiveResources, resource: Resource) -> Place:
    """The place of a kind's objects. Custom kinds have no name in their schema; their metadata is everybody's."""
    schema = resource.schema
    if schema.name:
        return place_of(schema)
    common = live.get("", "v1", "configmaps")
    metadata = place_of(common.schema.properties["metadata"]) if common is not None else DEDUCED
    return root_of_custom(schema, metadata)


def _convert(live: LiveResources, plural: str, obj: Obj, api_version: str) -> Obj:
    """An object of one served version as another one."""
    source, target = _served(live, plural, obj.get("apiVersion", "")), _served(live, plural, api_version)
    if source is None or target is None or source is target:
        return obj
    try:
        if live.stored(source) is not source and source.to_storage is not None:
            obj = source.to_storage(obj)
        if live.stored(target) is not target and target.from_storage is not None:
            obj = target.from_storage(obj)
    except StatusError:
        pass  # a webhook converts this kind; it is not asked for the bookkeeping: fields count by their paths alone
    return {**obj, "apiVersion": api_version}
