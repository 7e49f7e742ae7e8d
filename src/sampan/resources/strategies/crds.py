"""CustomResourceDefinitions: names filled in, the status begun and carried on."""

from sampan.api.json import Obj
from sampan.resources.strategies.checks import spec_of
from sampan.resources.strategies.rules import Rules, fill
from sampan.resources.validation.apiextensions.definitions import (
    check_definition,
    check_definition_status,
    check_definition_update,
)
from sampan.resources.validation.apiextensions.formats import format_warnings


def default_crd(obj: Obj) -> Obj:
    """Singular and list kind from plural and kind; no conversion; the storage version is stored."""
    spec = spec_of(obj)
    names = spec.get("names") or {}
    kind = names.get("kind") or ""
    names = fill(names, singular=kind.lower(), listKind=f"{kind}List" if kind else "")
    spec = {**spec, "names": names}
    if not spec.get("conversion"):
        spec["conversion"] = {"strategy": "None"}
    status = obj.get("status")
    if status and not status.get("storedVersions") and (stored := storage_version(spec)):
        return {**obj, "spec": spec, "status": {**status, "storedVersions": stored}}
    return {**obj, "spec": spec}


def storage_version(spec: Obj) -> list[str]:
    """The name of the version that is stored, if there is one."""
    return [v["name"] for v in spec.get("versions") or () if v.get("storage")][:1]


def begin(obj: Obj) -> Obj:
    """A fresh status: the storage version is the only one stored."""
    stored = storage_version(spec_of(obj))
    names = {"plural": "", "kind": ""}
    return {**obj, "status": {"conditions": None, "acceptedNames": names, "storedVersions": stored}}


def carry_on(new: Obj, old: Obj) -> Obj:
    """A new storage version joins those that are stored."""
    status = new.get("status") or {}
    stored = list(status.get("storedVersions") or ())
    added = [name for name in storage_version(spec_of(new)) if name not in stored]
    return {**new, "status": {**status, "storedVersions": [*stored, *added]}} if added else new


DEFINITIONS = Rules(
    has_status=True,
    warn=format_warnings,
    warn_update=format_warnings,
    defaults=default_crd,
    on_create=begin,
    on_update=carry_on,
    check=check_definition,
    check_change=check_definition_update,
    check_status=check_definition_status,
)
