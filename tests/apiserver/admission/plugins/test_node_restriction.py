"""NodeRestriction."""

import base64
from collections.abc import Callable
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from sampan.api.errors import StatusError
from sampan.apiserver.admission.plugins.node_labels import forbidden_labels
from sampan.apiserver.admission.plugins.node_restriction import NodeRestriction
from sampan.apiserver.admission.review import Review
from sampan.apiserver.context import UserInfo

Reviews = Callable[..., Review]
Obj = dict[str, Any]
PLUGIN = NodeRestriction()
NODE = UserInfo("system:node:n1", groups=("system:nodes",))
ITSELF = {"metadata": {"name": "n1", "uid": "u1"}}
OWNER = {"apiVersion": "v1", "kind": "Node", "name": "n1", "uid": "u1", "controller": True}


def pod(node: str = "n1", owners: list[Obj] | None = None, annotations: Obj | None = None, **spec: Any) -> Obj:
    meta = {"name": "p", "namespace": "ns", "uid": "u2", "annotations": annotations or {}}
    return {"metadata": {**meta, **({"ownerReferences": owners} if owners else {})}, "spec": {"nodeName": node, **spec}}


def mirror(owner: Obj | None = None, **fields: Any) -> Obj:
    return pod(owners=[owner or OWNER], annotations={"kubernetes.io/config.mirror": "x"}, **fields)


def refusal(world: Any, asked: Review) -> str:
    with pytest.raises(StatusError) as caught:
        world.mutate(PLUGIN, asked)
    return caught.value.message.partition(" is forbidden: ")[2] or caught.value.message


def test_it_concerns_nodes_alone(review: Reviews) -> None:
    assert not PLUGIN.handles(review("CREATE", "pods", pod()))
    assert PLUGIN.handles(review("CREATE", "pods", pod(), user=NODE))


def test_a_node_must_have_a_name(review: Reviews, stored: Any) -> None:
    user = UserInfo("system:node:", groups=("system:nodes",))
    assert refusal(stored(), review("CREATE", "pods", pod(), user=user)) == (
        'could not determine node from user "system:node:"'
    )


# ---- pods


def test_a_mirror_pod_of_its_own_may_be_made(review: Reviews, stored: Any) -> None:
    stored(nodes=[ITSELF]).mutate(PLUGIN, review("CREATE", "pods", mirror(), user=NODE))


ONLY = 'node "n1" can only create pods with'


@pytest.mark.parametrize(
    ("made", "why"),
    [
        (pod(), 'pod does not have "kubernetes.io/config.mirror" annotation, node "n1" can only create mirror pods'),
        (mirror(node="n2"), f"{ONLY} spec.nodeName set to itself"),
        (
            pod(owners=[OWNER, OWNER], annotations={"kubernetes.io/config.mirror": "x"}),
            f"{ONLY} a single owner reference set to itself",
        ),
        (pod(annotations={"kubernetes.io/config.mirror": "x"}), f"{ONLY} an owner reference set to itself"),
        (mirror({**OWNER, "name": "n2"}), f"{ONLY} an owner reference set to itself"),
        (mirror({**OWNER, "controller": False}), f"{ONLY} a controller owner reference set to itself"),
        (
            mirror({**OWNER, "blockOwnerDeletion": True}),
            'node "n1" must not set blockOwnerDeletion on an owner reference',
        ),
        (mirror({**OWNER, "uid": "u9"}), "node n1 UID mismatch: expected u9 got u1"),
        (mirror(serviceAccountName="a"), 'node "n1" can not create pods that reference serviceaccounts'),
    ],
)
def test_no_other_pod_may(review: Reviews, stored: Any, made: Obj, why: str) -> None:
    assert refusal(stored(nodes=[ITSELF]), review("CREATE", "pods", made, user=NODE)) == why


def test_a_mirror_pod_needs_the_node(review: Reviews, stored: Any) -> None:
    assert refusal(stored(), review("CREATE", "pods", mirror(), user=NODE)) == 'nodes "n1" not found'


def test_pods_of_other_nodes_are_not_touched(review: Reviews, stored: Any) -> None:
    own, other = pod(), pod("n2")
    stored().mutate(PLUGIN, review("DELETE", "pods", None, own, user=NODE))
    assert refusal(stored(), review("DELETE", "pods", None, other, user=NODE)) == (
        'node "n1" can only delete pods with spec.nodeName set to itself'
    )
    stored(pods=[own]).mutate(PLUGIN, review("CREATE", "pods/eviction", {"metadata": {"name": "p"}}, user=NODE))
    assert refusal(stored(pods=[other]), review("CREATE", "pods/eviction", {"metadata": {"name": "p"}}, user=NODE)) == (
        "node n1 can only evict pods with spec.nodeName set to itself"
    )
    assert refusal(stored(), review("UPDATE", "pods", own, own, user=NODE)) == (
        'unexpected operation "UPDATE", node "n1" can only create and delete mirror pods'
    )
    assert refusal(stored(), review("CREATE", "pods/binding", {"metadata": {"name": "p"}}, user=NODE)) == (
        "unexpected pod subresource \"binding\", only 'status' and 'eviction' are allowed"
    )


