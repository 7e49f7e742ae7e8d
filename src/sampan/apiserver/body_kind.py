"""Whether a body is of the kind that its path serves, in upstream's words."""

from sampan.api.errors import FieldError, StatusError, bad_request, invalid
from sampan.api.json import JSONDecodeError, Obj, loads
from sampan.api.names import GVK, parse_api_version
from sampan.api.quote import go_quoted

GO_TYPE_META = 'struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }'
GO_KINDS = {str: "string", bool: "bool", int: "number", float: "number", dict: "object", list: "array"}


SHOWN = 30
"""Bytes of an unreadable body that its error shows."""


def unrecognized(kind: str, why: str, body: bytes) -> str:
    """What upstream says of a body that does not even tell its kind."""
    start = body[:SHOWN].decode(errors="replace") if body.startswith(b"{") else body[:SHOWN].hex()
    shown = (f"{start} ..." if len(body) > SHOWN else start) or "<empty>"
    return f"the object provided is unrecognized (must be of type {kind}): {why} ({shown})"


class Undecodable(StatusError):
    """400: the body is not the object that it should be. `why` is the reason without the words around it."""

    def __init__(self, message: str, why: str) -> None:
        super().__init__(400, "BadRequest", message)
        self.why = why


SCHEMES = {
    "apiextensions.k8s.io": "pkg/apiserver/apiserver.go:55",
    "apiregistration.k8s.io": "pkg/apiserver/scheme/scheme.go:28",
}
"""Where upstream keeps the kinds of groups that are servers of their own."""
OLD_REVIEWS = frozenset((
    GVK("authentication.k8s.io", "v1beta1", "TokenReview"),
    GVK("authentication.k8s.io", "v1beta1", "SelfSubjectReview"),
    GVK("authentication.k8s.io", "v1alpha1", "SelfSubjectReview"),
    GVK("authorization.k8s.io", "v1beta1", "SubjectAccessReview"),
    GVK("authorization.k8s.io", "v1beta1", "SelfSubjectAccessReview"),
    GVK("authorization.k8s.io", "v1beta1", "LocalSubjectAccessReview"),
    GVK("authorization.k8s.io", "v1beta1", "SelfSubjectRulesReview"),
))  # fmt: skip
"""Kinds that upstream still knows and does not serve."""
META_KINDS = frozenset((
    "Status", "DeleteOptions", "ListOptions", "GetOptions", "CreateOptions", "UpdateOptions", "PatchOptions",
))  # fmt: skip


def check_kind(value: Obj, gvk: GVK, body: bytes, patched: bool = False) -> None:
    """A body of a built-in kind may leave kind and apiVersion out; what it says must be what the path serves.

    Raises 400 and 422. `body` is shown in errors; `patched`: it is the outcome of a patch.
    """
    kind, api_version = value.get("kind"), value.get("apiVersion")
    if kind == gvk.kind and api_version == gvk.api_version:
        return
    if not kind and not api_version and "." not in gvk.group:
        return
    for key, given in (("kind", kind), ("apiVersion", api_version)):
        if given is not None and not isinstance(given, str):
            why = f"json: cannot unmarshal {GO_KINDS[type(given)]} into Go struct field .{key} of type string"
            raise _unrecognized(gvk, f"couldn't get version/kind; json parse error: {why}", body)
    if api_version and api_version != "/" and api_version.count("/") > 1:
        raise _unrecognized(gvk, f"unexpected GroupVersion string: {api_version}", body)
    if api_version == "/":
        api_version = ""
    from sampan.api.protobuf.messages import message_of

    if not message_of(gvk):
        _check_custom(kind or "", api_version or "", gvk, b"" if patched else body)
        return
    kind, api_version = kind or gvk.kind, api_version or gvk.api_version
    if kind == gvk.kind and api_version == gvk.api_version:
        return
    given = GVK(*parse_api_version(api_version), kind)
    if _internal(given) == _internal(gvk) and (message_of(given) or given in OLD_REVIEWS):
        raise bad_request(_other_version(api_version, gvk))
    scheme = SCHEMES.get(gvk.group)
    registered = message_of(given) and (not scheme or given.group == gvk.group)
    if registered or kind in META_KINDS:
        converting = f"converting ({given.version}.{kind}) to ({go_package(gvk.group)}.{gvk.kind}): unknown conversion"
        why = _unfit(value, given) or converting
    else:
        where = scheme or "pkg/api/legacyscheme/scheme.go:30"
        why = f'no kind "{kind}" is registered for version "{api_version}" in scheme "{where}"'
    raise Undecodable(f'{kind} in version "{given.version}" cannot be handled as a {gvk.kind}: {why}', why)


def _unfit(value: Obj, gvk: GVK) -> str:
    """What is wrong with a body as the kind that it says it is: upstream decodes before it converts."""
    from sampan.api.schema.decode import DecodeError, decode
    from sampan.resources.build import body_schema

    try:
        decode(value, body_schema(NEWEST, gvk))
    except DecodeError as error:
        return str(error)
    except KeyError:
        pass  # no kind with a schema
    return ""


NEWEST = "1.37"


def _unrecognized(gvk: GVK, why: str, body: bytes) -> Undecodable:
    return Undecodable(unrecognized(gvk.kind, why, body), why)


def _check_custom(kind: str, api_version: str, gvk: GVK, body: bytes) -> None:
    """A custom kind must be said; whether it is the right one is a matter of validation. No body: of a patch."""
    if not kind:
        text = body.decode(errors="replace")
        raise _unrecognized(gvk, f"Object 'Kind' is missing in '{text}'", body)
    if api_version != gvk.api_version and body:
        raise bad_request(_other_version(api_version, gvk))
    causes = []
    if kind != gvk.kind:
        causes.append(FieldError("FieldValueInvalid", "kind", _must_be(kind, gvk.kind)))
    if api_version != gvk.api_version:
        causes.append(FieldError("FieldValueInvalid", "apiVersion", _must_be(api_version, gvk.api_version)))
    if causes:
        raise invalid(parse_api_version(api_version)[0], kind, _name_in(body), causes)


def _must_be(given: str, wanted: str) -> str:
    return f"Invalid value: {go_quoted(given)}: must be {wanted}"


def _name_in(body: bytes) -> str:
    try:
        name: str = loads(body)["metadata"]["name"]
    except (JSONDecodeError, KeyError, TypeError):
        return ""
    return name


def _other_version(api_version: str, gvk: GVK) -> str:
    return f"the API version in the data ({api_version}) does not match the expected API version ({gvk.api_version})"


def _internal(gvk: GVK) -> tuple[str, str]:
    """What upstream converts all versions of a kind to."""
    return go_package(gvk.group), gvk.kind


def go_package(group: str) -> str:
    """The Go package of a built-in group's internal types, as messages show it."""
    if group in ("", "events.k8s.io"):
        return "core"
    return "apiserverinternal" if group == "internal.apiserver.k8s.io" else group.partition(".")[0]
