"""NodeRestriction: what a node agent writes is about its own node and the pods bound to it.

The Node authorizer decides by paths; this plugin looks at what the requests carry.
"""

from collections.abc import Callable
from typing import Any

from sampan.api.errors import StatusError, not_found
from sampan.api.json import Obj
from sampan.apiserver.admission.plugin import Base, Facts, Need, refuse
from sampan.apiserver.admission.plugins.node_labels import forbidden_labels, modified
from sampan.apiserver.admission.review import Review
from sampan.apiserver.node_authorizer import LEASES, node_of
from sampan.apiserver.node_graph import MIRROR
from sampan.apiserver.pod_references import api_reference

KUBELET_SIGNERS = ("kubernetes.io/kubelet-serving", "kubernetes.io/kube-apiserver-client-kubelet")
GROWN = ("capacity", "conditions", "allocatedResources", "allocatedResourceStatuses")
"""What of a claim's status a node agent reports after it has grown the file system."""
OWN_LEASE = "can only access node lease with the same name as the requesting node"
OWN_CSI_NODE = "can only access CSINode with the same name as the requesting node"


class NodeRestriction(Base):
    """Upstream's plugin of the same name."""

    name = "NodeRestriction"
    validates = False

    def handles(self, review: Review) -> bool:
        return review.operation != "CONNECT" and node_of(review.user) is not None

    def needs(self, review: Review) -> tuple[Need, ...]:
        plural, namespace = review.resource.mapping.plural, review.namespace
        if plural == "pods" and review.subresource == "eviction":
            return (Need("", "pods", namespace, review.name),)
        if plural == "pods" and review.operation == "CREATE":
            return (Need("", "nodes", "", node_of(review.user) or "-"),)
        if plural == "serviceaccounts" and review.subresource == "token":
            return (Need("", "pods", namespace, _bound_pod(review) or "-"),)
        return ()

    def mutate(self, review: Review, facts: Facts) -> Obj:
        node = node_of(review.user)
        if not node:
            raise refuse(review, f'could not determine node from user "{review.user.name}"')
        mapping = review.resource.mapping
        rule = RULES.get((mapping.group, mapping.plural))
        if rule is not None:
            need = self.needs(review)
            error = rule(review, node, facts.one(need[0]) if need else None)
            if error:
                raise error if isinstance(error, StatusError) else refuse(review, error)
        return review.obj if review.obj is not None else {}


Found = str | StatusError
"""Why it may not be (empty: it may), or the error to answer with."""


def _spec_node(obj: Obj | None) -> str:
    return str(((obj or {}).get("spec") or {}).get("nodeName") or "")


# ---- pods


def _pod(review: Review, node: str, known: Obj | None) -> Found:
    match review.subresource, review.operation:
        case "", "CREATE":
            return _mirror_pod(review.obj or {}, node, known)
        case "", "DELETE":
            own = _spec_node(review.old) == node
            return "" if own else f'node "{node}" can only delete pods with spec.nodeName set to itself'
        case "", operation:
            return f'unexpected operation "{operation}", node "{node}" can only create and delete mirror pods'
        case "status", "UPDATE":
            return _pod_status(review.obj or {}, review.old or {}, node)
        case "eviction", "CREATE":
            if known is None:
                return not_found("", "pods", review.name)
            own = _spec_node(known) == node
            return "" if own else f"node {node} can only evict pods with spec.nodeName set to itself"
        case "status" | "eviction", operation:
            return f'unexpected operation "{operation}"'
    return f"unexpected pod subresource \"{review.subresource}\", only 'status' and 'eviction' are allowed"


