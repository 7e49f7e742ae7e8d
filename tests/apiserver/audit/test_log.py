"""The audit log on disk: private, appended to, put aside when full."""

import gzip
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sampan.api.json import loads
from sampan.apiserver.audit.backend import AuditMetrics
from sampan.apiserver.audit.legacy import legacy_line
from sampan.apiserver.audit.log import AuditLog, LogOptions
from sampan.obs.metrics import Metrics

EVENT = {
    "auditID": "1", "stage": "ResponseComplete", "verb": "get", "requestURI": "/api/v1/pods",
    "requestReceivedTimestamp": "2026-01-01T00:00:00.000000Z", "user": {"username": "jane", "groups": ["dev"]},
    "sourceIPs": ["127.0.0.1"], "responseStatus": {"metadata": {}, "code": 200},
}  # fmt: skip


class Time:
    """A clock for file names."""

    def __init__(self) -> None:
        self.at = datetime(2026, 1, 1, tzinfo=UTC)

    def now(self) -> datetime:
        self.at += timedelta(hours=1)
        return self.at


async def test_events_are_lines_of_a_private_file(tmp_path: Path) -> None:
    path = tmp_path / "logs" / "audit.log"
    log = AuditLog(LogOptions(str(path)), Time().now, AuditMetrics(Metrics()))
    assert await log.process((EVENT,))
    await log.close()
    again = AuditLog(LogOptions(str(path)), Time().now, AuditMetrics(Metrics()))
    assert await again.process(({**EVENT, "auditID": "2"},))
    await again.close()
    assert [loads(line)["auditID"] for line in path.read_bytes().splitlines()] == ["1", "2"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_a_full_file_is_put_aside_and_the_oldest_go(tmp_path: Path) -> None:
    path = tmp_path / "audit.log"
    log = AuditLog(LogOptions(str(path), max_size=1, max_backups=2), Time().now, AuditMetrics(Metrics()))
    big = {**EVENT, "requestURI": "x" * 700_000}
    for _ in range(5):
        assert await log.process((big,))
    await log.close()
    aside = sorted(one.name for one in tmp_path.iterdir())
    assert aside == ["audit-2026-01-01T03-00-00.000.log", "audit-2026-01-01T04-00-00.000.log", "audit.log"]
    assert all(len(one.read_bytes().splitlines()) == 1 for one in tmp_path.iterdir())


async def test_what_is_too_old_goes(tmp_path: Path) -> None:
    (tmp_path / "audit-2025-12-01T00-00-00.000.log").write_bytes(b"")
    (tmp_path / "audit-of-mine.log").write_bytes(b"")
    log = AuditLog(LogOptions(str(tmp_path / "audit.log"), max_size=1, max_age=7), Time().now, AuditMetrics(Metrics()))
    for _ in range(2):
        assert await log.process(({**EVENT, "requestURI": "x" * 700_000},))
    await log.close()
    left = {one.name for one in tmp_path.iterdir()}
    assert left == {"audit-2026-01-01T01-00-00.000.log", "audit-of-mine.log", "audit.log"}


def test_lines_for_people() -> None:
    assert legacy_line(EVENT) == (
        '2026-01-01T00:00:00.000000Z AUDIT: id="1" stage="ResponseComplete" ip="127.0.0.1" method="get" user="jane" '
        'groups="dev" as="<self>" asgroups="<lookup>" user-agent="<none>" namespace="<none>" uri="/api/v1/pods" '
        'response="200"'
    )


async def test_what_is_put_aside_may_be_compressed(tmp_path: Path) -> None:
    path = tmp_path / "audit.log"
    log = AuditLog(LogOptions(str(path), max_size=1, max_backups=2, compress=True), Time().now, AuditMetrics(Metrics()))
    big = {**EVENT, "requestURI": "x" * 700_000}
    for number in range(3):
        assert await log.process(({**big, "auditID": str(number)},))
    await log.close()
    aside = sorted(one.name for one in tmp_path.iterdir())
    assert aside == ["audit-2026-01-01T01-00-00.000.log.gz", "audit-2026-01-01T02-00-00.000.log.gz", "audit.log"]
    with gzip.open(tmp_path / aside[0]) as text:
        assert loads(text.read())["auditID"] == "0"
    assert stat.S_IMODE((tmp_path / aside[0]).stat().st_mode) == 0o600


async def test_what_cannot_be_written_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    metrics = Metrics()
    log = AuditLog(LogOptions(str(tmp_path / "audit.log")), Time().now, AuditMetrics(metrics))
    await log.close()
    assert not await log.process((EVENT, EVENT))
    assert b'apiserver_audit_error_total{plugin="log"} 2.0' in metrics.text()
    assert "Error in audit plugin 'log' affecting 1 audit events: the audit log is closed" in caplog.text
