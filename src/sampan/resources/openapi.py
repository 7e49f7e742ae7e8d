"""OpenAPI v3 documents of what is served: the index and one document for each of its entries (KEP-2896).

Built on request from the definitions file, which is read again for the descriptions; callers keep the bytes.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from sampan.api import json
from sampan.api.json import Obj
from sampan.api.names import GVK
from sampan.api.resource import Resource
from sampan.api.schema.openapi import to_openapi
from sampan.resources.discovery import groups
from sampan.resources.load import read_definitions
from sampan.resources.openapi_paths import JSON, MEDIA, META, content, group_words, paths

TOKEN: Final = {
    "BearerToken": {"description": "Bearer Token authentication", "in": "header", "name": "authorization",
                    "type": "apiKey"}
}  # fmt: skip
_INT_OR_STRING: Final = {"format": "int-or-string", "oneOf": [{"type": "integer"}, {"type": "string"}]}
_ZEROS: Final[Mapping[str, Any]] = {"string": "", "integer": 0, "boolean": False}
_KINDS: Final = "x-kubernetes-group-version-kind"
_OF_ALL: Final = frozenset({f"{META}DeleteOptions", f"{META}WatchEvent"})
_INFO_CUSTOM: Final = {"title": "Kubernetes CRD Swagger", "version": "v0.1.0"}
_INFO: Final = "io.k8s.apimachinery.pkg.version.Info"
_FIXED: Final[dict[str, tuple[str, str, str, tuple[str, ...], str]]] = {
    "api": ("core", "get available API versions", "getCoreAPIVersions", MEDIA, f"{META}APIVersions"),
    "apis": ("apis", "get available API versions", "getAPIVersions", MEDIA, f"{META}APIGroupList"),
    "version": ("version", "get the version information for this server", "getCodeVersion", (JSON,), _INFO),
    ".well-known/openid-configuration": (
        "WellKnown", "get service account issuer OpenID configuration, also known as the 'OIDC discovery doc'",
        "getServiceAccountIssuerOpenIDConfiguration", (JSON,), ""),
    "openid/v1/jwks": (
        "openid",
        "get service account issuer OpenID JSON Web Key Set (contains public token verification keys)",
        "getServiceAccountIssuerOpenIDKeyset", ("application/jwk-set+json",), ""),
}  # fmt: skip
"""Documents of one path each: tag, description, name of the operation, media types and definition of the answer."""
Raw = Mapping[str, Any]


def v3_path(group: str, version: str) -> str:
    """`api/v1` or `apis/apps/v1`: the key of the index and the path below /openapi/v3/."""
    return f"apis/{group}/{version}" if group else f"api/{version}"


def info(kubernetes: str) -> Obj:
    """What the documents say about themselves, from Kubernetes' version (`1.36`)."""
    return {"title": "Kubernetes", "version": ".".join(kubernetes.split(".")[:2])}


def v3_index(resources: Sequence[Resource], kubernetes: str) -> bytes:
    """`/openapi/v3`: each document's place, with a hash that changes when the document does."""
    entries = {
        path: {"serverRelativeURL": f"/openapi/v3/{path}?hash={v3_hash(resources, path, kubernetes)}"}
        for path in v3_entries(resources)
    }
    return json.dumps({"paths": entries})


def v3_entries(resources: Sequence[Resource]) -> list[str]:
    """The keys of the index: group versions, built-in groups, and the documents that are always there."""
    wanted = [v3_path("", "v1"), *_FIXED]
    for group, versions in groups(resources).items():
        wanted += [v3_path(group, version) for version in versions]
        if _builtin(resources, group):
            wanted.append(f"apis/{group}")
    return sorted(wanted)


def _builtin(resources: Iterable[Resource], group: str) -> bool:
    return any(one.mapping.group == group and not one.custom for one in resources)


def v3_hash(resources: Iterable[Resource], path: str, kubernetes: str) -> str:
    """A hash of all that the document is made from: cheap for built-in kinds, whose definitions a version fixes."""
    digest = sha256(f"{kubernetes} {path}".encode())
    for one in _of(resources, path):
        digest.update(repr((one.gvk, one.verbs, sorted(one.subresources), sorted(one.selectable))).encode())
        if not one.schema.name:
            digest.update(json.dumps(to_openapi(one.schema)))
    return digest.hexdigest().upper()


def _of(resources: Iterable[Resource], path: str) -> list[Resource]:
    return [one for one in resources if v3_path(one.mapping.group, one.mapping.version) == path]


