"""OpenAPI documents of the served kinds: v2, the v3 index and one v3 document per group version (KEP-2896).

Built on request from the definitions file, which is read again for the descriptions; callers keep the bytes.
"""

from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from typing import Any, Final

from sampan.api import json
from sampan.api.names import GVK
from sampan.api.resource import Resource
from sampan.api.schema.openapi import to_openapi
from sampan.resources.discovery import groups
from sampan.resources.load import read_definitions
from sampan.resources.openapi_paths import MEDIA, META, paths

_INFO: Final = {"title": "Kubernetes", "version": "unversioned"}
_TOKEN: Final = {
    "BearerToken": {"description": "Bearer Token authentication", "in": "header", "name": "authorization",
                    "type": "apiKey"}
}  # fmt: skip
_ALWAYS: Final = (f"{META}Status", f"{META}DeleteOptions", f"{META}Patch", f"{META}APIResourceList")
_INT_OR_STRING: Final = {"format": "int-or-string", "oneOf": [{"type": "integer"}, {"type": "string"}]}
Raw = Mapping[str, Any]


def v3_path(group: str, version: str) -> str:
    """`api/v1` or `apis/apps/v1`: the key of the index and the path below /openapi/v3/."""
    return f"apis/{group}/{version}" if group else f"api/{version}"


def v3_index(resources: Sequence[Resource], kubernetes: str) -> bytes:
    """`/openapi/v3`: each group version's document, with a hash that changes when the document does."""
    wanted = [("", "v1"), *((group, version) for group, many in groups(resources).items() for version in many)]
    entries = {
        v3_path(group, version): {
            "serverRelativeURL": f"/openapi/v3/{v3_path(group, version)}?hash="
            f"{v3_hash(resources, group, version, kubernetes)}"
        }
        for group, version in wanted
    }
    return json.dumps({"paths": entries})


def v3_hash(resources: Iterable[Resource], group: str, version: str, kubernetes: str) -> str:
    """A hash of all that the document is made from: cheap for built-in kinds, whose definitions a version fixes."""
    digest = sha256(kubernetes.encode())
    for one in _of(resources, group, version):
        digest.update(repr((one.gvk, one.verbs, sorted(one.subresources))).encode())
        if not one.schema.name:
            digest.update(json.dumps(to_openapi(one.schema)))
    return digest.hexdigest().upper()


def _of(resources: Iterable[Resource], group: str, version: str) -> list[Resource]:
    return [one for one in resources if one.mapping.group == group and one.mapping.version == version]


def v3_document(resources: Sequence[Resource], group: str, version: str, kubernetes: str) -> bytes | None:
    """The document of a group version, None if nothing of it is served. `kubernetes` is the version, `1.36`."""
    served = _of(resources, group, version)
    if not served:
        return None
    namer = _Namer(resources)
    listed = _paths(served, namer, group, version)
    schemas = _schemas(served, namer, read_definitions(kubernetes))
    document = {
        "openapi": "3.0.0",
        "info": _INFO,
        "paths": listed,
        "components": {"schemas": schemas, "securitySchemes": _TOKEN},
    }
    return json.dumps(document)


class _Namer:
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


def _paths(served: Iterable[Resource], namer: _Namer, group: str, version: str) -> dict[str, Any]:
    content = {kind: {"schema": {"$ref": f"#/components/schemas/{META}APIResourceList"}} for kind in MEDIA}
    root = f"/apis/{group}/{version}/" if group else f"/api/{version}/"
    found: dict[str, Any] = {
        root: {
            "get": {
                "description": "get available resources",
                "operationId": f"get{group.partition('.')[0].title() or 'Core'}{version.title()}APIResources",
                "responses": {"200": {"description": "OK", "content": content}, "401": {"description": "Unauthorized"}},
            }
        }
    }
    for resource in served:
        found |= paths(resource, namer)
    return found


def _schemas(served: Sequence[Resource], namer: _Namer, raw: Raw) -> dict[str, Any]:
    """All definitions that the documents' kinds refer to, directly or not."""
    found: dict[str, Any] = {}
    wanted = list(_ALWAYS)
    for resource in served:
        kinds = [resource.gvk, resource.gvk._replace(kind=resource.list_kind)]
        kinds += [sub.kind for sub in resource.subresources.values() if sub.kind is not None]
        if resource.schema.name:
            wanted += [namer(kind) for kind in kinds]
        else:
            found |= _custom(resource, namer)
            wanted += [f"{META}ObjectMeta", f"{META}ListMeta"]
            wanted += [namer(kind) for kind in kinds[2:]]
    while wanted:
        name = wanted.pop()
        if name not in found and name in raw:
            found[name] = _component(name, raw[name], wanted)
    return dict(sorted(found.items()))


