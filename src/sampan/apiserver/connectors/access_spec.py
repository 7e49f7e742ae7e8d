"""What an access review asks: its spec checked and read as attributes (upstream: apis/authorization). Pure."""

from sampan.api.errors import FieldError, StatusError, bad_request, invalid
from sampan.api.json import Obj, dumps
from sampan.apiserver.rbac import Attributes
from sampan.apiserver.selected import reviewed
from sampan.resources.strategies.checks import required
from sampan.resources.validation.labels import check_operator, check_requirement

GROUP = "authorization.k8s.io"
EXACTLY_ONE = "exactly one of nonResourceAttributes or resourceAttributes must be specified"
ORDER = (
    "name", "generateName", "namespace", "selfLink", "uid", "resourceVersion", "generation", "creationTimestamp",
    "deletionTimestamp", "deletionGracePeriodSeconds", "labels", "annotations", "ownerReferences", "finalizers",
    "managedFields",
)  # fmt: skip
"""Of metadata, as Go writes it."""
EITHER = "requirements or rawSelector is required"
TOGETHER = "may not specified at the same time as requirements"


def _wrong(field: str, value: str, why: str) -> FieldError:
    return FieldError("FieldValueInvalid", field, f"Invalid value: {value}: {why}")


def check(body: Obj, namespace: str, *, of_subject: bool = False, local: bool = False) -> None:
    """Raises 422 for a spec or metadata that cannot be. `namespace`: the request's, for a LocalSubjectAccessReview."""
    spec = body.get("spec") or {}
    resource, path = spec.get("resourceAttributes"), spec.get("nonResourceAttributes")
    found: list[FieldError] = []
    shown = dumps({"Path": (path or {}).get("path", ""), "Verb": (path or {}).get("verb", "")}).decode()
    if resource is not None and path is not None:
        why = "cannot be specified in combination with resourceAttributes"
        found.append(_wrong("spec.nonResourceAttributes", shown, why))
    if resource is None and path is None:
        found.append(_wrong("spec.resourceAttributes", "null", EXACTLY_ONE))
    if of_subject and not spec.get("user") and not spec.get("groups"):
        found.append(_wrong("spec.user", '""', "at least one of user or group must be specified"))
    for name in ("fieldSelector", "labelSelector"):
        if resource is not None and resource.get(name) is not None:
            found += _selector(resource[name], f"spec.resourceAttributes.{name}")
    found += _metadata(body.get("metadata") or {}, local)
    if local and resource is not None and resource.get("namespace", "") != namespace:
        value = dumps(resource.get("namespace", "")).decode()
        found.append(_wrong("spec.resourceAttributes.namespace", value, "must match metadata.namespace"))
    if local and path is not None:
        found.append(_wrong("spec.nonResourceAttributes", shown, "disallowed on this kind of request"))
    if found:
        raise invalid(GROUP, "", "", found)


def _selector(selector: Obj, field: str) -> list[FieldError]:
    raw, requirements = selector.get("rawSelector"), selector.get("requirements") or ()
    found: list[FieldError] = []
    if raw and requirements:
        found.append(_wrong(f"{field}.rawSelector", dumps(raw).decode(), TOGETHER))
    if not raw and not requirements:
        found.append(required(f"{field}.requirements", f"when {field} is specified, {EITHER}"))
    check_one = _field_requirement if field.endswith("fieldSelector") else _label_requirement
    for index, requirement in enumerate(requirements):
        found += check_one(requirement, f"{field}.requirements[{index}]")
    return found


def _label_requirement(requirement: Obj, at: str) -> list[FieldError]:
    """As in any label selector; operators that nobody knows may come from clients that are newer."""
    return check_requirement(requirement, at, any_operator=True)


def _field_requirement(requirement: Obj, at: str) -> list[FieldError]:
    missing = [] if requirement.get("key") else [required(f"{at}.key", "must be specified")]
    return missing + check_operator(requirement, at, any_operator=True)


def _metadata(meta: Obj, local: bool) -> list[FieldError]:
    allowed = ("managedFields", "creationTimestamp", "namespace") if local else ("managedFields", "creationTimestamp")
    if not any(value for key, value in meta.items() if key not in allowed):
        return []
    text = "must be empty except for namespace" if local else "must be empty"
    shown = {key: meta[key] for key in ORDER if key in meta}
    return [_wrong("metadata", dumps(shown).decode(), text)]


def attributes(spec: Obj) -> Attributes:
    """The attributes that a checked spec asks about."""
    path, wanted = spec.get("nonResourceAttributes"), spec.get("resourceAttributes") or {}
    if path is not None:
        return Attributes(path.get("verb", ""), path=path.get("path", ""))
    return Attributes(
        wanted.get("verb", ""), wanted.get("group", ""), wanted.get("resource", ""), wanted.get("subresource", ""),
        wanted.get("namespace", ""), wanted.get("name", ""), version=wanted.get("version") or "*",
        selected=reviewed(wanted),
    )  # fmt: skip


def no_namespace() -> StatusError:
    """400 for a SelfSubjectRulesReview of no namespace."""
    return bad_request("no namespace on request")