def v3_document(resources: Sequence[Resource], path: str, kubernetes: str) -> bytes | None:
    """The document of an entry of the index, None for another path. `kubernetes` is the version, `1.36`."""
    namer = Namer(resources)
    listed = path_items(resources, path, namer)
    if not listed:
        return None
    served = _of(resources, path)
    found = schemas(served, listed, namer, read_definitions(kubernetes))
    if served and all(one.custom for one in served):
        components: Obj = {"schemas": found}
        return json.dumps({"openapi": "3.0.0", "info": _INFO_CUSTOM, "paths": listed, "components": components})
    for name in _OF_ALL & found.keys():
        found[name] = {**found[name], _KINDS: _kinds_here(found[name], served)}
    components = {"securitySchemes": TOKEN} | ({"schemas": found} if found else {})
    return json.dumps({"openapi": "3.0.0", "info": info(kubernetes), "paths": listed, "components": components})


def _kinds_here(schema: Raw, served: Sequence[Resource]) -> list[Obj]:
    """The kinds of a definition that all group versions share: the first version's and the document's own."""
    own = {("", "v1")} | {(one.mapping.group, one.mapping.version) for one in served if not one.custom}
    return [one for one in schema.get(_KINDS, ()) if (one["group"], one["version"]) in own]


class Namer:
    """Kind to definition name: of built-in kinds from their schemas, of custom ones from the group turned round."""

    def __init__(self, resources: Iterable[Resource]) -> None:
        self._names = {one.gvk: one.schema.name for one in resources if one.schema.name}

    def __call__(self, kind: GVK) -> str:
        known = self._names.get(kind) or self._names.get(kind._replace(kind=kind.kind.removesuffix("List")))
        if known is not None:
            return f"{known.rpartition('.')[0]}.{kind.kind}"
        if kind.group in ("", "policy", "autoscaling") or kind.group.endswith(".k8s.io"):
            return f"io.k8s.api.{kind.group.partition('.')[0] or 'core'}.{kind.version}.{kind.kind}"
        return ".".join([*reversed(kind.group.split(".")), kind.version, kind.kind])


def path_items(resources: Sequence[Resource], path: str, namer: Namer) -> dict[str, Obj]:
    """The paths of an entry of the index; none for a path that is no entry."""
    if path in _FIXED:
        return _document_path(path, *_FIXED[path])
    parts = path.split("/")
    if len(parts) == 2 and parts[0] == "apis":
        words, tag = group_words(parts[1])
        about = "get information of a group"
        known = _builtin(resources, parts[1])
        return _document_path(path, tag, about, f"get{words}APIGroup", MEDIA, f"{META}APIGroup") if known else {}
    found: dict[str, Obj] = {}
    served = _of(resources, path)
    if any(not one.custom for one in served):
        words, tag = group_words(served[0].mapping.group, served[0].mapping.version)
        about, name = "get available resources", f"get{words}APIResources"
        found = _document_path(path, tag, about, name, MEDIA, f"{META}APIResourceList")
    for resource in served:
        found |= paths(resource, namer)
    return found


def _document_path(path: str, tag: str, about: str, *answer: Any) -> dict[str, Obj]:
    name, media, definition = answer
    operation = {
        "tags": [tag], "description": about, "operationId": name,
        "responses": {
            "200": {"description": "OK", "content": content(media, definition)},
            "401": {"description": "Unauthorized"},
        },
    }  # fmt: skip
    return {f"/{path}/": {"get": operation}}


def schemas(served: Sequence[Resource], listed: Obj, namer: Namer, raw: Raw) -> dict[str, Any]:
    """All definitions that the paths refer to, directly or not."""
    found: dict[str, Any] = {}
    for resource in served:
        if not resource.schema.name:
            found |= _custom(resource, namer, raw)
    wanted = [*_references(listed), *_references(found)]
    while wanted:
        name = wanted.pop()
        if name not in found and name in raw:
            found[name] = _component(name, raw, wanted)
    return dict(sorted(found.items()))


def _references(value: Any) -> list[str]:
    """The names of the definitions that a document's part refers to."""
    if isinstance(value, dict):
        name = value.get("$ref")
        found = [name.rpartition("/")[2]] if isinstance(name, str) else []
        return found + [one for child in value.values() for one in _references(child)]
    return [one for child in value for one in _references(child)] if isinstance(value, list) else []


@cache
def _facts() -> tuple[Mapping[str, Mapping[str, Raw]], Mapping[str, Mapping[str, str]]]:
    """What the definitions leave out: enums and declared defaults, and how Go writes fields (see data/README.md)."""
    data = Path(__file__).parent / "data"
    return json.loads((data / "openapi.json").read_bytes()), json.loads((data / "gotypes.json").read_bytes())


def _component(name: str, raw: Raw, wanted: list[str]) -> dict[str, Any]:
    if name.endswith(".IntOrString"):
        about = "A number, or a string (a percentage or a name)."
        return {"description": raw[name].get("description") or about, **_INT_OR_STRING}
    schema = _clean(raw[name], wanted)
    for key in ("apiVersion", "kind"):  # the package narrows these for checking files
        schema.get("properties", {}).get(key, {}).pop("enum", None)
    declared, go = _facts()
    known, written = declared.get(name, {}), go.get(name, {})
    for key, value in schema.get("properties", {}).items():
        schema["properties"][key] = _field(value, known.get(key, {}), written.get(key, "").startswith("a"), raw)
    return schema


