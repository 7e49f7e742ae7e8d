"""What is wrong with CustomResourceDefinitions (apiextensions: validation)."""

from collections.abc import Sequence
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from sampan.api.json import Obj
from sampan.api.meta import is_condition_true, is_dns1035_label, is_dns1123_subdomain
from sampan.resources.strategies.checks import (
    Errors,
    immutable,
    invalid,
    meta_of,
    named,
    not_among,
    required,
    spec_of,
)
from sampan.resources.validation.apiextensions.columns import check_columns, check_scale, check_selectable
from sampan.resources.validation.apiextensions.conversion import check_conversion
from sampan.resources.validation.apiextensions.printed import shown_versions
from sampan.resources.validation.apiextensions.schema import check_version_schema
from sampan.resources.validation.metadata import check_meta_update

APPROVAL = "api-approved.kubernetes.io"
PROTECTED = ("k8s.io", "kubernetes.io")
ENHANCEMENT = "see https://github.com/kubernetes/enhancements/pull/1111"
SHARED = ("schema", "subresources", "additionalPrinterColumns", "selectableFields")
PRESERVES = "cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead"
LONGEST_WARNING = 256


class Before(NamedTuple):
    """What the definition was, as far as it makes checks of its new state milder."""

    schemas: dict[str, Any]
    """Of its versions."""
    reviews_unknown: bool
    """It has conversion review versions, none of which is known."""
    ca_unchecked: bool
    columns: dict[str, Any]
    """The selectable fields of its versions."""


NEW = Before({}, False, True, {})


def check_definition(obj: Obj) -> Errors:
    """What is wrong with a new definition."""
    errors: Errors = []
    spec = spec_of(obj)
    name, names = meta_of(obj).get("name"), spec.get("names") or {}
    if name != f"{names.get('plural', '')}.{spec.get('group', '')}":
        errors.append(invalid("metadata.name", name, 'must be spec.names.plural+"."+spec.group'))
    errors += _spec(spec, NEW) + _rest(obj) + _approval(obj, None)
    return errors + _preserving(spec, None)


def check_definition_update(new: Obj, old: Obj) -> Errors:
    """What is wrong with a definition that there was before."""
    errors = check_meta_update(meta_of(new), meta_of(old))
    spec, was = spec_of(new), spec_of(old)
    established = is_condition_true(old, "Established")
    errors += _spec(spec, _before(was, established))
    names, old_names = spec.get("names") or {}, was.get("names") or {}
    if established:
        errors += _kept("spec.scope", spec.get("scope"), was.get("scope"), is_type=True)
        errors += immutable("spec.names.kind", names.get("kind", ""), old_names.get("kind", ""))
    errors += immutable("spec.group", spec.get("group", ""), was.get("group", ""))
    errors += immutable("spec.names.plural", names.get("plural", ""), old_names.get("plural", ""))
    errors += _rest(new) + _approval(new, old)
    return errors + _preserving(spec, was)


def check_definition_status(new: Obj, old: Obj) -> Errors:
    """What is wrong with a new status."""
    return _names((new.get("status") or {}).get("acceptedNames") or {}, "status.acceptedNames")


def _kept(at: str, new: Any, old: Any, *, is_type: bool) -> Errors:
    return immutable(at, named(new or "") if is_type else new, named(old or "") if is_type else old)


def _before(was: Obj, established: bool) -> Before:
    versions = was.get("versions") or ()
    webhook = (was.get("conversion") or {}).get("webhook") or {}
    reviews = webhook.get("conversionReviewVersions") or []
    return Before(
        {one.get("name", ""): (one.get("schema") or {}).get("openAPIV3Schema") for one in versions},
        bool(reviews) and not {"v1", "v1beta1"} & set(reviews),
        not established,
        {one.get("name", ""): one.get("selectableFields") for one in versions},
    )


def _lifted(spec: Obj) -> tuple[Obj, list[Obj] | None]:
    """What all versions have alike, and the versions without it (upstream's internal form)."""
    versions = spec.get("versions")
    if not versions:
        return {}, versions
    first = versions[0]
    top = {
        key: first.get(key)
        for key in SHARED
        if all((one.get(key) or None) == (first.get(key) or None) for one in versions)
        or all(one.get(key) == first.get(key) for one in versions)
    }
    return top, [{key: value for key, value in one.items() if key not in top} for one in versions]


