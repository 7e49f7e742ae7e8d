"""CertificateSigningRequests: fixed once made, but for their conditions and certificate (apis/certificates)."""

import base64
import binascii
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from sampan.api.json import Obj
from sampan.api.meta import is_dns1123_label, is_dns1123_subdomain
from sampan.resources.strategies.checks import (
    Errors,
    duplicate,
    forbidden,
    invalid,
    not_supported,
    required,
    spec_of,
)
from sampan.resources.strategies.rules import Rules, metadata_again

APPROVED, DENIED, FAILED = "Approved", "Denied", "Failed"
DECISIONS: Final = (APPROVED, DENIED)
USAGES: Final = (
    "any", "cert sign", "client auth", "code signing", "content commitment", "crl sign", "data encipherment",
    "decipher only", "digital signature", "email protection", "encipher only", "ipsec end system", "ipsec tunnel",
    "ipsec user", "key agreement", "key encipherment", "microsoft sgc", "netscape sgc", "ocsp signing", "s/mime",
    "server auth", "signing", "timestamping",
)  # fmt: skip
LEGACY: Final = "kubernetes.io/legacy-unknown"
SHORTEST: Final = 600
CONDITIONS: Final = "status.conditions"


def signer_name(at: str, name: str) -> Errors:
    """What is wrong with the name of a signer, which is a domain and a path."""
    if not name:
        return [required(at)]
    domain, slash, path = name.partition("/")
    if not slash or "/" in path:
        return [invalid(at, name, "must be a fully qualified domain and path of the form 'example.com/signer-name'")]
    errors: Errors = []
    labels = domain.split(".")
    for whole, parts, check in ((domain, labels, is_dns1123_label), (path, path.split("."), is_dns1123_subdomain)):
        wrong = next(((part, found) for part in parts if (found := check(part))), None)
        if wrong is not None:
            errors += [invalid(at, whole, f'validating label "{wrong[0]}": {text}') for text in wrong[1]]
        if parts is labels and len(labels) < 2:
            errors.append(invalid(at, domain, "should be a domain with at least two segments separated by dots"))
    return errors


@cache
def _request_problem(request: str) -> str:
    """Why a base64 PEM is no signed request; empty if it is one."""
    from cryptography import x509

    try:
        pem = base64.b64decode(request, validate=True)
    except binascii.Error:
        pem = b""
    if b"-----BEGIN CERTIFICATE REQUEST-----" not in pem:
        return "PEM block type must be CERTIFICATE REQUEST"
    try:
        return "" if x509.load_pem_x509_csr(pem).is_signature_valid else "x509: ECDSA verification failure"
    except ValueError as error:
        return str(error)


def _usages(usages: list[str], old: list[str] | None) -> Errors:
    errors: Errors = [] if usages else [required("spec.usages")]
    if old is None or all(one in USAGES for one in old):
        for index, one in enumerate(usages):
            if one not in USAGES:
                errors.append(not_supported(f"spec.usages[{index}]", one, USAGES))
    if old is None or len(set(old)) == len(old):
        for index, one in enumerate(usages):
            if one in usages[:index]:
                errors.append(duplicate(f"spec.usages[{index}]", one))
    return errors


def conditions_of(obj: Obj) -> list[Obj]:
    """The conditions, or an empty list."""
    return (obj.get("status") or {}).get("conditions") or []


def _of_type(obj: Obj, kind: str) -> list[Obj]:
    return [one for one in conditions_of(obj) if one.get("type") == kind]


def _conditions(obj: Obj, old: Obj | None) -> Errors:
    errors: Errors = []
    known = [one.get("type") or "" for one in conditions_of(old or {})]
    may_repeat, both = len(set(known)) < len(known), all(kind in known for kind in DECISIONS)
    seen: set[str] = set()
    for index, one in enumerate(conditions_of(obj)):
        kind, status, at = one.get("type") or "", one.get("status") or "", f"{CONDITIONS}[{index}]"
        if not kind and "" not in known:
            errors.append(required(f"{at}.type"))
        allowed = ("True",) if kind in (*DECISIONS, FAILED) else ("False", "True", "Unknown")
        if not status:
            errors.append(required(f"{at}.status"))
        elif status not in allowed:
            errors.append(not_supported(f"{at}.status", status, allowed))
        if not both and kind in DECISIONS and seen & (set(DECISIONS) - {kind}):
            errors.append(invalid(CONDITIONS, kind, "Approved and Denied conditions are mutually exclusive"))
        if kind in seen and not may_repeat:
            errors.append(duplicate(f"{at}.type", kind))
        seen.add(kind)
    return errors


def _certificate_problem(value: str) -> str:
    from cryptography import x509

    if not value:
        return ""
    try:
        pem = base64.b64decode(value, validate=True)
        if b"-----BEGIN " not in pem:
            return "must contain at least one CERTIFICATE PEM block"
        x509.load_pem_x509_certificates(pem)
    except ValueError as error:
        return str(error)
    return ""


