"""Rights on signers, and subjects that nobody may ask for."""

import base64
from collections.abc import Callable
from typing import Any, cast

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from sampan.api.errors import StatusError
from sampan.apiserver.admission.plugins.certificate_subject import CertificateSubjectRestriction
from sampan.apiserver.admission.review import AdmitAll, Review
from sampan.apiserver.admission.signer_rights import SignerRights
from sampan.apiserver.authorizer import Authorizer
from sampan.apiserver.context import UserInfo
from sampan.apiserver.rbac import Attributes

Reviews = Callable[..., Review]
Obj = dict[str, Any]
REQUESTS = "certificatesigningrequests.certificates.k8s.io"
SIGNER = "example.com/mine"


class Grants:
    """An authorizer that allows what it was given."""

    def __init__(self, *grants: tuple[str, str]) -> None:
        self.grants, self.asked = grants, 0

    async def allows(self, user: UserInfo, wanted: Attributes) -> bool:
        self.asked += 1
        assert (wanted.group, wanted.resource, wanted.namespace) == ("certificates.k8s.io", "signers", "")
        return (wanted.verb, wanted.name) in self.grants


def request(**status: Any) -> Obj:
    return {"metadata": {"name": "r"}, "spec": {"signerName": SIGNER}, "status": status}


@pytest.mark.parametrize("name", [SIGNER, "example.com/*"])
@pytest.mark.parametrize(
    ("verb", "part", "new"),
    [
        ("approve", "approval", request()),
        ("sign", "status", request(certificate="x")),
        ("sign", "status", request(conditions=[{"type": "Failed"}])),
    ],
)
async def test_who_decides_needs_a_right(review: Reviews, name: str, verb: str, part: str, new: Obj) -> None:
    asked = review("UPDATE", f"{REQUESTS}/{part}", new, request())
    await SignerRights(AdmitAll(), cast(Authorizer, Grants((verb, name)))).validate(asked)
    with pytest.raises(StatusError) as error:
        await SignerRights(AdmitAll(), cast(Authorizer, Grants(("other", name)))).validate(asked)
    text = f'user not permitted to {verb} requests with signerName "{SIGNER}"'
    assert error.value.message == f'{REQUESTS} "r" is forbidden: {text}'


async def test_who_changes_neither_certificate_nor_conditions_needs_none(review: Reviews) -> None:
    grants = Grants()
    rights = SignerRights(AdmitAll(), cast(Authorizer, grants))
    await rights.validate(review("UPDATE", f"{REQUESTS}/status", request(certificate=""), request()))
    await rights.validate(review("UPDATE", REQUESTS, request(), request()))
    await rights.validate(review("CREATE", REQUESTS, request()))
    assert grants.asked == 0


def asked_for(*organizations: str) -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    names = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, name) for name in organizations]
    subject = x509.Name([*names, x509.NameAttribute(NameOID.COMMON_NAME, "jane")])
    made = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())
    return base64.b64encode(made.public_bytes(serialization.Encoding.PEM)).decode()


@pytest.mark.parametrize(
    ("signer", "groups", "may"),
    [
        ("kubernetes.io/kube-apiserver-client", ("dev", "system:masters"), False),
        ("kubernetes.io/kube-apiserver-client", ("dev",), True),
        ("example.com/other", ("system:masters",), True),
    ],
)
def test_nobody_asks_to_be_a_master(
    review: Reviews, stored: Any, signer: str, groups: tuple[str, ...], may: bool
) -> None:
    spec = {"signerName": signer, "request": asked_for(*groups)}
    asked = review("CREATE", REQUESTS, {"metadata": {"name": "r"}, "spec": spec})
    if may:
        stored().validate(CertificateSubjectRestriction(), asked)
        return
    with pytest.raises(StatusError, match="signer with system:masters group is not allowed"):
        stored().validate(CertificateSubjectRestriction(), asked)