def _component(name: str, raw: Raw, wanted: list[str]) -> dict[str, Any]:
    if name.endswith(".IntOrString"):
        return {**_INT_OR_STRING, **({"description": raw["description"]} if "description" in raw else {})}
    schema = _clean(raw, wanted)
    for key in ("apiVersion", "kind"):  # the package narrows these for checking files
        schema.get("properties", {}).get(key, {}).pop("enum", None)
    return schema


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


def _custom(resource: Resource, namer: _Namer) -> dict[str, Any]:
    """The schemas of a custom kind and its list."""
    kind, listed = resource.gvk, resource.gvk._replace(kind=resource.list_kind)
    own = to_openapi(resource.schema)
    properties = dict(own.get("properties", {}))
    properties |= {"apiVersion": {"type": "string"}, "kind": {"type": "string"}, "metadata": _ref(f"{META}ObjectMeta")}
    own = {**own, "type": "object", "properties": properties, "x-kubernetes-group-version-kind": [kind._asdict()]}
    items = {"type": "array", "items": _ref(namer(kind))}
    of_list = {"apiVersion": {"type": "string"}, "kind": {"type": "string"}, "metadata": _ref(f"{META}ListMeta")}
    return {
        namer(kind): own,
        namer(listed): {
            "type": "object",
            "required": ["items"],
            "properties": of_list | {"items": items},
            "x-kubernetes-group-version-kind": [listed._asdict()],
        },
    }


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def v2_document(resources: Sequence[Resource], kubernetes: str) -> bytes:
    """`/openapi/v2` as JSON: the v3 parts of all group versions, rewritten."""
    namer = _Namer(resources)
    listed: dict[str, Any] = {}
    for group, version in dict.fromkeys((one.mapping.group, one.mapping.version) for one in resources):
        listed |= _paths(_of(resources, group, version), namer, group, version)
    document = {
        "swagger": "2.0",
        "info": _INFO,
        "paths": {path: _item_v2(item) for path, item in listed.items()},
        "definitions": _references_v2(_schemas(resources, namer, read_definitions(kubernetes))),
        "securityDefinitions": _TOKEN,
        "security": [{"BearerToken": []}],
    }
    return json.dumps(document)


def _references_v2(value: Any) -> Any:
    if isinstance(value, dict):
        if set(value) <= {"allOf", "description"} and len(value.get("allOf", ())) == 1:
            value = {**value, **value["allOf"][0]}
            del value["allOf"]
        return {
            key: str(child).replace("#/components/schemas/", "#/definitions/")
            if key == "$ref" and isinstance(child, str)
            else _references_v2(child)
            for key, child in value.items()
            if key not in ("oneOf", "anyOf", "not")
        }
    return [_references_v2(child) for child in value] if isinstance(value, list) else value


def _item_v2(item: Raw) -> dict[str, Any]:
    return {
        method: [_parameter_v2(one) for one in operation] if method == "parameters" else _operation_v2(operation)
        for method, operation in item.items()
    }


def _parameter_v2(parameter: Raw) -> dict[str, Any]:
    return {**{key: value for key, value in parameter.items() if key != "schema"}, **parameter.get("schema", {})}


def _operation_v2(operation: Raw) -> dict[str, Any]:
    result = {key: value for key, value in operation.items() if key not in ("requestBody", "responses", "parameters")}
    parameters = [_parameter_v2(one) for one in operation.get("parameters", ())]
    body = operation.get("requestBody")
    if body is not None:
        schema = _references_v2(next(iter(body["content"].values()))["schema"])
        parameters.insert(0, {"name": "body", "in": "body", "required": bool(body.get("required")), "schema": schema})
        result["consumes"] = list(body["content"])
    result["produces"] = list(MEDIA)
    result["parameters"] = parameters
    result["responses"] = {code: _response_v2(answer) for code, answer in operation["responses"].items()}
    return result


def _response_v2(answer: Raw) -> dict[str, Any]:
    schemas = [media["schema"] for media in answer.get("content", {}).values()]
    return {"description": answer["description"]} | ({"schema": _references_v2(schemas[0])} if schemas else {})