def _certificate(obj: Obj) -> str:
    return (obj.get("status") or {}).get("certificate") or ""


def check(obj: Obj, old: Obj | None = None) -> Errors:
    """What is wrong with a request; what was already wrong with `old` is let pass."""
    spec = spec_of(obj)
    errors: Errors = []
    if problem := _request_problem(spec.get("request") or ""):
        errors.append(invalid("spec.request", spec.get("request"), problem))
    errors += _usages(spec.get("usages") or [], None if old is None else spec_of(old).get("usages") or [])
    signer = spec.get("signerName") or ""
    if signer == LEGACY and (old is None or spec_of(old).get("signerName") != LEGACY):
        errors.append(invalid("spec.signerName", signer, "the legacy signerName is not allowed via this API version"))
    else:
        errors += signer_name("spec.signerName", signer)
    seconds = spec.get("expirationSeconds")
    if seconds is not None and seconds < SHORTEST:
        why = "may not specify a duration less than 600 seconds (10 minutes)"
        errors.append(invalid("spec.expirationSeconds", seconds, why))
    errors += _conditions(obj, old)
    before = "" if old is None else _certificate(old)
    problem = "" if _certificate(obj) == before else _certificate_problem(_certificate(obj))
    if problem and not _certificate_problem(before):
        errors.append(invalid("status.certificate", "<certificate data>", problem))
    return errors


def _check_change(new: Obj, old: Obj, *, decides: bool = False, signs: bool = False) -> Errors:
    """Decisions are not taken back, and only made through /approval; certificates only come through /status, once."""
    errors = check(new, old)
    for kind in (*DECISIONS, FAILED):
        if len(_of_type(new, kind)) < len(_of_type(old, kind)):
            errors.append(forbidden(CONDITIONS, f'updates may not remove a condition of type "{kind}"'))
    for kind in () if decides else DECISIONS:
        if len(_of_type(new, kind)) > len(_of_type(old, kind)):
            errors.append(forbidden(CONDITIONS, f'updates may not add a condition of type "{kind}"'))
    if _certificate(new) != _certificate(old):
        if not signs:
            errors.append(forbidden("status.certificate", "updates may not set certificate content"))
        elif _certificate(old):
            errors.append(forbidden("status.certificate", "updates may not modify existing certificate content"))
    return errors


def _fixed(new: Obj, old: Obj) -> Obj:
    return {**new, "spec": old.get("spec") or {}}


def _keep_decisions(new: Obj, old: Obj) -> Obj:
    """With the decisions of before; added or removed ones are left for validation to refuse."""
    made = list(conditions_of(new))
    for kind in DECISIONS:
        places = [index for index, one in enumerate(made) if one.get("type") == kind]
        before = _of_type(old, kind)
        if len(places) == len(before):
            for index, one in zip(places, before, strict=True):
                made[index] = one
    if made == conditions_of(new):
        return new
    return {**new, "status": {**new["status"], "conditions": made}}


def with_times(new: Obj, old: Obj, now: str) -> Obj:
    """The request with the conditions' times filled in: a state keeps the time since when it is."""
    if not conditions_of(new):
        return new
    made: list[Obj] = []
    for one in conditions_of(new):
        like = [was for was in _of_type(old, one.get("type", "")) if was.get("status") == one.get("status")]
        since = next((was["lastTransitionTime"] for was in like if was.get("lastTransitionTime")), now)
        updated = one.get("lastUpdateTime") or now
        made.append({**one, "lastUpdateTime": updated, "lastTransitionTime": one.get("lastTransitionTime") or since})
    return {**new, "status": {**new["status"], "conditions": made}}


def asked_by(obj: Obj, user: Obj) -> Obj:
    """A new request that says who made it; `user` has those of username, uid, groups and extra that are known."""
    spec = {k: v for k, v in spec_of(obj).items() if k not in ("username", "uid", "groups", "extra")}
    return {**obj, "spec": {**spec, **user}}


@dataclass(frozen=True, slots=True)
class _Approval(Rules):
    """Strategy of /approval: of the status only the conditions change."""

    def prepare_update(self, new: Obj, old: Obj) -> Obj:
        status: dict[str, Any] = dict(old.get("status") or {})
        status.pop("conditions", None)
        if conditions_of(new):
            status["conditions"] = conditions_of(new)
        return {**_fixed(new, old), "status": status}

    def validate_update(self, new: Obj, old: Obj) -> Errors:
        return Rules.validate_update(self, new, old) + _check_change(new, old, decides=True)


@dataclass(frozen=True, slots=True)
class _Requests(Rules):
    """Strategy of the requests themselves."""

    def validate_update(self, new: Obj, old: Obj) -> Errors:
        return metadata_again(new, old) + _check_change(new, old)


SIGNING_REQUESTS = _Requests(
    True,
    on_update=_fixed,
    on_status=_keep_decisions,
    check=check,
    check_status=lambda new, old: _check_change(new, old, signs=True),
    parts={"approval": _Approval(True)},
)
