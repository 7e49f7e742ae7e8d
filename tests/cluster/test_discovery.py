"""Nobody but the right cluster is joined."""

import base64
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from sampan.api.json import dumps
from sampan.cluster.config import ClusterError
from sampan.cluster.discovery import Discoverer, Discovery
from sampan.cluster.join_file import current_cluster, current_user
from sampan.cluster.joining import check_pin, cluster_info, pins
from sampan.cluster.pki import Pki
from sampan.net.http import Request, Response
from sampan.net.http_server import serve
from sampan.net.tls import server_context
from sampan.resources.bootstrap_tokens import detached_signature

ID, KEY = "abcdef", "0123456789abcdef"
TOKEN = f"{ID}.{KEY}"
JSON = [("Content-Type", "application/json")]
Answers = Callable[[int], Response]


class Clock:
    """Sleeping takes no time but the clock's own."""

    def __init__(self) -> None:
        self.at = 0.0

    def now(self) -> datetime:
        return datetime(2030, 1, 1, tzinfo=UTC)

    def monotonic(self) -> float:
        return self.at

    async def sleep(self, seconds: float) -> None:
        self.at += seconds


class World:
    """An API server that has cluster-info and nothing else."""

    def __init__(self, folder: Path) -> None:
        self.pki = Pki(folder / "pki", datetime.now(UTC))
        self.ca = self.pki.ca.certificate
        self.endpoint, self.asked, self.said = "", 0, []  # type: tuple[str, int, list[str]]
        self.users: list[str] = []
        self.answer: Answers = lambda asked: self.info()

    @property
    def config(self) -> str:
        return cluster_info(f"https://{self.endpoint}", self.ca)

    def info(self, config: str = "", signature: str | None = None, **more: str) -> Response:
        text = config or self.config
        signed = detached_signature(text, ID, KEY) if signature is None else signature
        data = {"kubeconfig": text, f"jws-kubeconfig-{ID}": signed, **more}
        return Response(200, JSON, dumps({"kind": "ConfigMap", "data": {k: v for k, v in data.items() if v}}))

    def status(self, code: int) -> Response:
        return Response(code, JSON, dumps({"kind": "Status", "code": code, "message": f"status {code}"}))

    async def __call__(self, request: Request) -> Response:
        assert request.path == "/api/v1/namespaces/kube-public/configmaps/cluster-info"
        self.asked += 1
        self.users.append(request.headers.get("authorization", ""))
        return self.answer(self.asked)

    async def find(self, **wanted: Any) -> dict[str, Any]:
        given = {"timeout": 5.0, **wanted}
        return await Discoverer(Discovery(**given), Clock(), self.said.append).find()

    async def by_token(self, **wanted: Any) -> dict[str, Any]:
        given = {"endpoint": self.endpoint, "token": TOKEN, "tls_token": TOKEN, "pins": pins(self.ca), **wanted}
        return await self.find(**given)

    async def refusal(self, **wanted: Any) -> str:
        with pytest.raises(ClusterError) as caught:
            await (self.find(**wanted) if "file" in wanted else self.by_token(**wanted))
        return str(caught.value)


@asynccontextmanager
async def running(folder: Path) -> AsyncIterator[World]:
    world = World(folder)
    pair = world.pki.serving("server", ["127.0.0.1"])
    server = await serve(world, "127.0.0.1", 0, ssl=server_context(pair.certificate, pair.key))
    world.endpoint = f"127.0.0.1:{server.port}"
    try:
        yield world
    finally:
        await server.close()


async def test_by_token_and_pin(tmp_path: Path) -> None:
    async with running(tmp_path) as world:
        found = await world.by_token()
        cluster = current_cluster(found)
        assert cluster["server"] == f"https://{world.endpoint}"
        assert base64.b64decode(cluster["certificate-authority-data"]) == world.ca
        assert current_user(found) == {"token": TOKEN}
        assert (world.asked, world.users) == (2, ["", ""])


async def test_without_pins_the_token_is_trusted(tmp_path: Path) -> None:
    async with running(tmp_path) as world:
        found = await world.by_token(pins=(), tls_token="ghijkl.0123456789abcdef")
        assert current_user(found) == {"token": "ghijkl.0123456789abcdef"}
        assert world.asked == 1


async def test_it_waits_for_the_signature(tmp_path: Path) -> None:
    async with running(tmp_path) as world:
        world.answer = lambda asked: (
            world.status(500) if asked == 1 else world.info(signature="" if asked < 4 else None)
        )
        await world.by_token(pins=())
        assert world.asked == 4
        assert world.said == [
            "failed to request the cluster-info ConfigMap: status 500",
            'could not find a JWS signature in the cluster-info ConfigMap for token ID "abcdef"',
        ]


async def test_the_time_is_up(tmp_path: Path) -> None:
    async with running(tmp_path) as world:
        world.answer = lambda asked: world.info(signature="")
        assert "could not find a JWS signature" in await world.refusal()
        assert world.asked == 6


