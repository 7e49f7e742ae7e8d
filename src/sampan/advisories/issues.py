"""GitHub issues of the official CVE feed as items: which CVEs a title names, and what state says (KEP-3203)."""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

ONE = r"CVE-\d{4}-\d{4,}"
BETWEEN = r"[\s,:;-]"
TITLE = re.compile(rf"({ONE}(?:{BETWEEN}+{ONE})*){BETWEEN}*(.*)", re.DOTALL)
ID = re.compile(ONE)
ISSUE_NUMBER = re.compile(r"/issues/(\d+)")


class Item(NamedTuple):
    """One CVE of the feed; `published` is UTC, `status` one of open, unknown, fixed, unfixed, or None."""

    id: str
    summary: str
    text: str
    published: str
    url: str
    number: int
    status: str | None


class Parsed(NamedTuple):
    """Items in feed order (newest first), titles that name no CVE, and ids that were there twice."""

    items: list[Item]
    unparsed: list[str]
    doubled: list[str]


class BadData(ValueError):
    """The source's answer is not what it must be; the text says how, in one line."""


def parse_title(title: str) -> tuple[list[str], str]:
    """The ids at the very start of a title, and its rest; no ids: it is none of the feed's."""
    match = TITLE.match(title)
    return (ID.findall(match[1]), match[2].strip()) if match else ([], title.strip())


def status_of(state: Any, reason: Any) -> str | None:
    """What an issue's state and state_reason mean for a CVE."""
    if state == "open":
        return "unknown" if reason == "reopened" else "open"
    return {"completed": "fixed", "not_planned": "unfixed"}.get(reason) if state == "closed" else None


def parse_issues(issues: Iterable[Any]) -> Parsed:
    """Items of GitHub's issues. Raises BadData for what is no issue."""
    items: list[Item] = []
    unparsed: list[str] = []
    for issue in issues:
        _check(issue)
        ids, summary = parse_title(issue["title"])
        if not ids:
            unparsed.append(issue["title"])
            continue
        status = status_of(issue.get("state"), issue.get("state_reason"))
        stamp = when(issue["created_at"])
        text = issue.get("body") or ""
        items += [Item(one, summary, text, stamp, issue["html_url"], issue["number"], status) for one in ids]
    return settle(items, unparsed)


def settle(items: Iterable[Item], unparsed: list[str]) -> Parsed:
    """Newest first, each id once: of two issues about one CVE, the older is the announcement."""
    first: dict[str, Item] = {}
    doubled: list[str] = []
    for item in sorted(items, key=lambda i: (i.published, i.number)):
        if item.id in first:
            doubled.append(item.id)
        else:
            first[item.id] = item
    ordered = sorted(first.values(), key=lambda i: (i.published, _number(i.id)), reverse=True)
    return Parsed(ordered, unparsed, doubled)


def when(text: Any) -> str:
    """A time as UTC RFC 3339 in whole seconds, with Z. Raises BadData."""
    try:
        stamp = datetime.fromisoformat(str(text))
    except ValueError as error:
        raise BadData(f"not a time: {str(text)[:60]!r}") from error
    stamp = stamp if stamp.tzinfo else stamp.replace(tzinfo=UTC)
    return stamp.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def web_address(text: Any) -> str:
    """An address that a reader may be sent to: https or http. Raises BadData."""
    if not isinstance(text, str) or not re.match(r"https?://[^\s\"'<>\\]+\Z", text):
        raise BadData(f"not a web address: {str(text)[:60]!r}")
    return text


def _check(issue: Any) -> None:
    if not isinstance(issue, Mapping):
        raise BadData("an issue that is no object")
    for name, kind in (("title", str), ("number", int), ("html_url", str), ("created_at", str)):
        if not isinstance(issue.get(name), kind):
            raise BadData(f"an issue without {name}")
    if not isinstance(issue.get("body") or "", str):
        raise BadData("an issue whose body is no text")
    web_address(issue["html_url"])


def _number(cve: str) -> tuple[int, int]:
    _, year, number = cve.split("-")
    return int(year), int(number)