def test_a_status_says_nothing_but_status(review: Reviews, stored: Any) -> None:
    own = pod()
    stored().mutate(PLUGIN, review("UPDATE", "pods/status", {**own, "status": {"phase": "Running"}}, own, user=NODE))
    labelled = {**own, "metadata": {**own["metadata"], "labels": {"a": "b"}}}
    claims = {**own, "status": {"resourceClaimStatuses": [{"name": "x"}]}}
    for new, old, why in (
        (pod("n2"), pod("n2"), 'node "n1" can only update pod status for pods with spec.nodeName set to itself'),
        (labelled, own, 'node "n1" cannot update labels through pod status'),
        (claims, own, 'node "n1" cannot update resource claim statues'),
    ):
        assert refusal(stored(), review("UPDATE", "pods/status", new, old, user=NODE)) == why


# ---- nodes


def node(name: str = "n1", labels: Obj | None = None, **spec: Any) -> Obj:
    return {"metadata": {"name": name, "labels": labels or {}}, "spec": spec}


def test_a_node_makes_and_changes_itself(review: Reviews, stored: Any) -> None:
    taints = [{"key": "a", "effect": "NoSchedule"}]
    made = node(labels={"kubernetes.io/hostname": "n1", "mine": "x"}, taints=taints)
    stored().mutate(PLUGIN, review("CREATE", "nodes", made, user=NODE))
    changed = node(labels={"mine": "y", "node.kubernetes.io/x": "z"}, taints=taints, unschedulable=True)
    stored().mutate(PLUGIN, review("UPDATE", "nodes", changed, made, user=NODE))
    stored().mutate(PLUGIN, review("UPDATE", "nodes/status", made, made, user=NODE))


@pytest.mark.parametrize(
    ("operation", "new", "why"),
    [
        ("CREATE", node("n2"), 'node "n1" is not allowed to modify node "n2"'),
        (
            "CREATE", node(labels={"node-role.kubernetes.io/x": "", "b.k8s.io/y": ""}),
            'node "n1" is not allowed to set the following labels: b.k8s.io/y, node-role.kubernetes.io/x',
        ),
        ("UPDATE", node("n2"), 'node "n1" is not allowed to modify node "n2"'),
        ("UPDATE", node(taints=[{"key": "a"}]), 'node "n1" is not allowed to modify taints'),
        (
            "UPDATE", node(configSource={"configMap": {}}),
            'node "n1" is not allowed to update configSource to a new non-nil configSource',
        ),
        (
            "UPDATE", node(labels={"node-restriction.kubernetes.io/a": "b"}),
            "is not allowed to modify labels: node-restriction.kubernetes.io/a",
        ),
        (
            "UPDATE", {"metadata": {"name": "n1", "ownerReferences": [OWNER]}, "spec": {}},
            'node "n1" is not allowed to modify ownerReferences',
        ),
    ],
)  # fmt: skip
def test_a_node_does_not_raise_itself(review: Reviews, stored: Any, operation: str, new: Obj, why: str) -> None:
    old = None if operation == "CREATE" else node()
    assert refusal(stored(), review(operation, "nodes", new, old, namespace="", user=NODE)) == why


@pytest.mark.parametrize(
    ("label", "forbidden"),
    [
        ("plain", False), ("example.com/x", False), ("kubernetes.io/arch", False), ("kubelet.kubernetes.io/x", False),
        ("a.node.kubernetes.io/x", False), ("topology.kubernetes.io/zone", False),
        ("kubernetes.io/x", True), ("x.kubernetes.io/y", True), ("k8s.io/x", True),
        ("a.node-restriction.kubernetes.io/x", True), ("notkubernetes.io/x", False),
    ],
)  # fmt: skip
def test_labels(label: str, forbidden: bool) -> None:
    assert forbidden_labels([label]) == ([label] if forbidden else [])


# ---- tokens


def token(uid: str = "u2", kind: str = "Pod", name: str = "p", audiences: list[str] | None = None) -> Obj:
    ref = {"apiVersion": "v1", "kind": kind, "name": name, **({"uid": uid} if uid else {})}
    return {"metadata": {}, "spec": {"boundObjectRef": ref, **({"audiences": audiences} if audiences else {})}}


def projected(node: str = "n1", audience: str = "") -> Obj:
    source = {"serviceAccountToken": {"path": "t", **({"audience": audience} if audience else {})}}
    return pod(node, volumes=[{"name": "v", "projected": {"sources": [source]}}])


@pytest.mark.parametrize("audience", ["", "vault"])
def test_a_token_for_a_pod_of_its_own(review: Reviews, stored: Any, audience: str) -> None:
    asked = token(audiences=[audience] if audience else None)
    world = stored(pods=[projected(audience=audience)])
    world.mutate(PLUGIN, review("CREATE", "serviceaccounts/token", asked, name="a", user=NODE))


REFUSED = "not found in pod spec volume, system:node:n1 is not authorized to request tokens for this audience"


