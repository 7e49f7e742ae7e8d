"""The CVE feed as a page: a table to read, search and print, light and dark, that needs nothing from elsewhere."""

import base64
import hashlib
from collections import Counter
from collections.abc import Sequence
from html import escape
from importlib.resources import files
from typing import NamedTuple

from sampan.advisories.feed import Feed, external_url
from sampan.advisories.issues import Item
from sampan.advisories.osv import Advisory, advisory

STATUSES = {
    "open": "open", "unknown": "reopened", "fixed": "fixed", "unfixed": "will not be fixed", "": "status not given",
}  # fmt: skip
MOST_COMPONENTS = 3


class Health(NamedTuple):
    """How fresh the feed is: when the source was last read well (UTC), and what went wrong since, if anything."""

    checked: str
    error: str = ""
    unparsed: int = 0


def as_html(feed: Feed, health: Health) -> bytes:
    """The page; all that comes from advisories is escaped, and its links are https or http only."""
    style, script = asset("page.css"), asset("page.js")
    parts = [
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{policy()}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        '<meta name="color-scheme" content="light dark">',
        "<title>Kubernetes CVE feed</title>",
        '<link rel="alternate" type="application/rss+xml" title="RSS" href="feed.xml">',
        '<link rel="alternate" type="application/feed+json" title="JSON Feed" href="index.json">',
        f"<style>{style}</style>\n</head>\n<body>",
        _header(feed, health),
        "<main>",
        _filters(feed.items),
        _table(feed),
        '<p id="none" hidden>No advisory matches.</p>',
        "</main>",
        f"<script>{script}</script>\n</body>\n</html>\n",
    ]
    return "\n".join(parts).encode("utf-8", "replace")


def asset(name: str) -> str:
    """A file of this package."""
    return (files("sampan.advisories") / name).read_text(encoding="utf-8")


def policy() -> str:
    """The content security policy: our own style and script, by hash, and nothing else."""
    style, script = (_hash(asset(name)) for name in ("page.css", "page.js"))
    return f"default-src 'none'; style-src '{style}'; script-src '{script}'; base-uri 'none'; form-action 'none'"


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _header(feed: Feed, health: Health) -> str:
    notes = ""
    if health.error:
        notes += (
            f'<p class="note bad" role="status"><strong>The last refresh failed:</strong> {escape(health.error)}. '
            f"This is what was known at {_time(health.checked)}.</p>\n"
        )
    if health.unparsed:
        many = f"{health.unparsed} issue{'s' if health.unparsed > 1 else ''}"
        notes += f'<p class="note">{many} of the feed could not be shown: no CVE at the start of the title.</p>\n'
    return (
        "<header>\n<div>\n<h1>Kubernetes CVE feed</h1>\n"
        "<p>Announcements of the Kubernetes Security Response Committee.</p>\n</div>\n"
        '<nav aria-label="Formats"><a href="index.json">JSON</a> <a href="feed.xml">RSS</a> '
        '<a href="osv.json">OSV</a></nav>\n'
        f"<p>Last changed {_time(feed.updated)}, checked {_time(health.checked)}.</p>\n{notes}</header>"
    )


def _time(stamp: str) -> str:
    shown = escape(stamp[:16].replace("T", " "))
    return f'<time datetime="{escape(stamp)}">{shown} UTC</time>'


def _filters(items: Sequence[Item]) -> str:
    counts = Counter(item.status or "" for item in items)
    chips = "".join(
        f'<label><input type="checkbox" checked value="{status}"><span class="chip s-{status or "none"}">'
        f"{name} <b>{counts[status]}</b></span></label>\n"
        for status, name in STATUSES.items()
        if counts[status]
    )
    return (
        '<form id="filters" role="search" hidden>\n<input type="search" id="find" '
        'aria-label="Search" placeholder="Search: CVE-2023, kubelet, seccomp …" autocomplete="off">\n'
        f'<div class="chips">{chips}</div>\n</form>'
    )


def _table(feed: Feed) -> str:
    rows = "\n".join(_row(item) for item in feed.items)
    return (
        f'<table class="security-cves">\n<caption>{len(feed.items)} advisories, newest first</caption>\n'
        '<thead><tr><th scope="col">CVE ID</th><th scope="col">Issue Summary</th>'
        '<th scope="col">CVE GitHub Issue URL</th></tr></thead>\n'
        f"<tbody>\n{rows}\n</tbody>\n</table>"
    )


def _row(item: Item) -> str:
    status = item.status or ""
    names = escape(_components(advisory(item)))
    issue = f"#{item.number}" if item.number else "link"
    return (
        f'<tr class="cve-status-{status or "none"}" data-status="{status}">'
        f'<td><a class="id" href="{escape(item.url)}">{escape(item.id)}</a>'
        f'<time datetime="{escape(item.published)}">{escape(item.published[:10])}</time></td>'
        f'<td><span class="summary">{escape(item.summary) or "(no summary)"}</span>'
        f'<span class="meta"><span class="chip s-{status or "none"}">{STATUSES[status]}</span>'
        f"{f' <span>{names}</span>' if names else ''}</span></td>"
        f'<td><a href="{escape(item.url)}">{issue}</a> <a href="{escape(external_url(item.id))}">record</a></td></tr>'
    )


def _components(known: Advisory) -> str:
    names = list(dict.fromkeys(component for component, _ in known.affected))
    more = " …" if len(names) > MOST_COMPONENTS else ""
    return ", ".join(names[:MOST_COMPONENTS]) + more