def _mirror_pod(pod: Obj, node: str, itself: Obj | None) -> Found:
    meta = pod["metadata"]
    if MIRROR not in (meta.get("annotations") or {}):
        return f'pod does not have "{MIRROR}" annotation, node "{node}" can only create mirror pods'
    if _spec_node(pod) != node:
        return f'node "{node}" can only create pods with spec.nodeName set to itself'
    owners = meta.get("ownerReferences") or []
    if len(owners) > 1:
        return f'node "{node}" can only create pods with a single owner reference set to itself'
    owner: dict[str, Any] = owners[0] if owners else {}
    if (owner.get("apiVersion"), owner.get("kind"), owner.get("name")) != ("v1", "Node", node):
        return f'node "{node}" can only create pods with an owner reference set to itself'
    if not owner.get("controller"):
        return f'node "{node}" can only create pods with a controller owner reference set to itself'
    if owner.get("blockOwnerDeletion"):
        return f'node "{node}" must not set blockOwnerDeletion on an owner reference'
    if itself is None:
        return not_found("", "nodes", node)
    if owner.get("uid") != itself["metadata"]["uid"]:
        return f"node {node} UID mismatch: expected {owner.get('uid', '')} got {itself['metadata']['uid']}"
    reference = api_reference(pod)
    return f'node "{node}" can not create pods that reference {reference}' if reference else ""


def _pod_status(pod: Obj, old: Obj, node: str) -> Found:
    if _spec_node(old) != node:
        return f'node "{node}" can only update pod status for pods with spec.nodeName set to itself'
    if (pod["metadata"].get("labels") or {}) != (old["metadata"].get("labels") or {}):
        return f'node "{node}" cannot update labels through pod status'
    status, before = pod.get("status") or {}, old.get("status") or {}
    if (status.get("resourceClaimStatuses") or []) != (before.get("resourceClaimStatuses") or []):
        return f'node "{node}" cannot update resource claim statues'
    if status.get("extendedResourceClaimStatus") != before.get("extendedResourceClaimStatus"):
        return f'node "{node}" cannot update extended resource claim status'
    return ""


# ---- nodes


def _node(review: Review, node: str, known: Obj | None) -> Found:
    obj = review.obj or {}
    meta = obj.get("metadata") or {}
    name = meta.get("name", "") if review.operation == "CREATE" else review.name
    if name != node:
        return f'node "{node}" is not allowed to modify node "{name}"'
    spec = obj.get("spec") or {}
    if review.operation == "CREATE":
        if spec.get("configSource"):
            return f'node "{node}" is not allowed to create pods with a non-nil configSource'
        labels = forbidden_labels(meta.get("labels") or {})
        if labels:
            return f'node "{node}" is not allowed to set the following labels: {", ".join(labels)}'
        return ""
    if review.operation == "UPDATE":
        return _node_update(node, obj, review.old or {})
    return ""


def _node_update(node: str, obj: Obj, old: Obj) -> Found:
    spec, before = obj.get("spec") or {}, old.get("spec") or {}
    if spec.get("configSource") and spec["configSource"] != before.get("configSource"):
        return f'node "{node}" is not allowed to update configSource to a new non-nil configSource'
    if (spec.get("taints") or []) != (before.get("taints") or []):
        return f'node "{node}" is not allowed to modify taints'
    meta, old_meta = obj["metadata"], old["metadata"]
    if (meta.get("ownerReferences") or []) != (old_meta.get("ownerReferences") or []):
        return f'node "{node}" is not allowed to modify ownerReferences'
    labels = forbidden_labels(modified(meta.get("labels") or {}, old_meta.get("labels") or {}))
    return f"is not allowed to modify labels: {', '.join(labels)}" if labels else ""


# ---- others


def _claim(review: Review, node: str, known: Obj | None) -> Found:
    if review.subresource != "status":
        return "may only update PVC status"
    if review.operation != "UPDATE":
        return f'unexpected operation "{review.operation}"'
    if _without_growth(review.obj or {}) != _without_growth(review.old or {}):
        return f'node "{node}" is not allowed to update fields other than status.quantity and status.conditions'
    return ""


def _without_growth(claim: Obj) -> Obj:
    dropped = ("resourceVersion", "managedFields")
    meta = {k: v for k, v in claim["metadata"].items() if k not in dropped}
    status = {k: v for k, v in (claim.get("status") or {}).items() if k not in GROWN}
    return {**claim, "metadata": meta, "status": status}


