"""OSV records: read from files and announcements, written for every item of the feed, and the ranges they name."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sampan.advisories.affected import CORE, Affected, affected_in, fixed_in
from sampan.advisories.feed import external_url
from sampan.advisories.issues import Item
from sampan.advisories.versions import ZERO, Edge, Version, parse_events, parse_version

SCHEMA_VERSION = "1.6.0"
BLOCK = re.compile(r"^(`{3,})json osv\s*\n(.*?)^\1\s*$", re.DOTALL | re.MULTILINE)
RANGES = ("SEMVER", "ECOSYSTEM")


class Advisory(NamedTuple):
    """What one CVE affects; `source` says where that is known from: osv or text."""

    id: str
    summary: str
    url: str
    affected: tuple[Affected, ...]
    source: str
    fixed: tuple[Version, ...] = ()
    """Versions said to mend it, where the ranges do not say."""


def component_of(package: str) -> str:
    """Our name for a package's: `k8s.io/apiserver` and `kube-apiserver` are one, `k8s.io/kubernetes` is any."""
    name = package.removeprefix("k8s.io/").removeprefix("kubernetes/")
    return f"kube-{name}" if f"kube-{name}" in CORE else name


def read_osv(record: Mapping[str, Any]) -> Advisory:
    """An OSV record. Raises ValueError for what is none."""
    if not isinstance(record.get("id"), str):
        raise ValueError("an OSV record without an id")
    found: list[Affected] = []
    for entry in _list(record, "affected"):
        package = entry.get("package") or {}
        name = component_of(str(package.get("name") or ""))
        if str(package.get("ecosystem", "")).lower() != "kubernetes":
            continue
        spans = [span for span in _list(entry, "ranges") if span.get("type") in RANGES]
        found += [Affected(name, parse_events(_list(span, "events"))) for span in spans]
        for text in entry.get("versions") or ():
            version = parse_version(str(text))
            found.append(Affected(name, (Edge("introduced", version), Edge("last_affected", version))))
    links = [str(r.get("url") or "") for r in _list(record, "references")]
    url = next((link for link in links if "/issues/" in link), links[0] if links else "")
    summary = " ".join(str(record.get("summary") or record.get("details") or "").split())[:200]
    return Advisory(record["id"], summary, url, tuple(found), "osv")


def _list(holder: Mapping[str, Any], name: str) -> Sequence[Mapping[str, Any]]:
    value = holder.get(name) or ()
    if not isinstance(value, list | tuple) or not all(isinstance(one, Mapping) for one in value):
        raise ValueError(f"OSV: {name} is not a list of objects")
    return value


def block_of(item: Item) -> dict[str, Any] | None:
    """The OSV record that the announcement itself carries for this id, if it is one."""
    for match in BLOCK.finditer(item.text.replace("\r\n", "\n")):
        try:
            record = json.loads(match[2])
            if isinstance(record, dict) and read_osv(record).id == item.id:
                return record
        except (ValueError, RecursionError):
            continue
    return None


def advisory(item: Item) -> Advisory:
    """What an item affects: by its OSV block if it has one, else by its prose."""
    block = block_of(item)
    if block is not None:
        return read_osv(block)._replace(url=item.url, summary=item.summary)
    return Advisory(item.id, item.summary, item.url, tuple(affected_in(item.text)), "text", tuple(fixed_in(item.text)))


def record(item: Item, modified: str) -> dict[str, Any]:
    """The item's OSV record: the announcement's own one, else one made from its prose, which says so."""
    block = block_of(item)
    if block is not None:
        return block
    made = advisory(item)
    by_name: dict[str, list[dict[str, Any]]] = {}
    for component, edges in made.affected:
        by_name.setdefault(component, []).append({"type": "SEMVER", "events": [_event(edge) for edge in edges]})
    return {
        "schema_version": SCHEMA_VERSION,
        "id": item.id,
        "modified": modified,
        "published": item.published,
        "summary": item.summary,
        "details": item.text,
        "affected": [
            {"package": {"ecosystem": "Kubernetes", "name": name}, "ranges": ranges} for name, ranges in by_name.items()
        ],
        "references": [{"type": "ADVISORY", "url": url} for url in (external_url(item.id), item.url)],
        "database_specific": {"affected_from": "announcement text"},
    }


def _event(edge: Edge) -> dict[str, str]:
    return {edge.kind: "0" if edge.at == ZERO else str(edge.at)}
