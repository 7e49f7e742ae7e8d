"""Whether a body is of the kind that its path serves, in upstream's words."""

from sampan.api.errors import bad_request
from sampan.api.json import Obj
from sampan.api.names import GVK, parse_api_version

GO_TYPE_META = 'struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }'
GO_KINDS = {str: "string", bool: "bool", int: "number", float: "number", dict: "object", list: "array"}


def check_kind(value: Obj, gvk: GVK) -> None:
    """A body may leave kind and apiVersion out; what it says must be what the path serves."""
    kind, api_version = value.get("kind") or gvk.kind, value.get("apiVersion") or gvk.api_version
    if kind == gvk.kind and api_version == gvk.api_version:
        return
    for key, given in (("kind", kind), ("apiVersion", api_version)):
        if not isinstance(given, str):
            field = key[0].upper() + key[1:]
            found = GO_KINDS.get(type(given), "null")
            message = f"json: cannot unmarshal {found} into Go struct field .{field} of type string"
            raise bad_request(f"couldn't get version/kind; json parse error: {message}")
    group, version = parse_api_version(api_version)
    if (group, version) != (gvk.group, gvk.version) and kind == gvk.kind:
        raise bad_request(
            f"the API version in the data ({api_version}) does not match the expected API version ({gvk.api_version})"
        )
    named = f"{version}, Kind={kind}" if not group else f"{group}/{version}, Kind={kind}"
    raise bad_request(
        f'{kind} in version "{version}" cannot be handled as a {gvk.kind}: converting ({named}) to '
        f"({gvk.api_version}, Kind={gvk.kind}): unknown conversion"
    )
