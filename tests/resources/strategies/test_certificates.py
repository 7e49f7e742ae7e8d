"""Signing requests: what stays, who decides, what is refused."""

import base64

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from sampan.api.json import Obj
from sampan.resources.strategies.certificates import SIGNING_REQUESTS, asked_by, signer_name, with_times

EARLY, LATE = "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"
APPROVAL = SIGNING_REQUESTS.parts["approval"]


@pytest.fixture(scope="module")
def made() -> Obj:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "jane")])
    signed = (
        x509.CertificateSigningRequestBuilder()
        .subject_name(name)
        .sign(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256())
    )
    pem = base64.b64encode(signed.public_bytes(serialization.Encoding.PEM)).decode()
    return {"metadata": {"name": "x"}, "spec": {"request": pem, "usages": ["any"], "signerName": "a.b/c"}}


def decided(obj: Obj, *kinds: str, status: str = "True") -> Obj:
    return {**obj, "status": {"conditions": [{"type": kind, "status": status} for kind in kinds]}}


def test_a_sound_request_passes_and_a_broken_one_does_not(made: Obj) -> None:
    assert SIGNING_REQUESTS.validate_create(made) == []
    broken = {**made, "spec": {**made["spec"], "request": "bm90IHBlbQ==", "usages": ["foo", "foo"]}}
    fields = [error.field for error in SIGNING_REQUESTS.validate_create(broken)]
    assert fields == ["spec.request", "spec.usages[0]", "spec.usages[1]", "spec.usages[1]"]


def test_the_requester_is_who_asks_whatever_the_body_says(made: Obj) -> None:
    lied = {**made, "spec": {**made["spec"], "username": "root", "groups": ["system:masters"]}}
    spec = asked_by(lied, {"username": "jane"})["spec"]
    assert spec == {**made["spec"], "username": "jane"}


def test_the_spec_and_status_of_a_request_never_change(made: Obj) -> None:
    other = decided({**made, "spec": {**made["spec"], "signerName": "x.y/z"}}, "Approved")
    assert SIGNING_REQUESTS.prepare_update(other, made) == made


def test_approval_changes_conditions_only(made: Obj) -> None:
    wanted = decided({**made, "spec": {}}, "Approved")
    wanted["status"]["certificate"] = "abc"
    assert APPROVAL.prepare_update(wanted, made) == decided(made, "Approved")
    assert APPROVAL.validate_update(decided(made, "Approved"), made) == []


def test_a_decision_is_not_taken_back_nor_made_twofold(made: Obj) -> None:
    approved = decided(made, "Approved")
    (gone,) = APPROVAL.validate_update(made, approved)
    assert gone.message == 'Forbidden: updates may not remove a condition of type "Approved"'
    (both,) = APPROVAL.validate_update(decided(made, "Approved", "Denied"), approved)
    assert "mutually exclusive" in both.message
    (wrong,) = APPROVAL.validate_update(decided(made, "Approved", status="False"), made)
    assert wrong.field == "status.conditions[0].status"


def test_status_decides_nothing(made: Obj) -> None:
    (error,) = SIGNING_REQUESTS.validate_status(decided(made, "Denied"), made)
    assert error.message == 'Forbidden: updates may not add a condition of type "Denied"'
    assert SIGNING_REQUESTS.validate_status(decided(made, "Failed"), made) == []


def test_conditions_are_given_times_and_keep_them(made: Obj) -> None:
    first = with_times(decided(made, "Approved"), made, EARLY)
    (again,) = with_times(decided(made, "Approved"), first, LATE)["status"]["conditions"]
    assert (again["lastTransitionTime"], again["lastUpdateTime"]) == (EARLY, LATE)


@pytest.mark.parametrize(("name", "words"), [
    ("", "Required value"), ("nodomain", "must be a fully qualified domain"), ("a/b", "at least two segments"),
    ("a.b/c d", 'validating label "c d"'), ("a.b/c", None),
])  # fmt: skip
def test_names_of_signers(name: str, words: str | None) -> None:
    found = [error.message for error in signer_name("spec.signerName", name)]
    assert found == [] if words is None else words in found[0]
