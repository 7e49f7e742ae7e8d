"""What is wrong with the spec of a claim or of its template (core validation: ValidatePersistentVolumeClaimSpec)."""

from typing import Final

from sampan.api.json import Obj
from sampan.api.meta import is_dns1123_label, is_dns1123_subdomain
from sampan.api.quantity import canonical, number
from sampan.resources.strategies.checks import Errors, Shown, forbidden, invalid, not_supported, required
from sampan.resources.validation.labels import check_label_selector

ACCESS_MODES: Final = ("ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod")
VOLUME_MODES: Final = ("Block", "Filesystem")
ALONE = "ReadWriteOncePod"
A_PATH = Shown("{}")
"""Upstream shows a path object there, which has no visible fields."""


def check_claim_spec(spec: Obj, at: str, *, any_value: bool = False, any_group: bool = False) -> Errors:
    """A PersistentVolumeClaimSpec at `at`.

    `any_value`: the selector's values need not be labels' values; `any_group`: API groups of data sources may be wrong.
    """
    modes = spec.get("accessModes") or ()
    errors: Errors = []
    if not modes:
        errors.append(required(f"{at}.accessModes", "at least 1 access mode is required"))
    errors += check_label_selector(spec.get("selector"), f"{at}.selector", any_value=any_value)
    errors += [not_supported(f"{at}.accessModes", mode, ACCESS_MODES) for mode in modes if mode not in ACCESS_MODES]
    if ALONE in modes and any(mode != ALONE and mode in ACCESS_MODES for mode in modes):
        errors.append(forbidden(f"{at}.accessModes", "may not use ReadWriteOncePod with other access modes"))
    errors += _size(spec, f"{at}.resources[storage]")
    errors += _class_name(spec, at, "storageClassName")
    mode = spec.get("volumeMode")
    if mode is not None and mode not in VOLUME_MODES:
        errors.append(not_supported(f"{at}.volumeMode", mode, VOLUME_MODES))
    return errors + _sources(spec, at, any_group) + _class_name(spec, at, "volumeAttributesClassName")


def _size(spec: Obj, at: str) -> Errors:
    size = ((spec.get("resources") or {}).get("requests") or {}).get("storage")
    if size is None:
        return [required(at)]
    return [] if number(size) > 0 else [invalid(at, canonical(size), "must be greater than zero")]


def _class_name(spec: Obj, at: str, field: str) -> Errors:
    name = spec.get(field)
    return [invalid(f"{at}.{field}", name, text) for text in is_dns1123_subdomain(name)] if name else []


def _sources(spec: Obj, at: str, any_group: bool) -> Errors:
    source, ref = spec.get("dataSource"), spec.get("dataSourceRef")
    errors: Errors = []
    if source is not None:
        errors += _source(source, f"{at}.dataSource", any_group)
    if ref is None:
        return errors
    errors += _source(ref, f"{at}.dataSourceRef", any_group)
    namespace = ref.get("namespace")
    if namespace:
        errors += [invalid(f"{at}.dataSourceRef.namespace", namespace, text) for text in is_dns1123_label(namespace)]
    if source is None:
        return errors
    if namespace:
        errors.append(invalid(at, A_PATH, "may not be specified when dataSourceRef.namespace is specified"))
    elif any(source.get(key) != ref.get(key) for key in ("apiGroup", "kind", "name")):
        errors.append(invalid(at, A_PATH, "must match dataSourceRef"))
    return errors


def _source(source: Obj, at: str, any_group: bool) -> Errors:
    kind, group = source.get("kind") or "", source.get("apiGroup") or ""
    errors: Errors = [required(f"{at}.{name}") for name in ("name", "kind") if not source.get(name)]
    if not group and kind != "PersistentVolumeClaim":
        why = "must be 'PersistentVolumeClaim' when referencing the default apiGroup"
        errors.append(invalid(at, kind, why))
    if group and not any_group:
        errors += [invalid(f"{at}.apiGroup", group, text) for text in is_dns1123_subdomain(group)]
    return errors
