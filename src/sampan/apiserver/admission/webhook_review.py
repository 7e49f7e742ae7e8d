"""AdmissionReview: the question as sent to a webhook, and what its answer says (admission.k8s.io v1 and v1beta1)."""

import base64
import binascii
from typing import Any, NamedTuple

from sampan.api.errors import StatusError
from sampan.api.json import Obj
from sampan.api.names import GVK, RestMapping, parse_api_version
from sampan.apiserver.admission.review import Review
from sampan.apiserver.admission.webhook import Target
from sampan.apiserver.connectors.tokens import user_object
from sampan.apiserver.webhook_client import CallFailed

VERSIONS = ("v1", "v1beta1")
TYPES: dict[str, tuple[type, str]] = {
    "uid": (str, "types.UID"),
    "allowed": (bool, "bool"),
    "status": (dict, "v1.Status"),
    "patch": (str, "[]uint8"),
    "patchType": (str, "v1.PatchType"),
    "auditAnnotations": (dict, "map[string]string"),
    "warnings": (list, "[]string"),
}
NAMES = {str: "string", bool: "bool", int: "number", float: "number", dict: "object", list: "array"}


class Question(NamedTuple):
    """What is asked: the bodies are of the target's kind."""

    review: Review
    target: Target
    requested: GVK
    """The kind of the request's own body."""
    namespace: str
    obj: Obj | None
    old: Obj | None


class Answer(NamedTuple):
    """What a webhook says."""

    allowed: bool
    warnings: tuple[str, ...]
    patch: bytes
    patch_type: str
    result: Obj | None
    audits: dict[str, str]
    """auditAnnotations."""


def review_version(versions: tuple[str, ...]) -> str:
    """The first version that we speak; raises CallFailed."""
    for version in versions:
        if version in VERSIONS:
            return version
    why = "webhook does not accept known AdmissionReview versions (v1, v1beta1)"
    raise CallFailed(f"could not create admission objects: {why}", 400)


def admission_review(question: Question, uid: str, version: str) -> Obj:
    """The AdmissionReview object."""
    review, target = question.review, question.target
    request: Obj = {
        "uid": uid,
        "kind": _gvk(target.kind),
        "resource": _gvr(target.resource.mapping),
        "subResource": review.subresource,
        "requestKind": _gvk(question.requested),
        "requestResource": _gvr(review.resource.mapping),
        "requestSubResource": review.subresource,
        "name": _name(review),
        "namespace": question.namespace,
        "operation": review.operation,
    }
    request = {key: value for key, value in request.items() if value != ""}
    request["userInfo"] = user_object(review.user)
    request["object"], request["oldObject"] = question.obj, question.old
    request["dryRun"] = review.dry_run
    request["options"] = dict(review.options) or None
    return {"kind": "AdmissionReview", "apiVersion": f"admission.k8s.io/{version}", "request": request}


def _name(review: Review) -> str:
    return review.name or (((review.obj or {}).get("metadata") or {}).get("name") or "")


def _gvk(gvk: GVK) -> Obj:
    return {"group": gvk.group, "version": gvk.version, "kind": gvk.kind}


def _gvr(mapping: RestMapping) -> Obj:
    return {"group": mapping.group, "version": mapping.version, "resource": mapping.plural}


def read_answer(value: Any, uid: str, version: str, mutating: bool) -> Answer:
    """A webhook's answer; raises CallFailed for what is none."""
    if not isinstance(value, dict):
        raise _failed(_mismatch(value, "Go value of type v1.AdmissionReview"), 500)
    response = value.get("response")
    if response is None:
        raise _invalid("webhook response was absent")
    if not isinstance(response, dict):
        raise _failed(_mismatch(response, "Go struct field AdmissionReview.response of type v1.AdmissionResponse"), 500)
    for key, (wanted, go_type) in TYPES.items():
        given = response.get(key)
        if given is not None and not isinstance(given, wanted):
            text = _mismatch(given, f"Go struct field AdmissionResponse.response.{key} of type {go_type}")
            raise _failed(text, 500)
    audits = response.get("auditAnnotations") or {}
    for text in audits.values():
        if not isinstance(text, str):
            why = _mismatch(text, "Go struct field AdmissionResponse.response.auditAnnotations of type string")
            raise _failed(why, 500)
    patch = _patch(response)
    patch_type = response.get("patchType")
    if version == "v1":
        _check_v1(value, response, uid)
        _check_patch(patch, patch_type, mutating)
    elif patch:
        patch_type = "JSONPatch"
    warnings = tuple(str(text) for text in response.get("warnings") or ())
    used = patch if mutating else b""
    return Answer(bool(response.get("allowed")), warnings, used, patch_type or "", response.get("status"), audits)


def _mismatch(value: Any, what: str) -> str:
    return f"json: cannot unmarshal {NAMES.get(type(value), 'null')} into {what}"


def _failed(why: str, code: int) -> CallFailed:
    return CallFailed(f"failed to call webhook: {why}", code)


def _invalid(why: str) -> CallFailed:
    return CallFailed(f"received invalid webhook response: {why}")


def _patch(response: Obj) -> bytes:
    try:
        return base64.b64decode(response.get("patch") or "", validate=True)
    except (binascii.Error, ValueError):
        raise _failed("illegal base64 data at input byte 0", 500) from None


def _check_v1(value: Obj, response: Obj, uid: str) -> None:
    given = response.get("uid") or ""
    if given != uid:
        raise _invalid(f'expected response.uid="{uid}", got "{given}"')
    api_version, kind = value.get("apiVersion") or "", value.get("kind") or ""
    if (api_version, kind) != ("admission.k8s.io/v1", "AdmissionReview"):
        try:
            group, version = parse_api_version(str(api_version))
        except ValueError:
            group, version = "", str(api_version)
        wanted = "admission.k8s.io/v1, Kind=AdmissionReview"
        raise _invalid(f"expected webhook response of {wanted}, got {group}/{version}, Kind={kind}")


def _check_patch(patch: bytes, patch_type: str | None, mutating: bool) -> None:
    if not mutating:
        if patch:
            raise _invalid("validating webhook may not return response.patch")
        if patch_type is not None:
            raise _invalid("validating webhook may not return response.patchType")
    elif patch and patch_type is None:
        raise _invalid("webhook returned response.patch but not response.patchType")
    elif not patch and patch_type is not None:
        raise _invalid("webhook returned response.patchType but not response.patch")
    elif patch_type == "":
        raise _invalid('webhook returned invalid response.patchType of ""')


def denial(name: str, result: Obj | None) -> StatusError:
    """The refusal of a webhook as the client sees it."""
    result = result or {}
    code = result.get("code")
    reason, message = str(result.get("reason") or ""), str(result.get("message") or "")
    denied = f'admission webhook "{name}" denied the request'
    text = f"{denied}: {message or reason}" if message or reason else f"{denied} without explanation"
    details = result.get("details")
    status = code if isinstance(code, int) and code >= 400 else 400
    return StatusError(status, reason, text, details if isinstance(details, dict) else None)
