"""Serve a folder's feed over HTTP and keep it fresh: page, JSON, RSS, OSV, health and figures."""

import asyncio
import hashlib
import json
import random
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from sampan.advisories.feed import OFFICIAL
from sampan.advisories.page import policy
from sampan.advisories.refresh import CURRENT, RefreshError, State, read_state, refresh
from sampan.advisories.source import Means
from sampan.aio.clock import Clock
from sampan.aio.tasks import Tasks
from sampan.net.http import Headers, Request, Response
from sampan.net.http_client import HttpClient
from sampan.net.http_server import Server, serve
from sampan.obs.log import logger
from sampan.obs.metrics import CONTENT_TYPE, Metrics

TYPES = {
    "index.html": "text/html; charset=utf-8",
    "index.json": "application/feed+json; charset=utf-8",
    "feed.xml": "application/rss+xml; charset=utf-8",
    "osv.json": "application/json; charset=utf-8",
}
STALE_AFTER = 3
"""After so many missed intervals /healthz says no."""
log = logger("cve-feed")


@dataclass(frozen=True, slots=True)
class FeedConfig:
    """Which source is kept fresh in which folder, how often (seconds), and where it is served."""

    folder: Path
    source: str = "github"
    interval: float = 7200.0
    host: str = "127.0.0.1"
    port: int = 0
    url: str = OFFICIAL
    token: str = ""


class FeedService:
    """Refreshes and serves; `start` returns when it listens, `close` leaves nothing behind."""

    def __init__(self, config: FeedConfig, clock: Clock, metrics: Metrics | None = None) -> None:
        self.config, self.clock = config, clock
        self.metrics = metrics or Metrics()
        self.state = read_state(config.folder)
        self._http = HttpClient()
        self._means = Means(clock, random.Random(), self._http, config.token)
        self._tasks = Tasks()
        self._server: Server | None = None
        self.tried = asyncio.Event()
        """Set after the first refresh, good or not."""
        self._declare()

    def _declare(self) -> None:
        new = self.metrics
        self._refreshes = new.counts("sampan_cve_feed_refreshes_total", "Refreshes by how they ended.", ["result"])
        new.gauge("sampan_cve_feed_items", "Advisories in the feed.", lambda: self.state.items)
        new.gauge("sampan_cve_feed_unparsed", "Issues whose title names no CVE.", lambda: len(self.state.unparsed))
        new.gauge("sampan_cve_feed_failures", "Failed refreshes since the last good one.", lambda: self.state.failures)
        new.gauge("sampan_cve_feed_age_seconds", "Time since the source was last read well.", self.age)

    @property
    def port(self) -> int:
        """Where it listens."""
        assert self._server is not None
        return self._server.port

    async def start(self) -> None:
        """Listen, and begin to refresh. Raises OSError when the port is taken."""
        self._server = await serve(self.answer, self.config.host, self.config.port)
        self._tasks.start(self._run(), "cve feed")

    async def close(self) -> None:
        """End both."""
        await self._tasks.cancel()
        if self._server is not None:
            await self._server.close()
        await self._http.close()

    async def _run(self) -> None:
        while True:
            wait = await self.once()
            self.tried.set()
            await self.clock.sleep(wait)

    async def once(self) -> float:
        """One refresh; how many seconds to wait for the next. A failure keeps what there is."""
        config = self.config
        try:
            self.state = await refresh(config.folder, config.source, self._means, url=config.url)
        except (RefreshError, OSError) as error:
            self._refreshes.add("error")
            self.state = read_state(config.folder)
            log.error("CVE feed not refreshed", extra={"pairs": {"error": str(error), "failures": self.state.failures}})
            soon = min(config.interval, 60.0 * 2.0 ** min(self.state.failures - 1, 10))
            return max(soon, self.state.retry_after)
        self._refreshes.add("partial" if self.state.unparsed else "success")
        for title in self.state.unparsed:
            log.warning("No CVE at the start of a title", extra={"pairs": {"title": title}})
        return config.interval

    def age(self) -> float:
        """Seconds since the source was last read well; infinite: never."""
        if not self.state.checked_at:
            return float("inf")
        return (self.clock.now() - datetime.fromisoformat(self.state.checked_at)).total_seconds()

    async def answer(self, request: Request) -> Response:
        """GET and HEAD."""
        if request.method not in ("GET", "HEAD"):
            return Response(405, [("allow", "GET, HEAD")], b"only GET and HEAD\n")
        name = request.path.lstrip("/") or "index.html"
        if name == "healthz":
            return self._health()
        if name == "metrics":
            return _plain(200, self.metrics.text(), CONTENT_TYPE)
        if name == "status.json":
            return _plain(200, json.dumps(_status(self.state), indent=2).encode() + b"\n", "application/json")
        return await self._file(name, request)

    def _health(self) -> Response:
        stale = self.age() > STALE_AFTER * self.config.interval
        if stale:
            why = self.state.last_error or "the first refresh is under way"
            return _plain(503, f"stale: {why}\n".encode())
        return _plain(200, b"ok\n")

    async def _file(self, name: str, request: Request) -> Response:
        record = name.removeprefix("osv/").removesuffix(".json") if name.startswith("osv/") else ""
        kind = TYPES.get(name) or ("application/json" if record and record.replace("-", "").isalnum() else "")
        if not kind:
            return _plain(404, b"not found\n")
        try:
            body = await asyncio.to_thread((self.config.folder / CURRENT / name).read_bytes)
        except OSError:
            missing = 404 if self.state.checked_at else 503
            return _plain(missing, b"not found\n" if self.state.checked_at else b"no feed yet\n")
        etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
        headers: Headers = [
            ("content-type", kind), ("etag", etag), ("cache-control", "max-age=300"),
            ("x-content-type-options", "nosniff"), ("access-control-allow-origin", "*"),
        ]  # fmt: skip
        if name == "index.html":
            headers += [("content-security-policy", policy()), ("referrer-policy", "no-referrer")]
        given = request.headers.get("if-none-match", "")
        if etag in [part.strip().removeprefix("W/") for part in given.split(",")]:
            return Response(304, headers)
        return Response(200, headers, body)


def _status(state: State) -> dict[str, object]:
    return {key: value for key, value in asdict(state).items() if key != "retry_after"}


def _plain(status: int, body: bytes, kind: str = "text/plain; charset=utf-8") -> Response:
    return Response(status, [("content-type", kind), ("x-content-type-options", "nosniff")], body)
