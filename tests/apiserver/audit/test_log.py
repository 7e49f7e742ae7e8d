"""The audit log on disk: private, appended to, put aside when full."""

import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sampan.api.json import loads
from sampan.apiserver.audit.log import AuditLog, LogOptions, legacy_line

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


def test_events_are_lines_of_a_private_file(tmp_path: Path) -> None:
    path = tmp_path / "logs" / "audit.log"
    log = AuditLog(LogOptions(str(path)), Time().now)
    log(EVENT)
    log.close()
    again = AuditLog(LogOptions(str(path)), Time().now)
    again({**EVENT, "auditID": "2"})
    again.close()
    assert [loads(line)["auditID"] for line in path.read_bytes().splitlines()] == ["1", "2"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_full_file_is_put_aside_and_the_oldest_go(tmp_path: Path) -> None:
    path = tmp_path / "audit.log"
    log = AuditLog(LogOptions(str(path), max_size=1, max_backups=2), Time().now)
    big = {**EVENT, "requestURI": "x" * 700_000}
    for _ in range(5):
        log(big)
    log.close()
    aside = sorted(one.name for one in tmp_path.iterdir())
    assert aside == ["audit-2026-01-01T03-00-00.000.log", "audit-2026-01-01T04-00-00.000.log", "audit.log"]
    assert all(len(one.read_bytes().splitlines()) == 1 for one in tmp_path.iterdir())


def test_what_is_too_old_goes(tmp_path: Path) -> None:
    (tmp_path / "audit-2025-12-01T00-00-00.000.log").write_bytes(b"")
    (tmp_path / "audit-of-mine.log").write_bytes(b"")
    log = AuditLog(LogOptions(str(tmp_path / "audit.log"), max_size=1, max_age=7), Time().now)
    for _ in range(2):
        log({**EVENT, "requestURI": "x" * 700_000})
    log.close()
    left = {one.name for one in tmp_path.iterdir()}
    assert left == {"audit-2026-01-01T01-00-00.000.log", "audit-of-mine.log", "audit.log"}


def test_lines_for_people() -> None:
    assert legacy_line(EVENT) == (
        '2026-01-01T00:00:00.000000Z AUDIT: id="1" stage="ResponseComplete" ip="127.0.0.1" method="get" user="jane" '
        'groups="dev" as="<self>" asgroups="<lookup>" user-agent="<none>" namespace="<none>" uri="/api/v1/pods" '
        'response="200"'
    )
