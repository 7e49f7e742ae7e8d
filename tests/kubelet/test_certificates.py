"""A node's certificates: asked for, kept in one private file, renewed in time."""

import asyncio
import base64
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from cryptography import x509

from sampan.api.json import Obj
from sampan.api.names import ObjectRef
from sampan.client.api import Api
from sampan.controllers.csr_request import read_request
from sampan.kubelet.certificates import (
    CLIENT,
    SERVING,
    CertificateDenied,
    KeyPair,
    kept,
    load_pair,
    request,
    self_signed,
    store_pair,
)
from sampan.testing.clock import FakeClock, settle

NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Signer:
    """An API server that has one signing request."""

    def __init__(self) -> None:
        self.made: Obj = {}
        self.status: Obj = {}

    async def create(self, mapping: Any, obj: Obj) -> Obj:
        self.made = obj
        return {**obj, "metadata": {"name": "csr-1"}}

    async def get(self, ref: ObjectRef) -> Obj:
        return {**self.made, "metadata": {"name": ref.name}, "status": self.status}


async def asked(signer: Signer, clock: FakeClock, status: Obj, kind: str, *hosts: str) -> KeyPair:
    task = asyncio.ensure_future(request(cast(Api, signer), clock, "n1", kind, hosts))
    await settle(5)
    signer.status = status
    await clock.advance(3)
    return await task


async def test_a_certificate_is_asked_for(clock: FakeClock) -> None:
    signer = Signer()
    pair = await asked(signer, clock, {"certificate": base64.b64encode(b"PEM").decode()}, CLIENT)
    assert pair.certificate == b"PEM"
    spec = signer.made["spec"]
    assert (spec["signerName"], spec["usages"]) == (CLIENT, ["digital signature", "client auth"])
    found = read_request(base64.b64decode(spec["request"]))
    assert (found.common_name, found.organizations, found.dns, found.addresses) == (
        "system:node:n1", ("system:nodes",), (), (),
    )  # fmt: skip


async def test_a_serving_certificate_names_its_hosts(clock: FakeClock) -> None:
    signer = Signer()
    status = {"certificate": base64.b64encode(b"PEM").decode()}
    await asked(signer, clock, status, SERVING, "n1", "192.0.2.1")
    found = read_request(base64.b64decode(signer.made["spec"]["request"]))
    assert (found.dns, found.addresses) == (("n1",), ("192.0.2.1",))


@pytest.mark.parametrize("type_", ["Denied", "Failed"])
async def test_a_request_that_is_denied(clock: FakeClock, type_: str) -> None:
    status = {"conditions": [{"type": type_, "status": "True", "message": "no"}]}
    with pytest.raises(CertificateDenied, match="csr-1: no"):
        await asked(Signer(), clock, status, CLIENT)


def test_a_pair_in_one_file(tmp_path: Path) -> None:
    pair = self_signed("n1", ["n1", "192.0.2.1"], NOW)
    store_pair(tmp_path / "pki" / "x.pem", pair)
    assert load_pair(tmp_path / "pki" / "x.pem") == pair
    assert (tmp_path / "pki" / "x.pem").stat().st_mode & 0o777 == 0o600
    assert load_pair(tmp_path / "none") is None
    (tmp_path / "half").write_bytes(pair.certificate)
    assert load_pair(tmp_path / "half") is None


async def test_a_pair_is_used_while_it_is_good(tmp_path: Path) -> None:
    pair = self_signed("n1", ["n1"], NOW)
    store_pair(tmp_path / "x.pem", pair)
    assert await kept(tmp_path / "x.pem", FakeClock(NOW)) == pair
    assert await kept(tmp_path / "x.pem", FakeClock(NOW + timedelta(days=366))) is None
    other = self_signed("n1", ["n1"], NOW)
    assert not KeyPair(pair.certificate, other.key).good(NOW)
    assert not KeyPair(b"x", b"y").good(NOW)


def test_when_to_renew() -> None:
    pair = self_signed("n1", ["n1"], NOW)
    assert NOW + timedelta(days=280) < pair.renew_at() < NOW + timedelta(days=300)
    names = x509.load_pem_x509_certificate(pair.certificate).extensions
    assert names.get_extension_for_class(x509.SubjectAlternativeName).value.get_values_for_type(x509.DNSName) == ["n1"]
