"""Approve the requests of nodes for client certificates, if a SubjectAccessReview allows it."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sampan.api.json import Obj
from sampan.api.names import Key, ObjectRef
from sampan.controllers.csr_request import KUBELET_CLIENT, conditions, kubelet_client, read_request, usages_of
from sampan.controllers.names import spec, status
from sampan.reconcile.controller import Controller, Lookup, Watches
from sampan.reconcile.owners import self_key
from sampan.reconcile.plan import NOTHING, Ask, Plan, Update
from sampan.resources.kinds import CSRS, SUBJECTACCESSREVIEWS

SELF, ANY = "selfnodeclient", "nodeclient"
MESSAGES = {
    SELF: "Auto approving self kubelet client certificate after SubjectAccessReview.",
    ANY: "Auto approving kubelet client certificate after SubjectAccessReview.",
}


@dataclass(frozen=True, slots=True)
class Seen:
    """A request that nobody has judged, and the reviews that were asked for so far, by what they are about."""

    csr: Obj
    reviews: Mapping[str, Obj | None]


def observe(look: Lookup, key: Key, now: datetime) -> Seen | None:
    csr = look.get(CSRS, "", key.name)
    if csr is None or status(csr).get("certificate"):
        return None
    if any(one["type"] in ("Approved", "Denied") for one in conditions(csr)):
        return None
    return Seen(csr, {part: look.live(_ref(part)) for part in (SELF, ANY) if look.asked(_ref(part))})


def _ref(part: str) -> ObjectRef:
    return ObjectRef(SUBJECTACCESSREVIEWS, "", part)


def decide(seen: Seen) -> Plan:
    """For its own certificate a node needs less than for another one's."""
    csr = seen.csr
    if spec(csr)["signerName"] != KUBELET_CLIENT:
        return NOTHING
    try:
        asked = read_request(base64.b64decode(spec(csr)["request"]))
    except ValueError:
        return NOTHING
    if kubelet_client(asked, usages_of(csr)):
        return NOTHING
    for part in (SELF, ANY):
        if part == SELF and spec(csr).get("username", "") != asked.common_name:
            continue
        if part not in seen.reviews:
            return (Ask(_ref(part), _review(csr, part)),)
        if status(seen.reviews[part] or {}).get("allowed"):
            made = {"type": "Approved", "status": "True", "reason": "AutoApproved", "message": MESSAGES[part]}
            fresh = {**status(csr), "conditions": [*conditions(csr), made]}
            return (Update(CSRS, {**csr, "status": fresh}, "approval"),)
    return NOTHING


def _review(csr: Obj, part: str) -> Obj:
    attributes = {
        "group": "certificates.k8s.io",
        "resource": "certificatesigningrequests",
        "subresource": part,
        "verb": "create",
        "version": "*",
    }
    who = {"user": "username", "uid": "uid", "groups": "groups", "extra": "extra"}
    known = {name: spec(csr)[field] for name, field in who.items() if spec(csr).get(field)}
    made = {"apiVersion": SUBJECTACCESSREVIEWS.api_version, "kind": SUBJECTACCESSREVIEWS.kind}
    return {**made, "spec": {**known, "resourceAttributes": attributes}}


CONTROLLER = Controller(
    "certificatesigningrequest-approving-controller",
    watches=(Watches(CSRS, self_key),),
    observe=observe,
    decide=decide,
)
