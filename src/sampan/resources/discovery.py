"""Discovery documents from Resource records: the legacy ones and the aggregated ones (KEP-3352). Pure functions.

Groups come in the order of BUILTINS, then by name; versions of a group as the records come, the preferred one first.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Any, Literal

from sampan.api.json import Obj
from sampan.api.names import GVK
from sampan.api.resource import Resource, Subresource
from sampan.resources import BUILTINS

_BUILTIN_GROUPS = list(dict.fromkeys(row.group for row in BUILTINS))
_KUBE_VERSION = re.compile(r"v(\d+)(?:(alpha|beta)(\d+))?")


def version_rank(version: str) -> tuple[object, ...]:
    """Sort key that puts v2 before v1 before v1beta1 before v1alpha1 before anything else, as apimachinery does."""
    match = _KUBE_VERSION.fullmatch(version)
    if match is None:
        return (1, version)
    stage = {"": 0, "beta": 1, "alpha": 2}[match[2] or ""]
    return (0, stage, -int(match[1]), -int(match[3] or 0))


def groups(resources: Iterable[Resource]) -> dict[str, list[str]]:
    """Group to its versions, without the core group, in the order in which discovery lists them."""
    seen: dict[str, list[str]] = {}
    for resource in resources:
        versions = seen.setdefault(resource.mapping.group, [])
        if resource.mapping.version not in versions:
            versions.append(resource.mapping.version)
    ordered = [group for group in _BUILTIN_GROUPS if group and group in seen]
    foreign = sorted(group for group in seen if group not in _BUILTIN_GROUPS)
    return {group: seen[group] for group in ordered} | {
        group: sorted(seen[group], key=version_rank) for group in foreign
    }


def api_versions(server: str) -> Obj:
    """`/api`; `server` is host:port as clients reach it."""
    return {
        "kind": "APIVersions",
        "versions": ["v1"],
        "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": server}],
    }


def _group(name: str, versions: Sequence[str]) -> Obj:
    listed = [{"groupVersion": f"{name}/{version}", "version": version} for version in versions]
    return {"name": name, "versions": listed, "preferredVersion": listed[0]}


def api_group_list(resources: Iterable[Resource]) -> Obj:
    """`/apis`."""
    listed = [_group(name, versions) for name, versions in groups(resources).items()]
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": listed}


def api_group(resources: Iterable[Resource], group: str) -> Obj | None:
    """`/apis/GROUP`, None if nothing of it is served."""
    versions = groups(resources).get(group)
    return None if versions is None else {"kind": "APIGroup", "apiVersion": "v1", **_group(group, versions)}


def api_resource_list(resources: Iterable[Resource], group: str, version: str) -> Obj | None:
    """`/api/v1` or `/apis/GROUP/VERSION`, None if nothing of it is served."""
    listed = _of_version(resources, group, version)
    if not listed:
        return None
    entries = [entry for resource in listed for entry in _api_resources(resource)]
    entries.sort(key=lambda entry: str(entry["name"]))
    head: Obj = {"kind": "APIResourceList"} | ({"apiVersion": "v1"} if group else {})
    return head | {"groupVersion": f"{group}/{version}" if group else version, "resources": entries}


def _of_version(resources: Iterable[Resource], group: str, version: str) -> list[Resource]:
    found = [one for one in resources if one.mapping.group == group and one.mapping.version == version]
    return sorted(found, key=lambda one: one.mapping.plural)


def _api_resources(resource: Resource) -> list[dict[str, Any]]:
    mapping = resource.mapping
    entry: dict[str, Any] = {
        "name": mapping.plural,
        "singularName": resource.singular,
        "namespaced": mapping.namespaced,
        "kind": mapping.kind,
        "verbs": list(resource.verbs),
    }
    if resource.short_names:
        entry["shortNames"] = list(resource.short_names)
    if resource.categories:
        entry["categories"] = list(resource.categories)
    if resource.storage_version_hash:
        entry["storageVersionHash"] = resource.storage_version_hash
    return [entry, *(_api_subresource(resource, sub) for sub in resource.subresources.values())]


def _api_subresource(resource: Resource, sub: Subresource) -> dict[str, Any]:
    kind = sub.kind or resource.gvk
    entry: dict[str, Any] = {
        "name": f"{resource.mapping.plural}/{sub.name}",
        "singularName": "",
        "namespaced": resource.mapping.namespaced,
        "kind": kind.kind,
        "verbs": list(sub.verbs),
    }
    if kind[:2] != resource.gvk[:2]:
        entry |= {"group": kind.group, "version": kind.version}
    return entry


def aggregated(resources: Sequence[Resource], path: Literal["/api", "/apis"], version: str = "v2") -> Obj:
    """The APIGroupDiscoveryList of `/api` or `/apis`; `version` is that of apidiscovery.k8s.io (v2 or v2beta1)."""
    wanted = {"": ["v1"]} if path == "/api" else groups(resources)
    items = [_group_discovery(resources, group, versions) for group, versions in wanted.items()]
    return {
        "kind": "APIGroupDiscoveryList",
        "apiVersion": f"apidiscovery.k8s.io/{version}",
        "metadata": {},
        "items": items,
    }


def _group_discovery(resources: Sequence[Resource], group: str, versions: Sequence[str]) -> Obj:
    listed = [
        {
            "version": version,
            "resources": [_discovered(one) for one in _of_version(resources, group, version)],
            "freshness": "Current",
        }
        for version in versions
    ]
    return {"metadata": {"name": group} if group else {}, "versions": listed}


def _discovered(resource: Resource) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "resource": resource.mapping.plural,
        "responseKind": _response_kind(resource, resource.gvk),
        "scope": "Namespaced" if resource.mapping.namespaced else "Cluster",
        "singularResource": resource.singular,
        "verbs": list(resource.verbs),
    }
    if resource.short_names:
        entry["shortNames"] = list(resource.short_names)
    if resource.categories:
        entry["categories"] = list(resource.categories)
    if resource.subresources:
        subs = sorted(resource.subresources.values(), key=lambda sub: sub.name)
        entry["subresources"] = [
            {
                "subresource": sub.name,
                "responseKind": _response_kind(resource, sub.kind or resource.gvk),
                "verbs": list(sub.verbs),
            }
            for sub in subs
        ]
    return entry


def _response_kind(resource: Resource, kind: GVK) -> dict[str, str]:
    """Built-in kinds leave group and version empty when they are those of the document; custom ones write them."""
    if resource.mapping.group in _BUILTIN_GROUPS and kind[:2] == resource.gvk[:2]:
        return {"group": "", "version": "", "kind": kind.kind}
    return {"group": kind.group, "version": kind.version, "kind": kind.kind}
