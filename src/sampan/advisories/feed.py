"""The CVE feed as JSON Feed 1.1: written with the official feed's keys, order and indent, and read back from any."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sampan.advisories.issues import ID, ISSUE_NUMBER, BadData, Item, Parsed, parse_issues, settle, web_address, when

VERSION = "https://jsonfeed.org/version/1.1"
OFFICIAL = "https://kubernetes.io/docs/reference/issues-security/official-cve-feed/index.json"
HOME = "https://kubernetes.io"
TITLE = "Kubernetes Vulnerability Announcements - CVE Feed"
DESCRIPTION = "Auto-refreshing official CVE feed for Kubernetes repository"
JOB = "https://testgrid.k8s.io/sig-security-cve-feed#auto-refreshing-official-cve-feed"
STATUSES = ("open", "unknown", "fixed", "unfixed")


class Feed(NamedTuple):
    """Items, when they last changed (UTC, whole seconds, Z), and under which address the feed is published."""

    items: Sequence[Item]
    updated: str
    url: str = OFFICIAL


def external_url(cve: str) -> str:
    """The CVE record of an id."""
    return f"https://www.cve.org/cverecord?id={cve}"


def document(feed: Feed) -> dict[str, Any]:
    """The feed's JSON document, keys in the official order."""
    return {
        "version": VERSION,
        "title": TITLE,
        "home_page_url": HOME,
        "feed_url": feed.url,
        "description": DESCRIPTION,
        "authors": [{"name": "Kubernetes Community", "url": "https://www.kubernetes.dev"}],
        "_kubernetes_io": {"feed_refresh_job": JOB, "updated_at": feed.updated},
        "items": [_item(item) for item in feed.items],
    }


def _item(item: Item) -> dict[str, Any]:
    return {
        "content_text": item.text,
        "date_published": item.published,
        "external_url": external_url(item.id),
        "id": item.id,
        "summary": item.summary,
        "url": item.url,
        "_kubernetes_io": {
            "google_group_url": f"https://groups.google.com/g/kubernetes-announce/search?q={item.id}",
            "issue_number": item.number,
        },
        "status": item.status,
    }


def as_json(feed: Feed) -> bytes:
    """The document as bytes: indent 4, ASCII, as the official job writes it."""
    return (json.dumps(document(feed), indent=4) + "\n").encode()


def digest(items: Sequence[Item]) -> str:
    """SHA-256 of what the feed says, whenever it was written."""
    return hashlib.sha256(json.dumps([_item(item) for item in items], sort_keys=True).encode()).hexdigest()


def read(data: bytes) -> Parsed:
    """Items of a JSON feed, of a page of GitHub's issue search, or of a list of issues. Raises BadData."""
    whole = load(data)
    if isinstance(whole, list):
        return parse_issues(whole)
    if not isinstance(whole, Mapping) or not isinstance(whole.get("items"), list):
        raise BadData("neither a JSON feed nor issues: there are no items")
    version = whole.get("version")
    if version is None and "total_count" in whole:
        if whole.get("incomplete_results") or len(whole["items"]) < whole["total_count"]:
            raise BadData(f"truncated: {len(whole['items'])} of {whole['total_count']} issues")
        return parse_issues(whole["items"])
    if version is None and "_kubernetes_io" not in whole:
        raise BadData("neither a JSON feed nor issues: no version, no total_count")
    if version not in (None, VERSION):
        raise BadData(f"feed version {str(version)[:60]!r}, expected {VERSION!r}")
    return _read_items(whole["items"])


def load(data: bytes) -> Any:
    """Bytes as JSON. Raises BadData that says what else they look like."""
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        start = data[:200].lstrip().lower()
        if start.startswith((b"<!doctype", b"<html", b"<")):
            raise BadData("HTML or XML instead of JSON") from error
        if start.startswith((b"{", b"[")):
            raise BadData("broken or truncated JSON") from error
        raise BadData("not JSON") from error


def _read_items(entries: Sequence[Any]) -> Parsed:
    items: list[Item] = []
    unparsed: list[str] = []
    for entry in entries:
        if not isinstance(entry, Mapping) or not isinstance(entry.get("id"), str):
            raise BadData("an item without an id")
        ids = [part.strip() for part in entry["id"].split(",")]  # before 2024 one item could have several
        if not all(ID.fullmatch(one) for one in ids):
            unparsed.append(entry["id"])
            continue
        items += [_read_item(one, entry) for one in ids]
    return settle(items, unparsed)


def _read_item(cve: str, entry: Mapping[str, Any]) -> Item:
    own = entry.get("_kubernetes_io") if isinstance(entry.get("_kubernetes_io"), Mapping) else {}
    url = web_address(entry.get("url") or external_url(cve))
    number = (own or {}).get("issue_number")
    if not isinstance(number, int):
        match = ISSUE_NUMBER.search(url)
        number = int(match[1]) if match else 0
    status = entry.get("status")
    return Item(
        cve,
        str(entry.get("summary") or "").strip(),
        str(entry.get("content_text") or ""),
        when(entry.get("date_published")),
        url,
        number,
        status if status in STATUSES else None,
    )