async def test_who_lies(tmp_path: Path) -> None:
    async with running(tmp_path) as world:
        other = Pki(tmp_path / "other", datetime.now(UTC)).ca.certificate
        assert "none of the public keys" in await world.refusal(pins=pins(other))
        right = detached_signature(world.config, ID, KEY)
        world.answer = lambda asked: world.info(cluster_info("https://evil:1", other), right)
        assert "failed to verify JWS signature" in await world.refusal()
        world.answer = lambda asked: world.info(signature=detached_signature(world.config, ID, "another-secret00"))
        assert "failed to verify JWS signature" in await world.refusal()
        world.asked = 0
        elsewhere = cluster_info("https://elsewhere:1", world.ca)
        world.answer = lambda asked: world.info("" if asked == 1 else elsewhere)
        assert "was different from the first" in await world.refusal()


async def test_a_server_that_the_pinned_ca_did_not_sign(tmp_path: Path) -> None:
    async with running(tmp_path) as world:
        other = Pki(tmp_path / "other", datetime.now(UTC)).ca.certificate
        world.answer = lambda asked: world.info(cluster_info(f"https://{world.endpoint}", other))
        assert "certificate verify failed" in await world.refusal(pins=pins(other))


async def test_what_cluster_info_lacks(tmp_path: Path) -> None:
    async with running(tmp_path) as world:
        world.answer = lambda asked: Response(200, JSON, dumps({"data": {f"jws-kubeconfig-{ID}": "x"}}))
        assert "there is no kubeconfig key" in await world.refusal()
        world.answer = lambda asked: world.info("a: [")
        assert "not YAML" in await world.refusal()
        world.answer = lambda asked: world.info("{}")
        assert "the current context is invalid" in await world.refusal()
        world.answer = lambda asked: world.info(cluster_info("https://a:1", b""))
        assert "no CA certificate found" in await world.refusal(pins=())


def file(folder: Path, world: World, user: Any, ca: bytes | None = None) -> str:
    cluster: dict[str, Any] = {"server": f"https://{world.endpoint}"}
    if ca is not None:
        (folder / "ca.crt").write_bytes(ca)
        cluster["certificate-authority"] = "ca.crt"
    document = {
        "clusters": [{"name": "c", "cluster": cluster}],
        "users": [{"name": "u", "user": user}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "x",
    }
    path = folder / "discovery"
    path.write_text(yaml.safe_dump(document))
    return str(path)


async def test_by_a_file_with_credentials(tmp_path: Path) -> None:
    async with running(tmp_path) as world:
        (tmp_path / "token").write_text("mine\n")
        found = await world.find(file=file(tmp_path, world, {"tokenFile": "token"}, world.ca))
        assert current_user(found) == {"token": "mine\n"}
        assert base64.b64decode(current_cluster(found)["certificate-authority-data"]) == world.ca
        assert world.users == ["Bearer mine"]


async def test_a_file_without_credentials_needs_a_token(tmp_path: Path) -> None:
    async with running(tmp_path) as world:
        where = file(tmp_path, world, {}, world.ca)
        assert "could not find authentication credentials" in await world.refusal(file=where)
        assert current_user(await world.find(file=where, tls_token=TOKEN)) == {"token": TOKEN}


async def test_a_file_whose_user_may_not_read_cluster_info(tmp_path: Path) -> None:
    async with running(tmp_path) as world:
        world.answer = lambda asked: world.status(403)
        found = await world.find(file=file(tmp_path, world, {"token": "t"}, world.ca))
        assert current_user(found) == {"token": "t"}
        world.answer = lambda asked: world.status(500)
        said = await world.refusal(file=file(tmp_path, world, {"token": "t"}, world.ca))
        assert said == "Abort reading the cluster-info ConfigMap after timeout of 5 s: status 500"


async def test_a_file_for_another_server(tmp_path: Path) -> None:
    async with running(tmp_path) as world:
        other = Pki(tmp_path / "other", datetime.now(UTC)).ca.certificate
        said = await world.refusal(file=file(tmp_path, world, {"token": "t"}, other))
        assert "certificate verify failed" in said


async def test_a_file_that_is_none(tmp_path: Path) -> None:
    async with running(tmp_path) as world:
        path = tmp_path / "discovery"
        path.write_text("{}")
        assert "must have at least one Cluster" in await world.refusal(file=str(path))
        assert "No such file" in await world.refusal(file=str(tmp_path / "gone"))
        path.write_text(world.config)
        found = await world.find(file=str(path), tls_token=TOKEN)
        assert current_cluster(found)["server"] == f"https://{world.endpoint}"


@pytest.mark.parametrize(
    ("pin", "why"),
    [
        ("abc", "invalid hash, expected"),
        ("sha256:a:b", "invalid hash, expected"),
        ("md5:ab", 'unknown hash format "md5"'),
        ("sha256:abcd", "expected a 32 byte SHA-256 hash, found 2 bytes"),
        ("sha256:" + "x" * 64, "could not decode SHA-256 from hex"),
    ],
)
def test_pins_that_are_none(pin: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        check_pin(pin)
    check_pin("SHA256:" + "AB" * 32)
