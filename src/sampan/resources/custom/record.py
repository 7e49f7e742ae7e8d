"""A CustomResourceDefinition as Resource records, one for each served version."""

from collections.abc import Callable, Mapping
from typing import Any

from sampan.api.errors import internal
from sampan.api.json import Obj
from sampan.api.names import GVK, GVR, RestMapping
from sampan.api.resource import Resource, ScalePaths, Subresource
from sampan.api.schema.decode import decode
from sampan.api.schema.default import drop_nulls
from sampan.api.schema.nodes import Node
from sampan.api.schema.openapi import from_openapi
from sampan.api.schema.prune import prune, pruned_fields
from sampan.resources.build import storage_version_hash
from sampan.resources.custom.coerce import coerce, unknown_metadata
from sampan.resources.custom.columns import columns_of, rows_of
from sampan.resources.custom.embedded import has_embedded
from sampan.resources.custom.paths import compile_path, simple_path
from sampan.resources.custom.strategy import CustomStrategy
from sampan.resources.row import RESET_META

VERBS = ("delete", "deletecollection", "get", "list", "patch", "create", "update", "watch")
SUB_VERBS = ("get", "patch", "update")
SCALE = GVK("autoscaling", "v1", "Scale")
STRING = Node("string")


def custom_resources(crd: Obj, meta: Node) -> list[Resource]:
    """The records of the versions that are served. `meta` is the schema of ObjectMeta."""
    return [_resource(crd, version, meta) for version in crd["spec"]["versions"] if version.get("served")]


def custom_schema(schema: Obj, meta: Node) -> Node:
    """The node that bodies are decoded by: metadata as everywhere, the rest pruned and never refused for its types."""
    node = from_openapi(schema)
    own = dict(node.properties)
    for child in (*own.values(), node.items):
        if child is not None:
            _embed(child, meta)
    node._properties = {**own, "apiVersion": STRING, "kind": STRING, "metadata": meta}

    resources = has_embedded(node)

    def plan(value: Any, flags: list[bool]) -> Any:
        rest = {k: v for k, v in value.items() if k != "metadata"}
        kept = prune(rest, node)
        if kept is not rest:
            flags.append(True)
        kept = drop_nulls(kept, node)
        if resources:
            kept = coerce(kept, node, meta, flags)
        decoded, unknown = decode(value.get("metadata") or {}, meta)
        if unknown:
            flags.append(True)
        return {**kept, "metadata": decoded}

    def unknown(value: Any) -> list[str]:
        rest = {k: v for k, v in value.items() if k != "metadata"}
        own = [f"metadata.{path}" for path in decode(value.get("metadata") or {}, meta)[1]]
        found = [*own, *pruned_fields(rest, node)]
        return [*found, *unknown_metadata(prune(rest, node), node, meta)] if resources else found

    node.plan, node.unknown = plan, unknown
    return node


def _embed(node: Node, meta: Node) -> None:
    """Embedded resources have kind, apiVersion and the usual metadata without saying so."""
    if node.embedded:
        node._properties = {**node.properties, "apiVersion": STRING, "kind": STRING, "metadata": meta}
    for key, child in node.properties.items():
        if not (node.embedded and key == "metadata"):
            _embed(child, meta)
    if node.items is not None:
        _embed(node.items, meta)


def _resource(crd: Obj, version: Obj, meta: Node) -> Resource:
    spec = crd["spec"]
    names: Mapping[str, Any] = (crd.get("status") or {}).get("acceptedNames") or spec["names"]
    group, name = spec["group"], version["name"]
    mapping = RestMapping(group, name, names["kind"], names["plural"], spec["scope"] == "Namespaced")
    stored = next(v["name"] for v in spec["versions"] if v.get("storage"))
    schema: Obj = (version.get("schema") or {}).get("openAPIV3Schema") or {"x-kubernetes-preserve-unknown-fields": True}
    subresources: Mapping[str, Any] = version.get("subresources") or {}
    columns, scale = columns_of(version), _scale(subresources.get("scale"))
    return Resource(
        mapping=mapping,
        singular=names.get("singular") or names["kind"].lower(),
        list_kind=names.get("listKind") or f"{names['kind']}List",
        short_names=tuple(names.get("shortNames") or ()),
        categories=tuple(names.get("categories") or ()),
        verbs=VERBS,
        schema=custom_schema(schema, meta),
        strategy=CustomStrategy(
            has_status="status" in subresources,
            status_keeps=RESET_META,
            structural=from_openapi(schema),
            scale=scale,
        ),
        subresources=_subresources(subresources),
        columns=columns,
        rows=rows_of(columns),
        selectable={
            entry["jsonPath"].removeprefix("."): _reader(entry["jsonPath"])
            for entry in version.get("selectableFields") or ()
        },
        storage=GVR(group, stored, names["plural"]),
        from_storage=_conversion(spec, stored, mapping),
        to_storage=_conversion(spec, name, mapping._replace(version=stored)),
        scale=scale,
        storage_version_hash=storage_version_hash(GVK(group, stored, names["kind"])),
        has_generation=True,
        allow_unconditional_update=False,
        deprecated=_deprecation(version, mapping),
        renews=(crd["metadata"].get("generation") or 1) > 1 and _has_defaults(schema),
        custom=True,
    )


def _has_defaults(schema: Any) -> bool:
    if isinstance(schema, dict):
        return "default" in schema or any(map(_has_defaults, schema.values()))
    return isinstance(schema, list) and any(map(_has_defaults, schema))


def _subresources(given: Mapping[str, Any]) -> dict[str, Subresource]:
    made = {}
    if "status" in given:
        made["status"] = Subresource("status", None, SUB_VERBS)
    if "scale" in given:
        made["scale"] = Subresource("scale", SCALE, SUB_VERBS)
    return made


def _scale(given: Mapping[str, Any] | None) -> ScalePaths | None:
    if not given:
        return None
    selector = given.get("labelSelectorPath")
    return ScalePaths(
        simple_path(given["specReplicasPath"]),
        simple_path(given["statusReplicasPath"]),
        simple_path(selector) if selector else (),
    )


def _reader(path: str) -> Callable[[Obj], str]:
    find = compile_path(path)

    def read(obj: Obj) -> str:
        found = find(obj)
        if not found or found[0] is None:
            return ""
        return ("true" if found[0] else "false") if isinstance(found[0], bool) else str(found[0])

    return read


def _conversion(spec: Obj, source: str, target: RestMapping) -> Callable[[Obj], Obj]:
    """From one version of the kind to another: only apiVersion differs, or a webhook would have to be asked."""
    by_webhook = (spec.get("conversion") or {}).get("strategy") == "Webhook"

    def convert(obj: Obj) -> Obj:
        if by_webhook and source != target.version:
            kind = f"{target.group}/{source}, Kind={target.kind}"
            raise internal(f"conversion webhook for {kind} failed: conversion webhooks are not called by this server")
        return {**obj, "apiVersion": target.api_version}

    return convert


def _deprecation(version: Obj, mapping: RestMapping) -> str:
    if not version.get("deprecated"):
        return ""
    return version.get("deprecationWarning") or f"{mapping.api_version} {mapping.kind} is deprecated"
