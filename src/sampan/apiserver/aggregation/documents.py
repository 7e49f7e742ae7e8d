"""Discovery documents with the groups of other servers in them. Pure functions."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any

from sampan.api.json import Obj
from sampan.apiserver.aggregation.records import CUSTOM_GROUP, PRIORITIES, Remote

Lists = Mapping[str, Obj | None]
"""APIService name to the APIResourceList that its server answered with, None if it did not."""


def ranked(remotes: Iterable[Remote]) -> dict[str, list[Remote]]:
    """Group to its versions, the preferred one first."""
    ordered = sorted(remotes, key=lambda one: (one.group, -one.version_priority, one.version))
    return {group: list(many) for group, many in groupby(ordered, key=lambda one: one.group)}


def _sorted(entries: list[Obj], names: Sequence[str], remotes: Mapping[str, list[Remote]]) -> list[Obj]:
    """Entries of groups by priority; what is served here keeps its order among its own."""

    def priority(group: str) -> int:
        if group in remotes:
            return max(one.group_priority for one in remotes[group])
        return PRIORITIES.get(group, CUSTOM_GROUP)

    order = sorted(range(len(entries)), key=lambda index: (-priority(names[index]), names[index] in remotes, index))
    return [entries[index] for index in order]


def group_of(name: str, versions: Sequence[Remote]) -> Obj:
    """An APIGroup without kind and apiVersion."""
    listed = [{"groupVersion": f"{name}/{one.version}", "version": one.version} for one in versions]
    return {"name": name, "versions": listed, "preferredVersion": listed[0]}


def with_groups(document: Obj, remotes: Iterable[Remote]) -> Obj:
    """`/apis`: an APIGroupList."""
    by_group = ranked(remotes)
    known = [entry for entry in document["groups"] if entry["name"] not in by_group]
    entries = [*known, *(group_of(name, many) for name, many in by_group.items())]
    return {**document, "groups": _sorted(entries, [entry["name"] for entry in entries], by_group)}


def with_discovery(document: Obj, remotes: Iterable[Remote], lists: Lists) -> Obj:
    """`/apis` as an APIGroupDiscoveryList (KEP-3352)."""
    by_group = ranked(remotes)
    known = [item for item in document["items"] if (item["metadata"].get("name") or "") not in by_group]
    made = [
        {"metadata": {"name": group}, "versions": [_version(one, lists.get(one.name)) for one in many]}
        for group, many in by_group.items()
    ]
    entries = [*known, *made]
    names = [entry["metadata"].get("name") or "" for entry in entries]
    return {**document, "items": _sorted(entries, names, by_group)}


def _version(remote: Remote, listed: Obj | None) -> Obj:
    if listed is None:
        return {"version": remote.version, "freshness": "Stale"}
    return {"version": remote.version, "resources": _resources(remote, listed), "freshness": "Current"}


def _resources(remote: Remote, listed: Obj) -> list[Obj]:
    """An APIResourceList's entries as aggregated discovery has them: subresources inside their resources."""
    found: dict[str, dict[str, Any]] = {}
    for entry in listed.get("resources") or ():
        name, _, sub = str(entry.get("name") or "").partition("/")
        kind = {
            "group": entry.get("group") or remote.group,
            "version": entry.get("version") or remote.version,
            "kind": entry.get("kind") or "",
        }
        one = found.setdefault(name, {"resource": name, "scope": _scope(entry), "verbs": []})
        if sub:
            more = {"subresource": sub, "responseKind": kind, "verbs": entry.get("verbs") or []}
            one.setdefault("subresources", []).append(more)
            continue
        one |= {
            "responseKind": kind,
            "scope": _scope(entry),
            "singularResource": entry.get("singularName") or "",
            "verbs": entry.get("verbs") or [],
        }
        one |= {key: entry[key] for key in ("shortNames", "categories") if entry.get(key)}
    return list(found.values())


def _scope(entry: Obj) -> str:
    return "Namespaced" if entry.get("namespaced") else "Cluster"
