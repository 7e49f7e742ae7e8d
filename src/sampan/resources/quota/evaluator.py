"""What a kind counts for in quotas: the Evaluator protocol, and counting of objects for all kinds without rules."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from sampan.api.json import Obj
from sampan.resources.quota.amounts import Amounts

ALIASES = {"configmaps", "replicationcontrollers", "resourcequotas", "secrets"}
"""Kinds of the core group that quotas may also name without `count/`."""


@dataclass(frozen=True, slots=True)
class Change:
    """A write that may cost quota."""

    operation: str
    """CREATE or UPDATE"""
    subresource: str
    obj: Obj
    old: Obj | None


class World(Protocol):
    """What usage depends on beside the object itself."""

    @property
    def now(self) -> datetime: ...

    def extended_resources(self) -> Mapping[str, str]:
        """Names of device classes to the extended resources that they stand for (KEP-5004)."""

    def pod(self, namespace: str, name: str) -> Obj | None: ...

    def claims_of_pod(self, namespace: str, uid: str) -> Sequence[Obj]:
        """The ResourceClaims that a pod controls."""


class Evaluator(Protocol):
    """What one kind counts for."""

    def handles(self, change: Change) -> bool:
        """Whether the write can cost anything."""

    def matching(self, names: Collection[str], world: World) -> list[str]:
        """Those of the resources in a quota that this kind counts for."""

    def in_scope(self, requirement: Obj, obj: Obj) -> bool: ...

    def lacking(self, required: Sequence[str], obj: Obj) -> str:
        """Why the object cannot be counted: it says too little."""

    def usage(self, obj: Obj, world: World) -> Amounts: ...


def count_name(group: str, plural: str) -> str:
    """The name under which objects of a kind are counted."""
    return f"count/{plural}.{group}" if group else f"count/{plural}"


class ObjectCount:
    """Counts objects, and nothing else."""

    def __init__(self, group: str, plural: str) -> None:
        name = count_name(group, plural)
        alias = not group and plural in ALIASES
        self._usage: Amounts = {name: "1", plural: "1"} if alias else {name: "1"}

    def handles(self, change: Change) -> bool:
        return change.operation == "CREATE" and not change.subresource

    def matching(self, names: Collection[str], world: World) -> list[str]:
        return [name for name in self._usage if name in names]

    def in_scope(self, requirement: Obj, obj: Obj) -> bool:
        return False

    def lacking(self, required: Sequence[str], obj: Obj) -> str:
        return ""

    def usage(self, obj: Obj, world: World) -> Amounts:
        return self._usage


def requirements(quota: Obj) -> list[Obj]:
    """A quota's scopes as requirements."""
    spec = quota.get("spec") or {}
    made = [{"scopeName": scope, "operator": "Exists"} for scope in spec.get("scopes") or ()]
    return made + list((spec.get("scopeSelector") or {}).get("matchExpressions") or ())


def matches(quota_scopes: Iterable[Obj], evaluator: Evaluator, obj: Obj) -> bool:
    """Whether the object is in all of the scopes."""
    return all(evaluator.in_scope(requirement, obj) for requirement in quota_scopes)


def value_matches(requirement: Obj, value: str) -> bool:
    """Whether a value (empty: none) is as a requirement of a scope asks."""
    values = requirement.get("values") or ()
    match requirement.get("operator"):
        case "In":
            return bool(value) and value in values
        case "NotIn":
            return not value or value not in values
        case "Exists":
            return bool(value)
        case "DoesNotExist":
            return not value
    return False