@pytest.mark.parametrize(
    ("asked", "pods", "why"),
    [
        ({"metadata": {}, "spec": {}}, [], "node requested token not bound to a pod"),
        (token(kind="Secret"), [], "node requested token not bound to a pod"),
        (token(""), [pod()], "node requested token with a pod binding without a uid"),
        (token(), [], 'pods "p" not found'),
        (
            token("u9"), [pod()],
            "the UID in the bound object reference (u9) does not match the UID in record. The object might have been "
            "deleted and then recreated",
        ),
        (token(), [pod("n2")], "node requested token bound to a pod scheduled on a different node"),
        (token(), [pod()], f'audience "" {REFUSED}'),
        (token(audiences=["vault"]), [projected()], f'audience "vault" {REFUSED}'),
        (token(audiences=["a", "b"]), [projected()], "node may only request 0 or 1 audiences"),
    ],
)  # fmt: skip
def test_no_other_token(review: Reviews, stored: Any, asked: Obj, pods: list[Obj], why: str) -> None:
    request = review("CREATE", "serviceaccounts/token", asked, name="a", user=NODE)
    assert refusal(stored(pods=pods), request) == why


# ---- others


LEASE, CSI, SLICE = "leases.coordination.k8s.io", "csinodes.storage.k8s.io", "resourceslices.resource.k8s.io"
CSR = "certificatesigningrequests.certificates.k8s.io"
NAMED = {"metadata": {"name": "n1"}}
OTHER = {"metadata": {"name": "n2"}}


@pytest.mark.parametrize(
    ("operation", "kind", "obj", "namespace"),
    [
        ("CREATE", LEASE, NAMED, "kube-node-lease"), ("UPDATE", LEASE, NAMED, "kube-node-lease"),
        ("CREATE", CSI, NAMED, ""), ("CREATE", SLICE, {"metadata": {}, "spec": {"nodeName": "n1"}}, ""),
        ("CREATE", "events", {"metadata": {"name": "e"}}, "ns"),
    ],
)  # fmt: skip
def test_what_is_its_own(review: Reviews, stored: Any, operation: str, kind: str, obj: Obj, namespace: str) -> None:
    old = obj if operation == "UPDATE" else None
    stored().mutate(PLUGIN, review(operation, kind, obj, old, namespace=namespace, user=NODE))


@pytest.mark.parametrize(
    ("operation", "kind", "obj", "namespace", "why"),
    [
        ("CREATE", LEASE, NAMED, "ns", 'can only access leases in the "kube-node-lease" system namespace'),
        (
            "CREATE", LEASE, OTHER, "kube-node-lease",
            "can only access node lease with the same name as the requesting node",
        ),
        ("UPDATE", CSI, OTHER, "", "can only access CSINode with the same name as the requesting node"),
        (
            "CREATE", SLICE, {"metadata": {}, "spec": {"nodeName": "n2"}}, "",
            "can only create ResourceSlice with the same NodeName as the requesting node",
        ),
        ("UPDATE", "persistentvolumeclaims", NAMED, "ns", "may only update PVC status"),
    ],
)  # fmt: skip
def test_what_is_not(
    review: Reviews, stored: Any, operation: str, kind: str, obj: Obj, namespace: str, why: str
) -> None:
    old = obj if operation == "UPDATE" else None
    assert refusal(stored(), review(operation, kind, obj, old, namespace=namespace, user=NODE)) == why


def test_a_claim_s_status_tells_of_growth_alone(review: Reviews, stored: Any) -> None:
    old = {
        "metadata": {"name": "c", "resourceVersion": "1"},
        "status": {"phase": "Bound", "capacity": {"storage": "1"}},
    }
    grown = {"metadata": {"name": "c"}, "status": {"phase": "Bound", "capacity": {"storage": "2"}, "conditions": [{}]}}
    stored().mutate(PLUGIN, review("UPDATE", "persistentvolumeclaims/status", grown, old, user=NODE))
    lost = {**grown, "status": {"phase": "Lost"}}
    why = refusal(stored(), review("UPDATE", "persistentvolumeclaims/status", lost, old, user=NODE))
    assert why.startswith('node "n1" is not allowed to update fields other than')


def signing_request(name: str, signer: str = "kubernetes.io/kube-apiserver-client-kubelet") -> Obj:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    key = ec.generate_private_key(ec.SECP256R1())
    made = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())
    text = base64.b64encode(made.public_bytes(serialization.Encoding.PEM)).decode()
    return {"metadata": {"name": "r"}, "spec": {"signerName": signer, "request": text}}


def test_a_node_asks_for_certificates_of_its_own_name(review: Reviews, stored: Any) -> None:
    for fine in (signing_request("system:node:n1"), signing_request("x", "example.com/other")):
        stored().mutate(PLUGIN, review("CREATE", CSR, fine, namespace="", user=NODE))
    why = refusal(stored(), review("CREATE", CSR, signing_request("system:node:n2"), namespace="", user=NODE))
    assert why == "can only create a node CSR with CN=system:node:n1"
    broken = {"metadata": {}, "spec": {"signerName": "kubernetes.io/kubelet-serving", "request": "bm8="}}
    assert refusal(stored(), review("CREATE", CSR, broken, namespace="", user=NODE)).startswith("unable to parse csr")
