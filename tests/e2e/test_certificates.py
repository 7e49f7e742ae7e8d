"""A person asks for a certificate, an administrator approves it, and it lets the person in."""

import base64
import json
import re
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

pytestmark = [pytest.mark.kubectl, pytest.mark.xdist_group("e2e")]


def asked(name: str, signer: str, key: ec.EllipticCurvePrivateKey, user: str, group: str) -> str:
    """A manifest of a signing request."""
    subject = x509.Name(
        [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group), x509.NameAttribute(NameOID.COMMON_NAME, user)]
    )
    request = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())
    pem = base64.b64encode(request.public_bytes(serialization.Encoding.PEM)).decode()
    spec = {"request": pem, "signerName": signer, "usages": ["digital signature", "client auth"]}
    meta = {"apiVersion": "certificates.k8s.io/v1", "kind": "CertificateSigningRequest"}
    return json.dumps({**meta, "metadata": {"name": name}, "spec": {**spec, "expirationSeconds": 3600}})


def test_an_approved_certificate_lets_its_owner_in(kubectl: Any, up: Any, tmp_path: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = f"jane-{kubectl.namespace}"
    kubectl("apply", "-f", "-", given=asked(name, "kubernetes.io/kube-apiserver-client", key, "jane", "dev"))
    assert "Pending" in kubectl("get", "csr", name)
    kubectl("certificate", "approve", name)
    kubectl("wait", "--for=jsonpath={.status.certificate}", f"csr/{name}", "--timeout=20s")
    assert "Approved,Issued" in kubectl("get", "csr", name)
    certificate, private = tmp_path / "crt", tmp_path / "key"
    certificate.write_bytes(base64.b64decode(kubectl("get", "csr", name, "-o", "jsonpath={.status.certificate}")))
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )  # fmt: skip
    server = re.search(r"https://\S+", up.ready)
    assert server is not None
    login = (f"--client-certificate={certificate}", f"--client-key={private}")
    anyone = ("--kubeconfig=/dev/null", f"--server={server[0]}", "--insecure-skip-tls-verify", *login)
    who = kubectl.try_(
        *anyone, "auth", "whoami", "-o", "jsonpath={.status.userInfo.username} {.status.userInfo.groups}"
    )
    assert who.stdout == 'jane ["dev","system:authenticated"]', who.stderr


def test_a_request_that_its_signer_refuses_fails_in_words(kubectl: Any) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = f"bad-{kubectl.namespace}"
    given = asked(name, "kubernetes.io/kube-apiserver-client-kubelet", key, "jane", "dev")
    kubectl("apply", "-f", "-", given=given)
    kubectl("certificate", "approve", name)
    kubectl("wait", "--for=condition=Failed", f"csr/{name}", "--timeout=20s")
    assert "Approved,Failed" in kubectl("get", "csr", name)


def test_a_node_gets_its_certificate_by_itself(kubectl: Any) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = f"node-{kubectl.namespace}"
    signer = "kubernetes.io/kube-apiserver-client-kubelet"
    kubectl("create", "-f", "-", given=asked(name, signer, key, "system:node:new", "system:nodes"))
    kubectl("wait", "--for=jsonpath={.status.certificate}", f"csr/{name}", "--timeout=20s")
    reason = kubectl("get", "csr", name, "-o", "jsonpath={.status.conditions[0].reason}")
    assert reason == "AutoApproved"
