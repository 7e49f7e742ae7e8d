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
    """Singular and list kind from plural and kind; no conversion."""
    spec = spec_of(obj)
    names = spec.get("names") or {}
    kind = names.get("kind") or ""
    names = fill(names, singular=kind.lower(), listKind=f"{kind}List" if kind else "")
    spec = {**spec, "names": names}
    if not spec.get("conversion"):
        spec["conversion"] = {"strategy": "None"}
    return {**obj, "spec": spec}


def begin(obj: Obj) -> Obj:
    """A fresh status: the storage version is the only one stored."""
    stored = [v["name"] for v in spec_of(obj).get("versions") or () if v.get("storage")][:1]
    names = {"plural": "", "kind": ""}
    return {**obj, "status": {"conditions": None, "acceptedNames": names, "storedVersions": stored}}


def carry_on(new: Obj, old: Obj) -> Obj:
    """A new storage version joins those that are stored."""
    status = new.get("status") or {}
    stored = list(status.get("storedVersions") or ())
    wanted = [v["name"] for v in spec_of(new).get("versions") or () if v.get("storage")][:1]
    added = [name for name in wanted if name not in stored]
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
