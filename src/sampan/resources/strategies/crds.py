"""CustomResourceDefinitions: names filled in, versions and schemas checked."""

import re
from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import urlsplit

from sampan.api.json import Obj, dumps
from sampan.api.meta import condition, is_dns1035_label, is_dns1123_subdomain
from sampan.resources.strategies.checks import (
    Errors,
    duplicate,
    forbidden,
    immutable,
    invalid,
    meta_of,
    not_supported,
    required,
    spec_of,
)
from sampan.resources.strategies.crd_schemas import check_schema
from sampan.resources.strategies.rules import Rules, fill

APPROVAL = "api-approved.kubernetes.io"
PROTECTED = ("k8s.io", "kubernetes.io")
COLUMN_TYPES = ("boolean", "date", "integer", "number", "string")
SIMPLE_PATH = re.compile(r"^\.")
FIELD_PATH = re.compile(r"^(\.[^.\[\]]+)+$")


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
    added = [v["name"] for v in spec_of(new).get("versions") or () if v.get("storage") and v["name"] not in stored]
    return {**new, "status": {**status, "storedVersions": [*stored, *added]}} if added else new


# --- checks


def check(obj: Obj) -> Errors:
    """What is wrong with a definition."""
    spec = spec_of(obj)
    versions: Sequence[Obj] = spec.get("versions") or ()
    errors: Errors = []
    plural, group = (spec.get("names") or {}).get("plural", ""), spec.get("group", "")
    if meta_of(obj).get("name") != f"{plural}.{group}":
        text = 'must be spec.names.plural+"."+spec.group'
        errors.append(invalid("metadata.name", meta_of(obj).get("name"), text))
    errors += _group(group)
    if not spec.get("scope"):
        errors.append(required("spec.scope"))
    elif spec["scope"] not in ("Cluster", "Namespaced"):
        errors.append(not_supported("spec.scope", spec["scope"], ("Cluster", "Namespaced")))
    errors += [
        required(f"spec.versions[{index}].schema.openAPIV3Schema")
        for index, version in enumerate(versions)
        if (version.get("schema") or {}).get("openAPIV3Schema") is None
    ]
    errors += _versions(versions)
    errors += _names(spec.get("names") or {}, "spec.names")
    errors += _lifted(versions)
    errors += _conversion(spec.get("conversion") or {})
    errors += _stored(obj, versions)
    errors += _approval(obj, group)
    if spec.get("preserveUnknownFields"):
        text = "cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead"
        errors.append(invalid("spec.preserveUnknownFields", True, text))
    return errors


def _group(group: str) -> Errors:
    if not group:
        return [required("spec.group")]
    found = is_dns1123_subdomain(group)
    if found:
        return [invalid("spec.group", group, ",".join(found))]
    if "." not in group:
        return [invalid("spec.group", group, "should be a domain with at least one dot")]
    return []


def _versions(versions: Sequence[Obj]) -> Errors:
    errors: Errors = []
    for index, version in enumerate(versions):
        at = f"spec.versions[{index}]"
        if found := is_dns1035_label(version.get("name", "")):
            errors.append(invalid(f"{at}.name", version.get("name", ""), ",".join(found)))
        if version.get("deprecationWarning") is not None and not version.get("deprecated"):
            text = "can only be set for deprecated versions"
            errors.append(invalid(f"{at}.deprecationWarning", version["deprecationWarning"], text))
    shown = [_as_go_prints(version) for version in versions]
    if len({v.get("name") for v in versions}) != len(versions):
        errors.append(invalid("spec.versions", shown, "must contain unique version names"))
    if sum(bool(v.get("storage")) for v in versions) != 1:
        errors.append(invalid("spec.versions", shown, "must have exactly one version marked as storage version"))
    if versions and (found := is_dns1035_label(versions[0].get("name", ""))):
        errors.append(invalid("spec.version", versions[0].get("name", ""), ",".join(found)))
    return errors


def _as_go_prints(version: Obj) -> Obj:
    """A version in an error, as upstream's internal type prints it when schemas are the same everywhere."""
    empty = ("Schema", "Subresources", "AdditionalPrinterColumns", "SelectableFields")
    return {
        "Name": version.get("name", ""),
        "Served": bool(version.get("served")),
        "Storage": bool(version.get("storage")),
        "Deprecated": bool(version.get("deprecated")),
        "DeprecationWarning": version.get("deprecationWarning"),
        **dict.fromkeys(empty),
    }


