"""Namespaces, nodes, config maps, secrets, limit ranges and the kinds of access control and admission."""

import base64
from functools import partial

from sampan.api.json import Obj
from sampan.api.meta import is_dns1123_subdomain
from sampan.resources.strategies.checks import Errors, Shown, immutable, marshalled
from sampan.resources.strategies.rules import Rules, each, fill, metadata_again, within, without
from sampan.resources.validation.core.config_map import check_config_map, check_frozen
from sampan.resources.validation.core.endpoints import check_endpoints, check_endpoints_changed, warn_endpoints
from sampan.resources.validation.core.limits import check_limit_range
from sampan.resources.validation.core.namespace import check_namespace, check_namespace_status
from sampan.resources.validation.core.node import (
    check_node,
    check_node_update,
    drop_removed,
    drop_removed_status,
    warn_node,
)
from sampan.resources.validation.core.quota import check_quota, check_quota_status, check_quota_update, warn_quota
from sampan.resources.validation.core.secret import check_secret, warn_secret
from sampan.resources.validation.metadata import check_own_meta
from sampan.resources.validation.scheduling.priority_class import check_priority_class, check_priority_class_update

NAME_LABEL = "kubernetes.io/metadata.name"


def _namespace(obj: Obj) -> Obj:
    meta = obj.get("metadata") or {}
    name = meta.get("name")
    if name and (meta.get("labels") or {}).get(NAME_LABEL) != name:
        obj = {**obj, "metadata": {**meta, "labels": {**(meta.get("labels") or {}), NAME_LABEL: name}}}
    return within(obj, "status", lambda s: fill(s, phase="Active"), absent={})


def _begin_namespace(obj: Obj) -> Obj:
    spec = obj.get("spec") or {}
    finalizers = spec.get("finalizers") or []
    if "kubernetes" not in finalizers:
        spec = {**spec, "finalizers": [*finalizers, "kubernetes"]}
    return _namespace({**obj, "spec": spec, "status": {"phase": "Active"}})


def _keep_finalizers(new: Obj, old: Obj) -> Obj:
    """spec.finalizers change through /finalize only."""
    finalizers = (old.get("spec") or {}).get("finalizers")
    spec = without(new.get("spec") or {}, "finalizers")
    return {**new, "spec": {**spec, "finalizers": finalizers} if finalizers else spec}


def _node(obj: Obj) -> Obj:
    spec = obj.get("spec") or {}
    one, all_of = spec.get("podCIDR"), spec.get("podCIDRs")
    if one and (not all_of or one != all_of[0]):
        obj = {**obj, "spec": {**spec, "podCIDRs": [one]}}
    elif all_of and not one:
        obj = {**obj, "spec": {**spec, "podCIDR": all_of[0]}}

    def status(value: Obj) -> Obj:
        return fill(value, allocatable=value["capacity"]) if value.get("capacity") else value

    return within(obj, "status", status)


def _secret(obj: Obj) -> Obj:
    """stringData goes into data, as the API's write-only convenience asks."""
    plain = obj.get("stringData")
    if plain:
        encoded = {key: base64.b64encode(str(value).encode()).decode() for key, value in plain.items()}
        obj = {**obj, "data": {**(obj.get("data") or {}), **encoded}}
    return fill(without(obj, "stringData"), type="Opaque")


def _limit(item: Obj) -> Obj:
    if item.get("type") != "Container":
        return item
    default = {**(item.get("max") or {}), **(item.get("default") or {})}
    request = {**(item.get("min") or {}), **default, **(item.get("defaultRequest") or {})}
    made = {**item, "default": default, "defaultRequest": request}
    return {k: v for k, v in made.items() if v or k not in ("default", "defaultRequest")}


def _limit_range(obj: Obj) -> Obj:
    return within(obj, "spec", lambda s: within(s, "limits", partial(each, change=_limit)))


def _subset(subset: Obj) -> Obj:
    return within(subset, "ports", partial(each, change=partial(fill, protocol="TCP")))


def _endpoints(obj: Obj) -> Obj:
    return within(obj, "subsets", partial(each, change=_subset))


def _meta(namespaced: bool, new: Obj) -> Errors:
    return check_own_meta(new["metadata"], namespaced, is_dns1123_subdomain)


def _change_namespace(new: Obj, old: Obj) -> Errors:
    return _meta(False, new) + check_namespace(new) + metadata_again(new, old)


def _change_node(new: Obj, old: Obj) -> Errors:
    return _meta(False, new) + check_node(new) + metadata_again(new, old) + check_node_update(new, old)


def _change_secret(new: Obj, old: Obj) -> Errors:
    errors = metadata_again(new, old) + immutable("type", _typed(new), _typed(old))
    return errors + check_frozen(new, old, ("data",)) + _meta(True, new) + check_secret(new)


def _typed(obj: Obj) -> Shown:
    return Shown(marshalled(obj.get("type") or ""))


def _change_config_map(new: Obj, old: Obj) -> Errors:
    errors = metadata_again(new, old) + check_frozen(new, old, ("data", "binaryData"))
    return errors + _meta(True, new) + check_config_map(new)


def _change_limits(new: Obj, old: Obj) -> Errors:
    return _meta(True, new) + check_limit_range(new)


def _change_account(new: Obj, old: Obj) -> Errors:
    return metadata_again(new, old) + _meta(True, new)


def _change_endpoints(new: Obj, old: Obj) -> Errors:
    return metadata_again(new, old) + _meta(True, new) + check_endpoints_changed(new, old)


NAMESPACES = Rules(
    True,
    defaults=_namespace,
    on_create=_begin_namespace,
    on_update=_keep_finalizers,
    check=check_namespace,
    check_change=_change_namespace,
    check_status=check_namespace_status,
)
NODES = Rules(
    True,
    status_on_create=True,
    defaults=_node,
    on_create=lambda obj: drop_removed_status(drop_removed(obj, None), None),
    on_update=drop_removed,
    on_status=drop_removed_status,
    check=check_node,
    check_change=_change_node,
    check_status=check_node_update,
    warn=warn_node,
)
SECRETS = Rules(defaults=_secret, check=check_secret, check_change=_change_secret, warn=warn_secret)
CONFIG_MAPS = Rules(check=check_config_map, check_change=_change_config_map)
LIMIT_RANGES = Rules(defaults=_limit_range, check=check_limit_range, check_change=_change_limits)
QUOTAS = Rules(
    True,
    check=check_quota,
    check_update=check_quota_update,
    check_status=check_quota_status,
    warn=warn_quota,
    warn_update=lambda new, old: [],
)
ACCOUNTS = Rules(check_change=_change_account)
ENDPOINTS = Rules(defaults=_endpoints, check=check_endpoints, check_change=_change_endpoints, warn=warn_endpoints)


def _priority_class(obj: Obj) -> Obj:
    return obj if obj.get("preemptionPolicy") is not None else {**obj, "preemptionPolicy": "PreemptLowerPriority"}


def _change_priority_class(new: Obj, old: Obj) -> Errors:
    return metadata_again(new, old) + check_priority_class_update(new, old)


PRIORITY_CLASSES = Rules(
    defaults=_priority_class,
    check=check_priority_class,
    check_change=_change_priority_class,
)