def _field(schema: Obj, known: Raw, always: bool, raw: Raw) -> Obj:
    """The schema of a field with its default and enum; `always`: Go writes its zero value too."""
    reference = schema.get("$ref") or (schema.get("allOf") or [{}])[0].get("$ref", "")
    made = {**schema, **known}
    for below in ("items", "additionalProperties"):
        if below in known:
            made[below] = {**schema.get(below, {}), "enum": known[below]}
    if "enum" in known:
        made["description"] = _enumerated(schema.get("description", ""), known["enum"])
    if always and not known.get("default"):
        zero = _ZEROS.get(schema.get("type", ""))
        if reference and "properties" in raw.get(reference.rpartition("/")[2], {}):
            zero = {}
        if zero is not None:
            made["default"] = zero
    if "$ref" in made and len(made) > 1:
        made["allOf"] = [{"$ref": made.pop("$ref")}]
    return made


def _enumerated(about: str, values: Iterable[str]) -> str:
    """A description with the values that are possible below it."""
    if "Possible enum values:" in about:
        return about
    return "\n".join([f"{about}\n\nPossible enum values:", *(f' - `"{value}"`' for value in values)])


def _clean(raw: Raw, wanted: list[str]) -> dict[str, Any]:
    """A schema as Kubernetes publishes it: no added nulls, references into components, siblings beside allOf."""
    schema: dict[str, Any] = {}
    for key, value in raw.items():
        if key == "$ref" and isinstance(value, str):
            name = str(value).rpartition("/")[2]
            wanted.append(name)
            schema["allOf"] = [{"$ref": f"#/components/schemas/{name}"}]
        elif key == "type" and isinstance(value, list):
            schema["type"] = next(item for item in value if item != "null")
        elif key == "additionalProperties" and value is False:
            continue
        elif key in ("items", "additionalProperties") and isinstance(value, dict):
            schema[key] = _clean(value, wanted)
        elif key == "properties":
            schema[key] = {field: _clean(child, wanted) for field, child in value.items()}
        elif key in ("oneOf", "anyOf"):
            schema[key] = [_clean(child, wanted) for child in value]
        else:
            schema[key] = value
    if set(schema) == {"allOf"}:
        return dict(schema["allOf"][0])
    return schema


def _custom(resource: Resource, namer: Namer, raw: Raw) -> dict[str, Any]:
    """The schemas of a custom kind and its list."""
    kind, listed = resource.gvk, resource.gvk._replace(kind=resource.list_kind)
    own = _embedding(to_openapi(resource.schema), _type_meta(raw))
    plural, fields = resource.mapping.plural, [{"fieldPath": path.lstrip(".")} for path in resource.selectable]
    also: Obj = {"x-kubernetes-selectable-fields": fields} if fields else {}
    properties = {**own.get("properties", {}), **_type_meta(raw)}
    properties["metadata"] = _described(f"{META}ObjectMeta", "Standard object's metadata.")
    of_list = _type_meta(raw) | {"metadata": _described(f"{META}ListMeta", "Standard list metadata.")}
    items = {"type": "array", "description": f"List of {plural}.", "items": _ref(namer(kind))}
    return {
        namer(kind): {**own, "type": "object", "properties": properties, _KINDS: [kind._asdict()], **also},
        namer(listed): {
            "type": "object",
            "description": f"{resource.list_kind} is a list of {kind.kind}",
            "required": ["items"],
            "properties": of_list | {"items": items},
            _KINDS: [listed._asdict()],
            **also,
        },
    }


def _embedding(schema: Obj, type_meta: Obj) -> Obj:
    """A schema in which embedded objects have the fields that all objects have."""
    made = {**schema}
    if "properties" in schema:
        made["properties"] = {key: _embedding(child, type_meta) for key, child in schema["properties"].items()}
    for key in ("items", "additionalProperties"):
        if isinstance(schema.get(key), dict):
            made[key] = _embedding(schema[key], type_meta)
    if schema.get("x-kubernetes-embedded-resource"):
        meta = {**type_meta, "metadata": _described(f"{META}ObjectMeta", "Standard object's metadata.")}
        made["properties"] = {**made.get("properties", {}), **meta}
        required = schema.get("required", [])
        made["required"] = [*required, *(key for key in ("kind", "apiVersion") if key not in required)]
    if schema.get("x-kubernetes-int-or-string") and "anyOf" not in schema:
        made["anyOf"] = [{"type": "integer"}, {"type": "string"}]
    return made


def _type_meta(raw: Raw) -> Obj:
    """The fields apiVersion and kind as all kinds have them."""
    known = raw[f"{META}Status"]["properties"]
    return {key: {"type": "string", "description": known[key]["description"]} for key in ("apiVersion", "kind")}


def _described(name: str, about: str) -> Obj:
    return {"allOf": [_ref(name)], "description": about}


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}
