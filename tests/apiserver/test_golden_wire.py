"""Every recorded scenario against `sampan up` in a process of its own, over TLS, with the recording's controllers."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from sampan.net.http import Request, Response
from sampan.net.http_client import HttpClient
from sampan.net.tls import client_context

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
GOLDEN = Path(__file__).parents[1] / "golden"
AREAS = sorted(path.name.removesuffix(".jsonl.gz") for path in (GOLDEN / "transcripts").glob("*.jsonl.gz"))
CONTROLLERS = (
    "namespace-controller", "serviceaccount-controller", "clusterrole-aggregation-controller",
    "garbage-collector-controller", "root-ca-certificate-publisher-controller", "resourcequota-controller",
    "disruption-controller", "persistentvolumeclaim-protection-controller", "persistentvolume-protection-controller",
    "service-cidr-controller",
)  # fmt: skip
TOKEN = "wire-token"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, bytes]]:
    """URL and CA of a server started as the recorded one was."""
    folder = tmp_path_factory.mktemp("wire")
    tokens = folder / "tokens.csv"
    tokens.write_text(f'{TOKEN},admin,admin-uid,"system:masters"\n')
    options = ["--nodes", "0", "--port", "0", "--kubernetes-version", "1.36", "--no-default-storage-class"]
    options += ["--token-auth-file", str(tokens), "--controllers", ",".join(CONTROLLERS)]
    places = ["--data-dir", str(folder / "data"), "--kubeconfig", str(folder / "kubeconfig")]
    process = subprocess.Popen(
        [sys.executable, "-m", "sampan.cli.main", "up", *options, *places],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stderr is not None
    line = process.stdout.readline()
    assert "https://" in line, process.communicate()[1]
    url = next(word for word in line.split() if word.startswith("https://"))
    yield url, (folder / "data" / "pki" / "ca.crt").read_bytes()
    process.terminate()
    said = process.stderr.read()
    process.wait(20)
    process.stdout.close()
    process.stderr.close()
    assert "Traceback" not in said, said


class Wire:
    """Sends requests over the network where the replay expects an App."""

    def __init__(self, url: str, client: HttpClient) -> None:
        self._url, self._client = url, client

    async def __call__(self, request: Request) -> Response:
        query = f"?{request.query}" if request.query else ""
        stack = AsyncExitStack()
        url = f"{self._url}{request.path}{query}"
        headers = [(name, value) for name in request.headers for value in request.values(name)]
        answer = await stack.enter_async_context(self._client.stream(request.method, url, headers, request.body, 30))
        streams = answer.headers.get("transfer-encoding") == "chunked"
        if streams and answer.status == 200:
            return Response(answer.status, answer.pairs, stream=_Chunks(stack, answer.chunks))
        body = b"".join([chunk async for chunk in answer.chunks])
        await stack.aclose()
        return Response(answer.status, answer.pairs, body)


class _Chunks:
    """Whole lines of a watch."""

    def __init__(self, stack: AsyncExitStack, chunks: AsyncIterator[bytes]) -> None:
        self._stack, self._chunks, self._rest = stack, chunks, b""

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        while b"\n" not in self._rest:
            self._rest += await anext(self._chunks)
        lines, _, self._rest = self._rest.rpartition(b"\n")
        return lines

    async def aclose(self) -> None:
        await self._stack.aclose()


@pytest.mark.parametrize("area", AREAS)
async def test_as_recorded(
    area: str, server: tuple[str, bytes], replay: Any, recorded_in: Any, expected_failures: frozenset[str]
) -> None:
    class OverTheWire(replay):  # type: ignore[misc]
        TRIES, STREAM = 200, (3.0, 3.0)

        async def _controllers(self) -> None:
            account = f"/api/v1/namespaces/{self.namespace}/serviceaccounts/default"
            authority = f"/api/v1/namespaces/{self.namespace}/configmaps/kube-root-ca.crt"
            for path in (account, authority):
                for _ in range(self.TRIES):
                    if (await self.call("GET", path)).status == 200:
                        break
                    await self._pause()

        def _waits(self) -> bool:
            return False

        async def _pause(self) -> None:
            await asyncio.sleep(0.02)  # the other process does the work that is waited for

    url, ca = server
    problems: dict[str, list[str]] = {}
    async with HttpClient(client_context(ca)) as client:
        for scenario in recorded_in(area):
            found = await OverTheWire(Wire(url, client), scenario, TOKEN).run()
            if found and scenario["name"] not in expected_failures:
                problems[scenario["name"]] = found[:3]
    assert problems == {}