def _bound_pod(review: Review) -> str:
    ref = ((review.obj or {}).get("spec") or {}).get("boundObjectRef") or {}
    return str(ref.get("name") or "") if (ref.get("apiVersion"), ref.get("kind")) == ("v1", "Pod") else ""


def _account(review: Review, node: str, pod: Obj | None) -> Found:
    if review.operation != "CREATE" or review.subresource != "token":
        return ""
    name = _bound_pod(review)
    if not name:
        return "node requested token not bound to a pod"
    spec = (review.obj or {})["spec"]
    uid = spec["boundObjectRef"].get("uid")
    if not uid:
        return "node requested token with a pod binding without a uid"
    if pod is None:
        return not_found("", "pods", name)
    if uid != pod["metadata"]["uid"]:
        return (
            f"the UID in the bound object reference ({uid}) does not match the UID in record. The object might have "
            "been deleted and then recreated"
        )
    if _spec_node(pod) != node:
        return "node requested token bound to a pod scheduled on a different node"
    return _audiences(spec.get("audiences") or [], pod, review.user.name)


def _audiences(audiences: list[str], pod: Obj, user: str) -> Found:
    """A node may ask for the audiences that the pod's projected volumes name, and for the server's own."""
    if len(audiences) > 1:
        return "node may only request 0 or 1 audiences"
    wanted = audiences[0] if audiences else ""
    for volume in (pod.get("spec") or {}).get("volumes") or ():
        for source in (volume.get("projected") or {}).get("sources") or ():
            token = source.get("serviceAccountToken")
            if token is not None and (token.get("audience") or "") == wanted:
                return ""
    return (
        f'audience "{wanted}" not found in pod spec volume, {user} is not authorized to request tokens for this '
        "audience"
    )


def _lease(review: Review, node: str, known: Obj | None) -> Found:
    if review.namespace != LEASES:
        return f'can only access leases in the "{LEASES}" system namespace'
    return "" if _name(review) == node else OWN_LEASE


def _csi_node(review: Review, node: str, known: Obj | None) -> Found:
    return "" if _name(review) == node else OWN_CSI_NODE


def _name(review: Review) -> str:
    if review.operation != "CREATE":
        return review.name
    return str(((review.obj or {}).get("metadata") or {}).get("name") or "")


def _slice(review: Review, node: str, known: Obj | None) -> Found:
    if review.operation == "CREATE" and _spec_node(review.obj) != node:
        return "can only create ResourceSlice with the same NodeName as the requesting node"
    if review.operation == "DELETE" and _spec_node(review.old) != node:
        return "can only delete ResourceSlice with the same NodeName as the requesting node"
    return ""


def _signing_request(review: Review, node: str, known: Obj | None) -> Found:
    spec = (review.obj or {}).get("spec") or {}
    if review.operation != "CREATE" or spec.get("signerName") not in KUBELET_SIGNERS:
        return ""
    from sampan.apiserver.admission.plugins.signing_request import common_name

    try:
        name = common_name(spec.get("request") or "")
    except ValueError as error:
        return f"unable to parse csr: {error}"
    return "" if name == f"system:node:{node}" else f"can only create a node CSR with CN=system:node:{node}"


RULES: dict[tuple[str, str], Callable[[Review, str, Obj | None], Found]] = {
    ("", "pods"): _pod,
    ("", "nodes"): _node,
    ("", "persistentvolumeclaims"): _claim,
    ("", "serviceaccounts"): _account,
    ("coordination.k8s.io", "leases"): _lease,
    ("storage.k8s.io", "csinodes"): _csi_node,
    ("resource.k8s.io", "resourceslices"): _slice,
    ("certificates.k8s.io", "certificatesigningrequests"): _signing_request,
}
"""By kind; the third argument is the stored object that `needs` asks for."""
