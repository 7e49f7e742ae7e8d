"""Refreshing: paging, ETags, limits, faults at every place, and that a good feed is never lost."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sampan.advisories.refresh import RefreshError, read_items, read_state, refresh
from sampan.advisories.serve import FeedConfig, FeedService
from sampan.advisories.source import Means
from sampan.net.http import Response
from sampan.net.http_client import HttpClient

Issue = Callable[..., dict[str, Any]]


def fill(github: Any, issue: Issue, count: int = 3) -> str:
    github.issues = [issue(n, f"CVE-2024-{1000 + n}: number {n}") for n in range(1, count + 1)]
    return f"github+{github.base}"


async def test_101_issues_are_101_items(github: Any, issue: Issue, means: Means, tmp_path: Path) -> None:
    state = await refresh(tmp_path, fill(github, issue, 101), means)
    assert (state.items, len(read_items(tmp_path)), len(github.requests)) == (101, 101, 2)


async def test_unchanged_is_asked_for_by_etag_and_stays_the_same(
    github: Any, issue: Issue, means: Means, tmp_path: Path
) -> None:
    source = fill(github, issue, 101)
    first = await refresh(tmp_path, source, means)
    before = (tmp_path / "current" / "index.json").read_bytes()
    await means.clock.sleep(3600)
    second = await refresh(tmp_path, source, means)
    assert (github.sent, len(github.requests)) == (2, 4)
    assert (tmp_path / "current" / "index.json").read_bytes() == before
    assert (second.hash, second.updated_at) == (first.hash, first.updated_at)
    assert second.checked_at > first.checked_at
    github.issues.append(issue(200, "CVE-2024-9999: new"))
    assert (await refresh(tmp_path, source, means)).updated_at > first.updated_at


async def test_titles_that_do_not_parse_are_told(github: Any, issue: Issue, means: Means, tmp_path: Path) -> None:
    source = fill(github, issue)
    github.issues.append(issue(50, "No id here"))
    state = await refresh(tmp_path, source, means)
    assert (state.items, state.unparsed) == (3, ["No id here"])


def page(data: Any) -> Response:
    return Response(200, [], json.dumps(data).encode())


FAULTS = [
    (Response(200, [("content-type", "text/html")], b"<html>Unicorn!"), "HTML or XML instead of JSON"),
    (Response(200, [], b'{"total_count": 3, "items": [{"number'), "truncated JSON"),
    (page({"message": "Validation Failed"}), "without items"),
    (page({"total_count": 3, "incomplete_results": True, "items": []}), "incomplete"),
    (page({"total_count": 3, "items": []}), "truncated: 0 of 3"),
    (page({"total_count": 0, "items": []}), "no advisory at all"),
    (page({"total_count": 1, "items": ["?"]}), "truncated: 0 of 1"),
    (Response(404, [], b"{}"), "status 404"),
    (Response(304, []), "304 without being asked"),
    (Response(403, [("retry-after", "3600")], b"{}"), "rate limit"),
    (Response(301, [("location", "ftp://x/")], b""), "not an http"),
    (Response(200, [("link", '<http://127.0.0.9:1/x>; rel="next"')], b'{"total_count": 3, "items": []}'), "another"),
]


@pytest.mark.parametrize(("fault", "said"), FAULTS, ids=[said for _, said in FAULTS])
async def test_a_failed_refresh_replaces_nothing_and_is_visible(
    github: Any, issue: Issue, means: Means, tmp_path: Path, fault: Response, said: str
) -> None:
    good = await refresh(tmp_path, fill(github, issue), means)
    before = (tmp_path / "current" / "index.json").read_bytes()
    (tmp_path / "pages.json").unlink()
    github.faults.append(fault)
    with pytest.raises(RefreshError, match=said):
        await refresh(tmp_path, good.source, means)
    state = read_state(tmp_path)
    assert (tmp_path / "current" / "index.json").read_bytes() == before
    assert (state.failures, state.checked_at, state.hash) == (1, good.checked_at, good.hash)
    assert said in state.last_error
    assert b"The last refresh failed" in (tmp_path / "current" / "index.html").read_bytes()
    healed = await refresh(tmp_path, good.source, means)
    assert (healed.failures, healed.last_error) == (0, "")
    assert b"The last refresh failed" not in (tmp_path / "current" / "index.html").read_bytes()


async def test_trouble_that_passes_is_waited_out(github: Any, issue: Issue, means: Means, tmp_path: Path) -> None:
    source = fill(github, issue)
    now = int(means.clock.now().timestamp())
    github.faults = [
        Response(502, [], b""),
        Response(403, [("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", str(now + 20))], b""),
        Response(429, [("retry-after", "7")], b""),
    ]
    assert (await refresh(tmp_path, source, means)).items == 3
    slept = getattr(means.clock, "slept")  # noqa: B009
    assert 1 <= slept[0] < 2
    assert 15 < slept[1] <= 21
    assert slept[2] >= 7


async def test_tries_end(github: Any, issue: Issue, means: Means, tmp_path: Path) -> None:
    source = fill(github, issue)
    github.faults = [Response(500, [], b"")] * 4
    with pytest.raises(RefreshError, match="status 500, 4 times"):
        await refresh(tmp_path, source, means)


async def test_nobody_there(means: Means, tmp_path: Path) -> None:
    with pytest.raises(RefreshError, match="4 times"):
        await refresh(tmp_path, "http://127.0.0.1:9/feed.json", means)


async def test_a_token_is_sent_and_never_told(github: Any, issue: Issue, means: Means, tmp_path: Path) -> None:
    means.token = "s3cr3t"
    await refresh(tmp_path, fill(github, issue), means)
    assert github.requests[0].headers["authorization"] == "Bearer s3cr3t"
    assert "s3cr3t" not in repr(means)
    assert all(b"s3cr3t" not in f.read_bytes() for f in tmp_path.rglob("*") if f.is_file())


async def test_a_source_that_shrinks_is_not_believed(github: Any, issue: Issue, means: Means, tmp_path: Path) -> None:
    source = fill(github, issue, 9)
    await refresh(tmp_path, source, means)
    github.issues = github.issues[:2]
    with pytest.raises(RefreshError, match="2 advisories, it had 9"):
        await refresh(tmp_path, source, means)
    assert (await refresh(tmp_path, source, means, shrink=True)).items == 2


async def test_files_and_their_formats(official: bytes, means: Means, tmp_path: Path) -> None:
    (tmp_path / "in.json").write_bytes(official)
    await refresh(tmp_path / "out", str(tmp_path / "in.json"), means)
    current = tmp_path / "out" / "current"
    assert {f.name for f in current.iterdir()} == {"index.json", "feed.xml", "index.html", "osv.json", "osv"}
    assert json.loads((current / "osv" / "CVE-2023-2431.json").read_bytes())["id"] == "CVE-2023-2431"
    (tmp_path / "in.json").write_bytes(official[:-500])
    with pytest.raises(RefreshError, match="truncated"):
        await refresh(tmp_path / "out", str(tmp_path / "in.json"), means)
    with pytest.raises(RefreshError, match="No such file"):
        await refresh(tmp_path / "out", str(tmp_path / "none.json"), means)
    assert len(read_items(tmp_path / "out")) == 8


async def test_served(github: Any, issue: Issue, means: Means, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = FeedConfig(tmp_path, fill(github, issue), interval=100.0)
    service = FeedService(config, means.clock)

    async def nothing() -> None:
        """Refreshes are asked for by hand here."""

    monkeypatch.setattr(service, "_run", nothing)
    await service.start()
    base = f"http://127.0.0.1:{service.port}"
    try:
        async with HttpClient() as http:

            async def get(path: str, *headers: tuple[str, str], method: str = "GET") -> Any:
                return await http.send(method, base + path, headers)

            assert (await get("/healthz")).status == 503
            assert (await get("/")).status == 503
            assert await service.once() == 100.0
            paths = ("/", "/index.json", "/feed.xml", "/osv.json", "/osv/CVE-2024-1001.json")
            answers = {path: await get(path) for path in paths}
            assert {a.status for a in answers.values()} == {200}
            assert answers["/index.json"].headers["content-type"].startswith("application/feed+json")
            assert "script-src 'sha256-" in answers["/"].headers["content-security-policy"]
            etag = answers["/"].headers["etag"]
            assert (await get("/", ("if-none-match", etag))).status == 304
            assert (await get("/", method="POST")).status == 405
            for path in ("/state.json", "/osv/../../state.json", "/osv/%2e%2e/pages.json", "/.lock"):
                assert (await get(path)).status == 404, path
            assert (await get("/healthz")).status == 200
            github.faults = [Response(500, [], b"")] * 4
            assert await service.once() == 60.0
            assert b"sampan_cve_feed_failures 1.0" in (await get("/metrics")).body
            assert b'sampan_cve_feed_refreshes_total{result="error"} 1.0' in (await get("/metrics")).body
            assert json.loads((await get("/status.json")).body)["last_error"].endswith("4 times")
            assert (await get("/")).status == 200
            await means.clock.sleep(400)
            stale = await get("/healthz")
            assert (stale.status, stale.body.startswith(b"stale: ")) == (503, True)
    finally:
        await service.close()
