"""Managers of a workload as managers of its Scale, and back (apimachinery: util/managedfields/scalehandler.go)."""

from collections.abc import Mapping
from typing import Final

from sampan.api.patch.fields import FieldSet, difference, has, paths_set, union
from sampan.api.patch.managed import APPLY, UPDATE, Managed, Manager, Owned

SCALE_VERSION: Final = "autoscaling/v1"
_REPLICAS: Final = paths_set("spec.replicas")
Paths = Mapping[str, str]
"""Version of the workload to the dotted path of its replicas; versions that are not there are not served."""


def _elements(path: str) -> tuple[str, ...]:
    return tuple(f"f:{name}" for name in path.split("."))


def to_scale(parents: Managed, paths: Paths) -> Managed:
    """The owners of the workload's replicas as the owners of the Scale's."""
    found: Managed = {}
    for key, owned in parents.items():
        path = paths.get(owned.api_version)
        if path and has(owned.fields, _elements(path)):
            found[_in_scale(key)] = Owned(_REPLICAS, SCALE_VERSION, owned.time)
    return found


def _in_scale(key: Manager) -> Manager:
    return key._replace(api_version=SCALE_VERSION) if key.operation == UPDATE else key


def to_parent(parents: Managed, scale: Managed, paths: Paths, api_version: str) -> Managed:
    """The workload's owners after a write to its Scale, whose owners are `scale`.

    Upstream loses the time of an updater that comes by the Scale; so do we.
    """
    left = dict(scale)
    found: Managed = {}
    for key, owned in parents.items():
        if owned.api_version not in paths:
            continue
        path = paths[owned.api_version]
        if not path or not has(owned.fields, _elements(path)) or (key.operation == APPLY and key in left):
            found[key] = owned
            left.pop(key, None)
            continue
        fields = difference(owned.fields, paths_set(path))
        if fields:
            found[key] = Owned(fields, owned.api_version, owned.time)
    for key, owned in left.items():
        if not has(owned.fields, _elements("spec.replicas")):
            continue
        parent = key if key.operation == APPLY else key._replace(api_version=api_version)
        known = parents.get(parent) if key.operation == APPLY else None
        fields = paths_set(paths[api_version])
        if parent in found:
            fields = _joined(found[parent].fields, fields)
        found[parent] = Owned(fields, api_version, known.time if known is not None else None)
    return found


def _joined(ours: FieldSet, theirs: FieldSet) -> FieldSet:
    return union(ours, theirs)
