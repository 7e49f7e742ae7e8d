"""The rules for metadata that hold for every kind (apimachinery: api/validation/objectmeta.go). Pure."""

import ipaddress
from collections.abc import Callable, Mapping
from typing import Any

from sampan.api.errors import FieldError
from sampan.api.json import Obj
from sampan.api.meta import (
    is_dns1123_label,
    is_dns1123_subdomain,
    is_label_value,
    is_path_segment,
    is_qualified_name,
)
from sampan.api.names import parse_api_version
from sampan.resources.strategies.checks import forbidden, invalid, not_negative, required

ANNOTATIONS_LIMIT = 256 * 1024
ORPHAN, FOREGROUND = "orphan", "foregroundDeletion"
WIPED = ("uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "selfLink", "resourceVersion")
Names = Callable[[str], list[str]]
RBAC = "rbac.authorization.k8s.io"


def _ip(name: str) -> list[str]:
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return ["must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"]
    return [] if str(address) == name else [f'must be in canonical form ("{address}")']


NAME_RULES: Mapping[tuple[str, str], Names] = {
    ("", "Namespace"): is_dns1123_label,
    ("", "Service"): is_dns1123_label,
    (RBAC, "Role"): is_path_segment,
    (RBAC, "RoleBinding"): is_path_segment,
    (RBAC, "ClusterRole"): is_path_segment,
    (RBAC, "ClusterRoleBinding"): is_path_segment,
    ("networking.k8s.io", "IPAddress"): _ip,
    ("apiregistration.k8s.io", "APIService"): is_path_segment,
}


def name_rule(group: str, kind: str) -> Names:
    """What names of a kind may be."""
    return NAME_RULES.get((group, kind), is_dns1123_subdomain)


def prepare_create(metadata: Obj, uid: str, now: str) -> Obj:
    """Metadata of a new object: what only the server may set is set by it."""
    kept = {key: value for key, value in metadata.items() if key not in WIPED and key != "generation"}
    return {**kept, "uid": uid, "creationTimestamp": now}


def carry_over(new: Obj, old: Obj) -> Obj:
    """Metadata of an update: what an update may not change stays; an absent uid is the old one's."""
    made = dict(new)
    for key in ("generation", "creationTimestamp"):
        if key in old:
            made[key] = old[key]
        else:
            made.pop(key, None)
    if not made.get("uid") and "uid" in old:
        made["uid"] = old["uid"]
    if "deletionTimestamp" in old:
        made["deletionTimestamp"] = old["deletionTimestamp"]
    if "deletionGracePeriodSeconds" in old and made.get("deletionGracePeriodSeconds") is None:
        made["deletionGracePeriodSeconds"] = old["deletionGracePeriodSeconds"]
    return made


def validate(metadata: Obj, namespaced: bool, names: Names) -> list[FieldError]:
    """ValidateObjectMeta."""
    errors: list[FieldError] = []
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


def _common(metadata: Obj, namespaced: bool) -> list[FieldError]:
    errors: list[FieldError] = []
    namespace = metadata.get("namespace")
    if namespaced:
        if not namespace:
            errors.append(required("metadata.namespace"))
        else:
            errors += [invalid("metadata.namespace", namespace, text) for text in is_dns1123_label(namespace)]
    elif namespace:
        errors.append(forbidden("metadata.namespace", "not allowed on this type"))
    errors += not_negative("metadata.generation", metadata.get("generation"))
    if labels := metadata.get("labels"):
        errors += validate_labels(labels, "metadata.labels")
    if annotations := metadata.get("annotations"):
        errors += validate_annotations(annotations)
    if references := metadata.get("ownerReferences"):
        errors += validate_owners(references)
    if finalizers := metadata.get("finalizers"):
        errors += validate_finalizers(finalizers)
    return errors


def validate_labels(labels: Mapping[str, str], field: str) -> list[FieldError]:
    """ValidateLabels."""
    errors: list[FieldError] = []
    for key, value in sorted(labels.items()):
        errors += [invalid(field, key, text) for text in is_qualified_name(key)]
        errors += [invalid(field, value, text) for text in is_label_value(value)]
    return errors


def validate_annotations(annotations: Mapping[str, str]) -> list[FieldError]:
    """ValidateAnnotations: keys, and their size together."""
    field = "metadata.annotations"
    errors = [invalid(field, key, text) for key in sorted(annotations) for text in is_qualified_name(key.lower())]
    if sum(len(key.encode()) + len(value.encode()) for key, value in annotations.items()) > ANNOTATIONS_LIMIT:
        errors.append(
            FieldError("FieldValueTooLong", field, f"Too long: may not be more than {ANNOTATIONS_LIMIT} bytes")
        )
    return errors


def validate_owners(references: list[Obj]) -> list[FieldError]:
    """ValidateOwnerReferences."""
    errors: list[FieldError] = []
    controller = ""
    field = "metadata.ownerReferences"
    for reference in references:
        api_version, kind = reference.get("apiVersion", ""), reference.get("kind", "")
        if not parse_api_version(api_version)[1]:
            errors.append(invalid(f"{field}.apiVersion", api_version, "version must not be empty"))
        missing = [key for key in ("kind", "name", "uid") if not reference.get(key)]
        errors += [invalid(f"{field}.{key}", reference.get(key, ""), "must not be empty") for key in missing]
        if (api_version, kind) == ("v1", "Event"):
            errors.append(invalid(field, reference, "/v1, Kind=Event is disallowed from being an owner"))
        if reference.get("controller"):
            this = f"{kind}/{reference.get('name', '')}"
            if controller:
                text = f'Only one reference can have Controller set to true. Found "true" in references for {controller} and {this}'  # noqa: E501
                errors.append(invalid(field, references, text))
            else:
                controller = this
    return errors


def validate_finalizers(finalizers: list[str]) -> list[FieldError]:
    """ValidateFinalizers."""
    field = "metadata.finalizers"
    errors = [invalid(field, one, text) for one in finalizers for text in is_qualified_name(one)]
    if ORPHAN in finalizers and FOREGROUND in finalizers:
        text = f"finalizer {ORPHAN} and {FOREGROUND} cannot be both set"
        errors.append(invalid(field, finalizers, text))
    return errors


def validate_update(new: Obj, old: Obj) -> list[FieldError]:
    """ValidateObjectMetaUpdate. resourceVersion is checked by the caller."""
    errors: list[FieldError] = []
    if old.get("deletionTimestamp"):
        added = sorted(set(new.get("finalizers") or ()) - set(old.get("finalizers") or ()))
        if added:
            shown = "[]string{" + ", ".join(f'"{one}"' for one in added) + "}"
            text = f"no new finalizers can be added if the object is being deleted, found new finalizers {shown}"
            errors.append(forbidden("metadata.finalizers", text))
    if (new.get("generation") or 0) < (old.get("generation") or 0):
        errors.append(invalid("metadata.generation", new.get("generation") or 0, "must not be decremented"))
    for key in ("name", "namespace", "uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds"):
        value: Any = new.get(key)
        if value != old.get(key):
            errors.append(invalid(f"metadata.{key}", value if value is not None else "", "field is immutable"))
    return errors
