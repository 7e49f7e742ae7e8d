"""What an access review asks: its spec checked and read as attributes (upstream: apis/authorization). Pure."""

from sampan.api.errors import FieldError, StatusError, bad_request, invalid
from sampan.api.json import Obj, dumps
from sampan.api.selectors import SelectorError, parse_fields
from sampan.apiserver.rbac import Attributes

GROUP = "authorization.k8s.io"
EXACTLY_ONE = "exactly one of nonResourceAttributes or resourceAttributes must be specified"
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
    raw, requirements = selector.get("rawSelector"), selector.get("requirements")
    if raw and requirements:
        return [_wrong(f"{field}.rawSelector", dumps(raw).decode(), TOGETHER)]
    if not raw and not requirements:
        why = f"Required value: when {field} is specified, requirements or rawSelector is required"
        return [FieldError("FieldValueRequired", f"{field}.requirements", why)]
    return []


def _metadata(meta: Obj, local: bool) -> list[FieldError]:
    allowed = ("managedFields", "creationTimestamp", "namespace") if local else ("managedFields", "creationTimestamp")
    if not any(value for key, value in meta.items() if key not in allowed):
        return []
    text = "must be empty except for namespace" if local else "must be empty"
    return [_wrong("metadata", dumps(meta).decode(), text)]


def attributes(spec: Obj) -> Attributes:
    """The attributes that a checked spec asks about."""
    path, wanted = spec.get("nonResourceAttributes"), spec.get("resourceAttributes") or {}
    if path is not None:
        return Attributes(path.get("verb", ""), path=path.get("path", ""))
    return Attributes(
        wanted.get("verb", ""), wanted.get("group", ""), wanted.get("resource", ""), wanted.get("subresource", ""),
        wanted.get("namespace", ""), wanted.get("name", ""), fields=_fields(wanted.get("fieldSelector") or {}),
    )  # fmt: skip


def _fields(selector: Obj) -> tuple[tuple[str, str], ...]:
    """What the selector demands to be equal; what cannot be read demands nothing, which can only allow less."""
    if raw := selector.get("rawSelector"):
        try:
            terms = parse_fields(raw).requirements
        except SelectorError:
            return ()
        return tuple((term.field, term.value) for term in terms if not term.negated)
    return tuple(
        (one.get("key", ""), one["values"][0])
        for one in selector.get("requirements") or ()
        if one.get("operator") == "In" and len(one.get("values") or ()) == 1
    )


def no_namespace() -> StatusError:
    """400 for a SelfSubjectRulesReview of no namespace."""
    return bad_request("no namespace on request")
