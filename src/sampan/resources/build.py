"""builtin_resources: the rows of BUILTINS that a Kubernetes version serves, as Resource records."""

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from hashlib import sha256
from importlib import import_module

from sampan.api.names import GVK, GVR, RestMapping
from sampan.api.resource import Resource, Strategy
from sampan.api.schema.nodes import Node
from sampan.resources import BUILTINS
from sampan.resources.convert import CONVERSIONS, STORED_AS
from sampan.resources.late import late
from sampan.resources.load import Definitions, load_schema, minor_of
from sampan.resources.printers import DEFAULT, PRINTERS
from sampan.resources.row import Row
from sampan.resources.strategies import STRATEGIES
from sampan.resources.strategy import GenericStrategy


def definition_name(gvk: GVK) -> str:
    """The name of a kind's definition: io.k8s.api.rbac.v1.Role for rbac.authorization.k8s.io/v1 Role."""
    return f"io.k8s.api.{gvk.group.partition('.')[0] or 'core'}.{gvk.version}.{gvk.kind}"


def body_schema(version: str, kind: GVK) -> Node:
    """The schema of any kind that bodies may have, those of subresources included (Eviction, Scale, TokenRequest).

    DeleteOptions and the like are in the group meta.k8s.io. Raises KeyError for a kind the version does not know.
    """
    definitions = load_schema(version)
    row = next((row for row in BUILTINS if row.gvk == kind and row.definition), None)
    if row is not None:
        return definitions.node(row.definition)
    if kind.group == "meta.k8s.io":
        return definitions.node(f"io.k8s.apimachinery.pkg.apis.meta.{kind.version}.{kind.kind}")
    return definitions.node(definition_name(kind))


def storage_version_hash(gvk: GVK) -> str:
    """Discovery's hash of the stored version (KEP-2339)."""
    return b64encode(sha256(f"{gvk.group}/{gvk.version}/{gvk.kind}".encode()).digest()[:8]).decode()


def builtin_resources(version: str) -> tuple[Resource, ...]:
    """All kinds that Kubernetes `version` (`1.36`) serves by default, in the order of BUILTINS.

    Raises load.UnknownVersion.
    """
    minor = minor_of(version)
    definitions = load_schema(version)
    rows = [row for row in BUILTINS if row.served(minor)]
    stored: dict[tuple[str, str], GVR] = dict(STORED_AS)
    for row in rows:
        stored.setdefault((row.group, row.kind), GVR(row.group, row.version, row.plural))
    built = tuple(_resource(row, minor, definitions, stored) for row in rows)
    definitions.drop_prose()
    return built


def _resource(row: Row, minor: int, definitions: Definitions, stored: Mapping[tuple[str, str], GVR]) -> Resource:
    mapping = RestMapping(row.group, row.version, row.kind, row.plural, row.namespaced)
    storage = stored[row.group, row.kind]
    foreign = storage != GVR(row.group, row.version, row.plural)
    there = storage.version if storage.group == row.group else f"core/{storage.version}"
    columns, rows = PRINTERS.get((row.group, row.kind), DEFAULT)
    schema = definitions.node(row.definition or definition_name(row.gvk))
    subresources = {sub.name: sub for sub in row.subresources if row.subresources_since.get(sub.name, 0) <= minor}
    return Resource(
        mapping=mapping,
        singular=row.kind.lower(),
        list_kind=f"{row.kind}List",
        short_names=row.short,
        categories=row.categories,
        verbs=row.verbs,
        schema=schema,
        strategy=_strategy(row, "status" in subresources, schema),
        subresources=subresources,
        columns=tuple(definitions.documented(column) for column in columns),
        rows=rows,
        selectable=row.selectable,
        storage=storage if foreign else None,
        from_storage=CONVERSIONS[row.group, row.kind, there, row.version] if foreign else None,
        to_storage=CONVERSIONS[row.group, row.kind, row.version, there] if foreign else None,
        scale=row.scale,
        storage_version_hash=_hash(row, minor, storage),
        has_generation=row.generation_since <= minor,
        allow_create_on_update=row.create_on_update,
        allow_unconditional_update=row.unconditional_update,
        deprecated=row.deprecated.text(row.gvk) if row.deprecated and row.deprecated.since <= minor else "",
        graceful=row.graceful,
    )


def _hash(row: Row, minor: int, storage: GVR) -> str:
    if "watch" not in row.verbs:
        return ""
    version = row.before if row.before and (row.always_before or minor == row.since) else storage.version
    return storage_version_hash(GVK(storage.group, version, row.kind))


def _strategy(row: Row, has_status: bool, schema: Node) -> Strategy:
    """The kind's own strategy or one that asks for nothing; either is told what the row and the schema say."""
    named = STRATEGIES.get((row.group, row.kind), "rules.NONE")
    return late(partial(_load, named, row, has_status, schema))


def _load(named: str, row: Row, has_status: bool, schema: Node) -> Strategy:
    module, _, name = named.partition(".")
    own: Strategy = getattr(import_module(f"sampan.resources.strategies.{module}"), name)
    if not isinstance(own, GenericStrategy):
        return own
    return replace(
        own,
        has_status=has_status,
        status_keeps=row.status_keeps,
        status_on_create=row.status_on_create,
        schema=schema,
    )