def _spec(spec: Obj, before: Before) -> Errors:
    top, versions = _lifted(spec)
    errors = _group(spec.get("group") or "") + _scope(spec.get("scope") or "")
    given = versions or []
    whole = (top.get("schema") or {}).get("openAPIV3Schema")
    if whole is None:
        errors += [
            required(f"spec.versions[{index}].schema.openAPIV3Schema")
            for index, version in enumerate(given)
            if (version.get("schema") or {}).get("openAPIV3Schema") is None
        ]
    if spec.get("preserveUnknownFields") and _has_default(spec.get("versions")):
        errors.append(
            invalid("spec.preserveUnknownFields", True, "must be false in order to use defaults in the schema")
        )
    for index, version in enumerate(given):
        errors += _version(version, f"spec.versions[{index}]", _own_status(top, version, given), before)
    errors += _together(spec, top, versions)
    errors += _required_names(spec.get("names") or {}) + _names(spec.get("names") or {}, "spec.names")
    errors += _top(spec, top, given, before)
    strategy = (spec.get("conversion") or {}).get("strategy")
    if spec.get("preserveUnknownFields") and spec.get("conversion") is not None and strategy != "None":
        text = "must be None if spec.preserveUnknownFields is true"
        errors.append(invalid("spec.conversion.strategy", named(strategy or ""), text))
    return errors + check_conversion(
        spec.get("conversion"), "spec.conversion", lenient=before.reviews_unknown, any_ca=before.ca_unchecked
    )


def _group(group: str) -> Errors:
    if not group:
        return [required("spec.group")]
    if found := is_dns1123_subdomain(group):
        return [invalid("spec.group", group, ",".join(found))]
    if "." not in group:
        return [invalid("spec.group", group, "should be a domain with at least one dot")]
    return []


def _scope(scope: str) -> Errors:
    if not scope:
        return [required("spec.scope")]
    return [] if scope in ("Cluster", "Namespaced") else [not_among("spec.scope", scope, ("Cluster", "Namespaced"))]


def _has_default(value: Any) -> bool:
    if isinstance(value, dict):
        return value.get("default") is not None or any(map(_has_default, value.values()))
    return isinstance(value, list) and any(map(_has_default, value))


def _own_status(top: Obj, version: Obj, versions: Sequence[Obj]) -> bool:
    """Whether a version's schema is that of a kind with a status subresource."""
    if any(one.get("subresources") is not None for one in versions):
        return (version.get("subresources") or {}).get("status") is not None
    return (top.get("subresources") or {}).get("status") is not None


def _version(version: Obj, at: str, status: bool, before: Before) -> Errors:
    errors: Errors = []
    name = version.get("name", "")
    if found := is_dns1035_label(name):
        errors.append(invalid(f"{at}.name", name, ",".join(found)))
    errors += _deprecation(version, f"{at}.deprecationWarning")
    schema = (version.get("schema") or {}).get("openAPIV3Schema")
    if schema is not None:
        same = before.schemas.get(name) == schema
        errors += check_version_schema(schema, f"{at}.schema.openAPIV3Schema", status=status, known=same)
    errors += check_scale(version.get("subresources"), f"{at}.subresources")
    errors += check_columns(version.get("additionalPrinterColumns"), f"{at}.additionalPrinterColumns")
    fields = version.get("selectableFields")
    if not fields:
        return errors
    if schema is None:
        text = "may only be set when `version.schema.openAPIV3Schema` is not included"
        return [*errors, invalid(f"{at}.selectableFields", "", text)]
    many = len(before.columns.get(name) or ()) > 8 and before.columns.get(name) == fields
    return errors + check_selectable(fields, schema, f"{at}.selectableFields", any_number=many)


def _deprecation(version: Obj, at: str) -> Errors:
    text = version.get("deprecationWarning")
    if text is None:
        return []
    if not version.get("deprecated"):
        return [invalid(at, text, "can only be set for deprecated versions")]
    problems = []
    if len(text.encode()) > LONGEST_WARNING:
        problems.append(f"must be <= {LONGEST_WARNING} characters long")
    if not text:
        problems.append("must not be an empty string")
    unseen = next((char for char in text if not char.isprintable()), "")
    if unseen:
        place = len(text[: text.index(unseen)].encode())
        what = "must only contain printable UTF-8 characters; non-printable character found at index"
        problems.append(f"{what} {place}")
    return [invalid(at, text, problem) for problem in problems]


def _together(spec: Obj, top: Obj, versions: list[Obj] | None) -> Errors:
    errors: Errors = []
    given, shown = versions or [], shown_versions(versions)
    if len({one.get("name", "") for one in given}) != len(given):
        errors.append(invalid("spec.versions", shown, "must contain unique version names"))
    if sum(bool(one.get("storage")) for one in given) != 1:
        errors.append(invalid("spec.versions", shown, "must have exactly one version marked as storage version"))
    name = given[0].get("name", "") if given else ""
    if name and (found := is_dns1035_label(name)):
        errors.append(invalid("spec.version", name, ",".join(found)))
    return errors


