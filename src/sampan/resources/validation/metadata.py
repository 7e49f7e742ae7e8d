"""What is wrong with metadata, whatever the kind (apimachinery: api/validation/objectmeta.go)."""

from collections.abc import Callable, Sequence
from typing import Any

from sampan.api.json import Obj
from sampan.api.meta import is_dns1123_label, is_qualified_name
from sampan.api.names import parse_api_version
from sampan.api.quote import go_quoted
from sampan.resources.strategies.checks import (
    IMMUTABLE,
    Errors,
    Shown,
    forbidden,
    invalid,
    marshalled,
    not_negative,
    required,
    too_long,
)
from sampan.resources.validation.finalizers import check_finalizers
from sampan.resources.validation.labels import check_annotations, check_labels

Names = Callable[[str], list[str]]
ORPHAN, FOREGROUND = "orphan", "foregroundDeletion"
MOST_MANAGER, MOST_SUBRESOURCE = 128, 256
FIXED = ("name", "namespace", "uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds")
TIMES = frozenset(FIXED[3:])


def check_meta(metadata: Obj, namespaced: bool, names: Names) -> Errors:
    """Metadata of any object (ValidateObjectMeta)."""
    errors: Errors = []
    base = metadata.get("generateName")
    if base:
        errors += [invalid("metadata.generateName", base, text) for text in names(_mask_dash(base))]
    name = metadata.get("name")
    if not name:
        errors.append(required("metadata.name", "name or generateName is required"))
    else:
        errors += [invalid("metadata.name", name, text) for text in names(name)]
    return errors + _common(metadata, namespaced)


def _mask_dash(base: str) -> str:
    return base[:-2] + "a" if len(base) > 1 and base.endswith("-") else base


def _common(metadata: Obj, namespaced: bool) -> Errors:
    errors: Errors = []
    namespace = metadata.get("namespace")
    if namespaced:
        if not namespace:
            errors.append(required("metadata.namespace"))
        else:
            errors += [invalid("metadata.namespace", namespace, text) for text in is_dns1123_label(namespace)]
    elif namespace:
        errors.append(forbidden("metadata.namespace", "not allowed on this type"))
    errors += not_negative("metadata.generation", metadata.get("generation")) + _marks(metadata)
    if finalizers := metadata.get("finalizers"):
        errors += _finalizers(finalizers)
    return errors + _managed(metadata.get("managedFields") or ())


def _marks(metadata: Obj) -> Errors:
    """Labels, annotations and owners."""
    errors: Errors = []
    if labels := metadata.get("labels"):
        errors += check_labels(labels, "metadata.labels")
    if annotations := metadata.get("annotations"):
        errors += check_annotations(annotations, "metadata.annotations")
    if references := metadata.get("ownerReferences"):
        errors += _owners(references)
    return errors


def _owners(references: Sequence[Obj]) -> Errors:
    errors: Errors = []
    controller = ""
    at = "metadata.ownerReferences"
    for reference in references:
        api_version, kind = reference.get("apiVersion") or "", reference.get("kind") or ""
        if not parse_api_version(api_version)[1]:
            errors.append(invalid(f"{at}.apiVersion", api_version, "version must not be empty"))
        missing = [key for key in ("kind", "name", "uid") if not reference.get(key)]
        errors += [invalid(f"{at}.{key}", "", "must not be empty") for key in missing]
        if (api_version, kind) == ("v1", "Event"):
            why = "/v1, Kind=Event is disallowed from being an owner"
            errors.append(invalid(at, _shown_owner(reference), why))
        if reference.get("controller"):
            this = f"{kind}/{reference.get('name') or ''}"
            if controller:
                text = f'Only one reference can have Controller set to true. Found "true" in references for {controller} and {this}'  # noqa: E501
                errors.append(invalid(at, Shown(f"[{','.join(map(_shown_owner, references))}]"), text))
            else:
                controller = this
    return errors


def _shown_owner(reference: Obj) -> Shown:
    made: Obj = {key: reference.get(key) or "" for key in ("apiVersion", "kind", "name", "uid")}
    made |= {key: reference[key] for key in ("controller", "blockOwnerDeletion") if reference.get(key) is not None}
    return Shown(marshalled(made))


def _finalizers(finalizers: list[str]) -> Errors:
    at = "metadata.finalizers"
    errors = [invalid(at, one, text) for one in finalizers for text in is_qualified_name(one)]
    if ORPHAN in finalizers and FOREGROUND in finalizers:
        errors.append(invalid(at, finalizers, f"finalizer {ORPHAN} and {FOREGROUND} cannot be both set"))
    return errors


def check_own_meta(metadata: Obj, namespaced: bool, names: Names) -> Errors:
    """Metadata as built-in kinds look at it by themselves."""
    return check_meta(metadata, namespaced, names) + check_finalizers({"metadata": metadata})


def _managed(entries: Sequence[Obj]) -> Errors:
    errors: Errors = []
    for index, entry in enumerate(entries):
        at = f"metadata.managedFields[{index}]"
        if entry.get("operation") not in ("Apply", "Update"):
            shown = Shown(marshalled(entry.get("operation") or ""))
            errors.append(invalid(f"{at}.operation", shown, "must be `Apply` or `Update`"))
        if entry.get("fieldsType") not in ("FieldsV1", "", None):
            errors.append(invalid(f"{at}.fieldsType", entry["fieldsType"], "must be `FieldsV1`"))
        if len((entry.get("manager") or "").encode()) > MOST_MANAGER:
            errors.append(too_long(f"{at}.manager", MOST_MANAGER))
        if len((entry.get("subresource") or "").encode()) > MOST_SUBRESOURCE:
            errors.append(too_long(f"{at}.subresource", MOST_SUBRESOURCE))
    return errors


def check_meta_update(new: Obj, old: Obj) -> Errors:
    """Metadata of a changed object (ValidateObjectMetaUpdate); that there is a resourceVersion is seen to elsewhere."""
    errors: Errors = []
    if old.get("deletionTimestamp"):
        added = sorted(set(new.get("finalizers") or ()) - set(old.get("finalizers") or ()))
        if added:
            shown = "[]string{" + ", ".join(map(go_quoted, added)) + "}"
            text = f"no new finalizers can be added if the object is being deleted, found new finalizers {shown}"
            errors.append(forbidden("metadata.finalizers", text))
    if (new.get("generation") or 0) < (old.get("generation") or 0):
        errors.append(invalid("metadata.generation", new.get("generation") or 0, "must not be decremented"))
    for key in FIXED:
        value: Any = new.get(key)
        if value != old.get(key):
            shown_value = Shown(marshalled(value)) if key in TIMES else value or ""
            errors.append(invalid(f"metadata.{key}", shown_value, IMMUTABLE))
    return errors + _marks(new) + _managed(new.get("managedFields") or ())
