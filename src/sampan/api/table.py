"""meta.k8s.io/v1 Table and PartialObjectMetadata: objects as rows for people, or as metadata alone."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

from sampan.api.json import Obj
from sampan.api.resource import Resource
from sampan.api.times import format_time, human_duration, parse_time

Include = Literal["Metadata", "Object", "None"]
NAME_TEXT = (
    "Name must be unique within a namespace. Is required when creating resources, although some resources may allow a "
    "client to request the generation of an appropriate name automatically. Name is primarily intended for creation "
    "idempotence and configuration definition. Cannot be updated. More info: "
    "https://kubernetes.io/docs/concepts/overview/working-with-objects/names#names"
)
AGE_TEXT = (
    "CreationTimestamp is a timestamp representing the server time when this object was created. It is not guaranteed "
    "to be set in happens-before order across separate operations. Clients may not set this value. It is represented "
    "in RFC3339 form and is in UTC.\n\nPopulated by the system. Read-only. Null for lists. More info: "
    "https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#metadata"
)
PLAIN_COLUMNS = [
    {"name": "Name", "type": "string", "format": "name", "description": NAME_TEXT, "priority": 0},
    {"name": "Created At", "type": "date", "format": "", "description": AGE_TEXT, "priority": 0},
]
PLAIN_NAMES = [column["name"] for column in PLAIN_COLUMNS]


def column_definitions(resource: Resource) -> list[Obj]:
    """The header of a kind's Table."""
    if resource.rows is None:
        return PLAIN_COLUMNS
    return [
        {"name": c.name, "type": c.type, "format": c.format, "description": c.description, "priority": c.priority}
        for c in resource.columns
    ]


def is_plain(resource: Resource) -> bool:
    """Whether a kind has no columns of its own; upstream then writes no rows as Go's nil slice, null."""
    return resource.rows is None or (not resource.custom and [c.name for c in resource.columns] == PLAIN_NAMES)


def cells(resource: Resource, obj: Obj, now: datetime) -> list[object]:
    """One row's cells."""
    if resource.rows is None:
        meta = obj.get("metadata") or {}
        return [meta.get("name", ""), meta.get("creationTimestamp")]
    return resource.rows(obj, format_time(now))


TEMPLATE_GENERATION = "deprecated.daemonset.template.generation"
"""An annotation that upstream makes of a field when it writes a DaemonSet of apps/v1, and only then."""


def partial(obj: Obj) -> Obj:
    """PartialObjectMetadata of an object."""
    meta = obj.get("metadata") or {}
    annotations = meta.get("annotations")
    if annotations and TEMPLATE_GENERATION in annotations and obj.get("kind") == "DaemonSet":
        annotations = {key: value for key, value in annotations.items() if key != TEMPLATE_GENERATION}
        meta = {key: value for key, value in meta.items() if key != "annotations"}
        if annotations:
            meta["annotations"] = annotations
    return {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": meta}


def partial_list(objects: Sequence[Obj], list_meta: Obj) -> Obj:
    """PartialObjectMetadataList of a list's items."""
    return {
        "kind": "PartialObjectMetadataList",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": list_meta,
        "items": [partial(obj) for obj in objects] or None,  # as Go's nil slice
    }


def table(
    resource: Resource,
    objects: Sequence[Obj],
    list_meta: Obj,
    now: datetime,
    include: Include = "Metadata",
    *,
    header: bool = True,
) -> Obj:
    """A Table. Watches send the header with the first event only."""
    rows: list[Obj] = []
    for obj in objects:
        row: dict[str, Any] = {"cells": cells(resource, obj, now)}
        match include:
            case "Metadata":
                row["object"] = partial(obj)
            case "Object":
                row["object"] = obj
            case "None":
                row["object"] = None
        rows.append(row)
    return {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": list_meta,
        "columnDefinitions": column_definitions(resource) if header else [],
        "rows": rows or (None if is_plain(resource) else []),
    }


def age(timestamp: str | None, now: datetime) -> str:
    """How long ago, as kubectl prints it."""
    if not timestamp:
        return "<unknown>"
    return human_duration((now - parse_time(timestamp)).total_seconds())