def _lifted(versions: Sequence[Obj]) -> Errors:
    """Schemas, subresources and columns: named as the whole kind's when all versions have the same."""
    errors: Errors = []
    for field, top, look in (
        ("schema", "validation", _schema),
        ("subresources", "subresources", _subresources),
        ("additionalPrinterColumns", "additionalPrinterColumns", _columns),
    ):
        if versions and all(v.get(field) == versions[0].get(field) for v in versions):
            errors += look(versions[0].get(field), f"spec.{top}")
        else:
            for index, version in enumerate(versions):
                errors += look(version.get(field), f"spec.versions[{index}].{field}")
    same = versions and all(v.get("selectableFields") == versions[0].get("selectableFields") for v in versions)
    for index, version in enumerate(versions[:1] if same else versions):
        at = "spec" if same else f"spec.versions[{index}]"
        schema = (version.get("schema") or {}).get("openAPIV3Schema") or {}
        errors += _selectable(version.get("selectableFields") or (), schema, f"{at}.selectableFields")
    return errors


def _schema(schema: Any, at: str) -> Errors:
    found = (schema or {}).get("openAPIV3Schema")
    if found is None:
        return []
    errors = check_schema(found, f"{at}.openAPIV3Schema")
    if errors or b"x-kubernetes-validations" not in dumps(found):
        return errors
    from sampan.resources.custom.rule_checks import check_rules

    return check_rules(found, f"{at}.openAPIV3Schema")


def _subresources(subresources: Any, at: str) -> Errors:
    scale = (subresources or {}).get("scale")
    if not scale:
        return []
    errors: Errors = []
    for key, below in (("specReplicasPath", ".spec"), ("statusReplicasPath", ".status")):
        errors += _scale_path(scale.get(key) or "", below, f"{at}.scale.{key}")
    if scale.get("labelSelectorPath"):
        errors += _scale_path(scale["labelSelectorPath"], "", f"{at}.scale.labelSelectorPath")
    return errors


def _scale_path(path: str, below: str, at: str) -> Errors:
    if not path:
        return [required(at)]
    if not SIMPLE_PATH.match(path):
        return [invalid(at, path, "must be a simple json path starting with .")]
    if below and not (FIELD_PATH.match(path) and path.startswith(f"{below}.")):
        return [invalid(at, path, f"should be a json path under {below}")]
    if not below and not path.startswith((".spec.", ".status.")):
        return [invalid(at, path, "should be a json path under either .status or .spec")]
    return []


def _columns(columns: Any, at: str) -> Errors:
    errors: Errors = []
    for index, column in enumerate(columns or ()):
        where = f"{at}[{index}]"
        if not column.get("name"):
            errors.append(required(f"{where}.name"))
        if not column.get("type"):
            errors.append(required(f"{where}.type", f"must be one of {','.join(COLUMN_TYPES)}"))
        elif column["type"] not in COLUMN_TYPES:
            errors.append(invalid(f"{where}.type", column["type"], f"must be one of {','.join(COLUMN_TYPES)}"))
        path = column.get("jsonPath") or ""
        if not path:
            errors.append(required(f"{where}.JSONPath"))
        elif not SIMPLE_PATH.match(path):
            errors.append(invalid(f"{where}.JSONPath", path, "must be a simple json path starting with ."))
    return errors


def _selectable(fields: Iterable[Obj], schema: Obj, at: str) -> Errors:
    errors: Errors = []
    seen: set[str] = set()
    for index, entry in enumerate(fields):
        path, where = entry.get("jsonPath") or "", f"{at}[{index}].jsonPath"
        if not path:
            errors.append(required(where))
            continue
        found: Obj | None = schema
        for part in path.removeprefix(".").split("."):
            found = (found.get("properties") or {}).get(part) if found else None
        if found is None or path.startswith(".metadata"):
            errors.append(invalid(where, path, "is an invalid path: does not refer to a valid field"))
        elif found.get("type") not in ("string", "integer", "boolean"):
            errors.append(invalid(where, path, "must point to a field of type string, boolean or integer"))
        elif path in seen:
            errors.append(duplicate(where, path))
        seen.add(path)
    return errors


def _names(names: Obj, at: str) -> Errors:
    errors = [required(f"{at}.{key}") for key in ("plural", "singular", "kind", "listKind") if not names.get(key)]
    for key in ("plural", "singular", "kind", "listKind"):
        value = names.get(key) or ""
        checked = value.lower() if key in ("kind", "listKind") else value
        if value and (found := is_dns1035_label(checked)):
            text = ",".join(found)
            errors.append(invalid(f"{at}.{key}", value, f"may have mixed case, but should otherwise match: {text}"
                                  if key in ("kind", "listKind") else text))  # fmt: skip
    for key in ("shortNames", "categories"):
        for index, value in enumerate(names.get(key) or ()):
            if found := is_dns1035_label(value):
                errors.append(invalid(f"{at}.{key}[{index}]", value, ",".join(found)))
    if names.get("kind") and names.get("kind") == names.get("listKind"):
        errors.append(invalid(f"{at}.listKind", names["listKind"], "kind and listKind may not be the same"))
    return errors


