"""The Node authorizer: a node agent may do what its own node and the pods bound to it need, and no more.

Upstream: plugin/pkg/auth/authorizer/node. What a request's body says is NodeRestriction's to check. Pure.
"""

from collections.abc import Callable
from typing import NamedTuple

from sampan.api.selectors import FieldRequirement
from sampan.apiserver.context import UserInfo
from sampan.apiserver.node_graph import NodeGraph
from sampan.apiserver.rbac import Attributes, Rule

NODES, PREFIX = "system:nodes", "system:node:"
LEASES = "kube-node-lease"
READ, OWN = ("get", "list", "watch"), ("get", "create", "update", "patch", "delete")
CORE, STORAGE, RESOURCE = "", "storage.k8s.io", "resource.k8s.io"
RULES = (
    Rule(("create",), ("authentication.k8s.io",), ("tokenreviews",)),
    Rule(("create",), ("authorization.k8s.io",), ("subjectaccessreviews", "localsubjectaccessreviews")),
    Rule(READ, ("",), ("services",)),
    Rule(("create", "update", "patch"), ("", "events.k8s.io"), ("events",)),
    Rule(("get",), ("",), ("endpoints",)),
    Rule(("create", *READ), ("certificates.k8s.io",), ("certificatesigningrequests",)),
    Rule(READ, ("storage.k8s.io",), ("csidrivers",)),
    Rule(READ, ("node.k8s.io",), ("runtimeclasses",)),
)
"""What every node may, whatever runs on it."""


class Verdict(NamedTuple):
    """Allowed or not (others may still allow it), and why not."""

    allowed: bool
    why: str = ""


YES, NO = Verdict(True), Verdict(False)


def node_of(user: UserInfo) -> str | None:
    """The node's name, empty if it cannot be told; None for users who are no nodes."""
    if not user.name.startswith(PREFIX) or NODES not in user.groups:
        return None
    return user.name.removeprefix(PREFIX)


def decide(graph: NodeGraph, node: str, wanted: Attributes) -> Verdict:
    """Whether the node of that name may."""
    if wanted.path:
        return NO
    rule = SUBDIVIDED.get((wanted.group, wanted.resource))
    if rule is not None:
        return rule(graph, node, wanted)
    return YES if any(one.allows(wanted) for one in RULES) else NO


def _related(graph: NodeGraph, node: str, wanted: Attributes) -> Verdict:
    if not wanted.name:
        return Verdict(False, "No Object name found")
    if graph.reaches(node, wanted.resource, wanted.namespace, wanted.name):
        return YES
    return Verdict(False, f"no relationship found between node '{node}' and this object")


def _read(graph: NodeGraph, node: str, wanted: Attributes) -> Verdict:
    if wanted.verb not in READ:
        return Verdict(False, "can only read resources of this type")
    if wanted.subresource:
        return Verdict(False, "cannot read subresource")
    if not wanted.namespace:
        return Verdict(False, "can only read namespaced object of this type")
    return _related(graph, node, wanted)


def _get(graph: NodeGraph, node: str, wanted: Attributes) -> Verdict:
    if wanted.verb != "get":
        return Verdict(False, "can only get individual resources of this type")
    if wanted.subresource:
        return Verdict(False, "cannot get subresource")
    return _related(graph, node, wanted)


def _claim(graph: NodeGraph, node: str, wanted: Attributes) -> Verdict:
    if wanted.subresource != "status":
        return _get(graph, node, wanted)
    if wanted.verb not in ("update", "patch"):
        return Verdict(False, "can only get/update/patch this type")
    return _related(graph, node, wanted)


def _account(graph: NodeGraph, node: str, wanted: Attributes) -> Verdict:
    if wanted.verb == "get" and not wanted.subresource:
        return _read(graph, node, wanted)
    if wanted.verb != "create" or not wanted.name:
        return Verdict(False, "can only create tokens for individual service accounts")
    if wanted.subresource != "token":
        return Verdict(False, "can only create token subresource of serviceaccount")
    return _related(graph, node, wanted)


def _lease(graph: NodeGraph, node: str, wanted: Attributes) -> Verdict:
    if wanted.verb not in OWN:
        return Verdict(False, "can only get, create, update, patch, or delete a node lease")
    if wanted.namespace != LEASES:
        return Verdict(False, f'can only access leases in the "{LEASES}" system namespace')
    if wanted.verb != "create" and wanted.name != node:
        return Verdict(False, "can only access node lease with the same name as the requesting node")
    return YES


def _csi_node(graph: NodeGraph, node: str, wanted: Attributes) -> Verdict:
    if wanted.verb not in OWN:
        return Verdict(False, "can only get, create, update, patch, or delete a CSINode")
    if wanted.subresource:
        return Verdict(False, "cannot authorize CSINode subresources")
    if wanted.verb != "create" and wanted.name != node:
        return Verdict(False, "can only access CSINode with the same name as the requesting node")
    return YES


def _slice(graph: NodeGraph, node: str, wanted: Attributes) -> Verdict:
    if wanted.subresource:
        return Verdict(False, "cannot authorize ResourceSlice subresources")
    match wanted.verb:
        case "create":
            return YES
        case "get" | "update" | "patch" | "delete":
            return _related(graph, node, wanted)
        case "watch" | "list" | "deletecollection":
            if FieldRequirement("spec.nodeName", False, node) in wanted.selected.fields:
                return YES
            why = "can only list/watch/deletecollection resourceslices with nodeName field selector"
            return Verdict(False, why)
    verbs = "get, watch, list, create, update, patch, delete, deletecollection"
    return Verdict(False, f"only the following verbs are allowed for a ResourceSlice: {verbs}")


def _node(graph: NodeGraph, node: str, wanted: Attributes) -> Verdict:
    match wanted.subresource, wanted.verb:
        case "", "create" | "update" | "patch":
            return YES
        case "status", "update" | "patch":
            return YES
        case "", "get" | "list" | "watch":
            if wanted.name == node:
                return YES
            what = f"'{wanted.name}'" if wanted.name else "all nodes"
            return Verdict(False, f"node '{node}' cannot read {what}, only its own Node object")
    return NO


def _pod(graph: NodeGraph, node: str, wanted: Attributes) -> Verdict:
    match wanted.subresource, wanted.verb:
        case "", "get":
            return _get(graph, node, wanted)
        case "", "list" | "watch":
            if FieldRequirement("spec.nodeName", False, node) in wanted.selected.fields:
                return YES
            if wanted.name:
                return _related(graph, node, wanted)
            return Verdict(False, "can only list/watch pods with spec.nodeName field selector")
        case ("", "create" | "delete") | ("status", "update" | "patch") | ("eviction", "create"):
            return YES
    return NO


SUBDIVIDED: dict[tuple[str, str], Callable[[NodeGraph, str, Attributes], Verdict]] = {
    (CORE, "secrets"): _read,
    (CORE, "configmaps"): _read,
    (CORE, "persistentvolumeclaims"): _claim,
    (CORE, "persistentvolumes"): _get,
    (RESOURCE, "resourceclaims"): _get,
    (STORAGE, "volumeattachments"): _get,
    (CORE, "serviceaccounts"): _account,
    ("coordination.k8s.io", "leases"): _lease,
    (STORAGE, "csinodes"): _csi_node,
    (RESOURCE, "resourceslices"): _slice,
    (CORE, "nodes"): _node,
    (CORE, "pods"): _pod,
}
"""Kinds whose objects a node may reach one by one."""