def _top(spec: Obj, top: Obj, versions: Sequence[Obj], before: Before) -> Errors:
    """What all versions have alike, which upstream calls the kind's."""
    name = versions[0].get("name", "") if versions else ""
    schema = (top.get("schema") or {}).get("openAPIV3Schema")
    errors: Errors = []
    if schema is not None:
        status = any((one.get("subresources") or {}).get("status") is not None for one in spec.get("versions") or ())
        same = before.schemas.get(name) == schema
        errors += check_version_schema(schema, "spec.validation.openAPIV3Schema", status=status, known=same)
    errors += check_scale(top.get("subresources"), "spec.subresources")
    errors += check_columns(top.get("additionalPrinterColumns"), "spec.additionalPrinterColumns")
    fields = top.get("selectableFields")
    if not fields:
        return errors
    if top.get("schema") is None:
        text = "may only be set when validations.schema is included"
        return [*errors, invalid("spec.selectableFields", "", text)]
    return errors + check_selectable(fields, schema or {}, "spec.selectableFields")


def _required_names(names: Obj) -> Errors:
    return [required(f"spec.names.{key}") for key in ("plural", "singular", "kind", "listKind") if not names.get(key)]


def _names(names: Obj, at: str) -> Errors:
    errors: Errors = []
    for key, mixed in (("plural", False), ("singular", False), ("kind", True), ("listKind", True)):
        value = names.get(key) or ""
        if value and (found := is_dns1035_label(value.lower() if mixed else value)):
            text = "may have mixed case, but should otherwise match: " if mixed else ""
            errors.append(invalid(f"{at}.{key}", value, f"{text}{','.join(found)}"))
    errors += _labels(names.get("shortNames"), f"{at}.shortNames")
    if names.get("kind") and names["kind"] == names.get("listKind"):
        errors.append(invalid(f"{at}.listKind", names["listKind"], "kind and listKind may not be the same"))
    return errors + _labels(names.get("categories"), f"{at}.categories")


def _labels(values: Sequence[str] | None, at: str) -> Errors:
    checked = ((index, value, is_dns1035_label(value)) for index, value in enumerate(values or ()))
    return [invalid(f"{at}[{index}]", value, ",".join(found)) for index, value, found in checked if found]


def _rest(obj: Obj) -> Errors:
    status = obj.get("status") or {}
    errors = _names(status.get("acceptedNames") or {}, "status.acceptedNames")
    return errors + _stored(status.get("storedVersions"), spec_of(obj).get("versions") or ())


def _stored(stored: list[str] | None, versions: Sequence[Obj]) -> Errors:
    at = "status.storedVersions"
    if not stored:
        return [invalid(at, None, "must have at least one stored version")]
    errors = [
        invalid(at, stored, f"must have the storage version {version.get('name', '')}")
        for version in versions
        if version.get("storage") and version.get("name", "") not in stored
    ]
    known = {version.get("name", "") for version in versions}
    for index, name in enumerate(stored):
        if name not in known:
            text = (
                f"missing from spec.versions; {name} was previously a storage version, and must remain in "
                f"spec.versions until a storage migration ensures no data remains persisted in {name} and removes "
                f"{name} from status.storedVersions"
            )
            errors.append(invalid(f"{at}[{index}]", name, text))
    return errors


def _preserving(spec: Obj, was: Obj | None) -> Errors:
    if not spec.get("preserveUnknownFields") or (was or {}).get("preserveUnknownFields"):
        return []
    return [invalid("spec.preserveUnknownFields", True, PRESERVES)]


# --- groups of the community


def _approval(obj: Obj, old: Obj | None) -> Errors:
    group = spec_of(obj).get("group") or ""
    if not any(group == name or group.endswith(f".{name}") for name in PROTECTED):
        return []
    value = (meta_of(obj).get("annotations") or {}).get(APPROVAL) or ""
    state = _approved(value)
    if old is not None and state == _approved((meta_of(old).get("annotations") or {}).get(APPROVAL) or ""):
        return []
    at = f"metadata.annotations[{APPROVAL}]"
    text = f'protected groups must have approval annotation "{APPROVAL}"'
    if state == "missing":
        return [required(at, f"{text}, {ENHANCEMENT}")]
    if state == "wrong":
        return [invalid(at, value, f'{text} with either a URL or a reason starting with "unapproved", {ENHANCEMENT}')]
    return []


def _approved(value: str) -> str:
    if not value:
        return "missing"
    if value.startswith("unapproved"):
        return "bypassed"
    try:
        parts = urlsplit(value)
    except ValueError:
        return "wrong"
    return "approved" if parts.scheme and parts.netloc else "wrong"