def _conversion(conversion: Obj) -> Errors:
    at, strategy = "spec.conversion", conversion.get("strategy") or ""
    if strategy not in ("None", "Webhook"):
        return [not_supported(f"{at}.strategy", strategy, ("None", "Webhook"))]
    webhook = conversion.get("webhook") or {}
    client = webhook.get("clientConfig")
    if strategy == "None":
        return [] if client is None else [forbidden(f"{at}.webhookClientConfig", "should not be set when strategy is not set to Webhook")]  # fmt: skip # noqa: E501
    errors: Errors = []
    if client is None:
        errors.append(required(f"{at}.webhookClientConfig", "required when strategy is set to Webhook"))
    else:
        errors += _client(client, f"{at}.webhookClientConfig")
    reviews = webhook.get("conversionReviewVersions") or []
    if not reviews:
        errors.append(required(f"{at}.conversionReviewVersions"))
    elif not {"v1", "v1beta1"} & set(reviews):
        text = "must include at least one of v1, v1beta1"
        errors.append(invalid(f"{at}.conversionReviewVersions", reviews, text))
    return errors


def _client(client: Obj, at: str) -> Errors:
    url, service = client.get("url"), client.get("service")
    if (url is None) == (service is None):
        return [required(at, "exactly one of url or service is required")]
    if url is not None:
        scheme = urlsplit(url).scheme
        if scheme != "https":
            text = "'https' is the only allowed URL scheme; desired format: https://host[/path]"
            return [invalid(f"{at}.url", scheme, text)]
        return []
    return [required(f"{at}.service.{key}") for key in ("name", "namespace") if not (service or {}).get(key)]


def _stored(obj: Obj, versions: Sequence[Obj]) -> Errors:
    at = "status.storedVersions"
    stored = (obj.get("status") or {}).get("storedVersions")
    if not stored:
        return [invalid(at, None, "must have at least one stored version")]
    errors = [
        invalid(at, stored, f"must have the storage version {version['name']}")
        for version in versions
        if version.get("storage") and version.get("name") not in stored
    ]
    known = {version.get("name") for version in versions}
    for index, name in enumerate(stored):
        if name not in known:
            text = (
                f"missing from spec.versions; {name} was previously a storage version, and must remain in "
                f"spec.versions until a storage migration ensures no data remains persisted in {name} and removes "
                f"{name} from status.storedVersions"
            )
            errors.append(invalid(f"{at}[{index}]", name, text))
    return errors


def _approval(obj: Obj, group: str) -> Errors:
    if not any(group == name or group.endswith(f".{name}") for name in PROTECTED):
        return []
    value = (meta_of(obj).get("annotations") or {}).get(APPROVAL)
    at = f"metadata.annotations[{APPROVAL}]"
    if value is None:
        text = "see https://github.com/kubernetes/enhancements/pull/1111"
        return [required(at, f'protected groups must have approval annotation "{APPROVAL}", {text}')]
    if value.startswith("unapproved") or urlsplit(value).scheme:
        return []
    text = 'protected groups must have approval annotation "api-approved.kubernetes.io" with either a URL or a reason '
    return [
        invalid(
            at, value, f'{text}starting with "unapproved", see https://github.com/kubernetes/enhancements/pull/1111'
        )
    ]


def check_update(new: Obj, old: Obj) -> Errors:
    """Once a kind is established, what it is called does not change."""
    established = (condition(old, "Established") or {}).get("status") == "True"
    if not established:
        return []
    after, before = spec_of(new), spec_of(old)
    errors = immutable("spec.group", after.get("group"), before.get("group"))
    errors += immutable("spec.scope", after.get("scope"), before.get("scope"))
    for key in ("kind", "plural"):
        errors += immutable(
            f"spec.names.{key}", (after.get("names") or {}).get(key), (before.get("names") or {}).get(key)
        )
    return errors


def warnings(obj: Obj) -> list[str]:
    """What of a definition is kept and not acted upon."""
    if b'"x-kubernetes-validations"' not in dumps(spec_of(obj)):
        return []
    return ["spec.versions[*].schema: x-kubernetes-validations are not evaluated by this server"]


DEFINITIONS = Rules(
    has_status=True,
    warn=warnings,
    defaults=default_crd,
    on_create=begin,
    on_update=carry_on,
    check=check,
    check_update=check_update,
)
