"""Subresources of pods that update a part of the pod: ephemeralcontainers and resize; and what /status leaves alone."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from sampan.api.json import Obj
from sampan.resources.row import RESET_META
from sampan.resources.strategies.checks import Errors, meta_of, spec_of
from sampan.resources.strategies.pod_fields import drop_disabled
from sampan.resources.strategies.rules import Rules, each, within, without
from sampan.resources.strategy import keep_fields
from sampan.resources.validation.pods.ephemeral import check_ephemeral_update
from sampan.resources.validation.pods.resize import check_pod_resize

KINDS = ("containers", "initContainers")
STATUSES = ("containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses")


@dataclass(frozen=True, slots=True)
class Part(Rules):
    """Strategy of a subresource that changes some fields of the pod's spec."""

    take: Callable[[Obj, Obj], Obj] = field(default=lambda new, old: new)
    """The pod with no other changes than the subresource can make."""
    judge: Callable[[Obj, Obj], Errors] = field(default=lambda new, old: [])

    def prepare_update(self, new: Obj, old: Obj) -> Obj:
        return within(self.take(new, old), "spec", drop_disabled)

    def validate_update(self, new: Obj, old: Obj) -> Errors:
        return self.judge(new, old)

    def update_warnings(self, new: Obj, old: Obj) -> list[str]:
        return []


def _with_spec(new: Obj, old: Obj, spec: Obj) -> Obj:
    return {**old, "metadata": keep_fields(meta_of(new), meta_of(old), RESET_META), "spec": spec}


def _copied(spec: Obj, key: str, value: object) -> Obj:
    """The spec with a field, or without it when the value is None."""
    return {**spec, key: value} if value is not None else {k: v for k, v in spec.items() if k != key}


def take_ephemeral(new: Obj, old: Obj) -> Obj:
    """Only ephemeral containers change."""
    key = "ephemeralContainers"
    return _with_spec(new, old, _copied(spec_of(old), key, spec_of(new).get(key)))


def take_resized(new: Obj, old: Obj) -> Obj:
    """Only resources and resize policies change; other containers than before are left for validation to refuse."""
    after, before = spec_of(new), spec_of(old)
    if any(len(after.get(key) or ()) != len(before.get(key) or ()) for key in KINDS):
        return new
    spec = _copied(before, "resources", after.get("resources"))
    for key in KINDS:
        if before.get(key):
            spec = {**spec, key: _resized(after[key], before[key])}
    return _with_spec(new, old, spec)


def _resized(new: Sequence[Obj], old: Sequence[Obj]) -> list[Obj]:
    made: list[Obj] = []
    for after, before in zip(new, old, strict=True):
        if after.get("name") != before.get("name"):
            return list(new)
        container = _copied(before, "resources", after.get("resources"))
        made.append(_copied(container, "resizePolicy", after.get("resizePolicy")))
    return made


PARTS = {
    "ephemeralcontainers": Part(True, take=take_ephemeral, judge=check_ephemeral_update),
    "resize": Part(True, take=take_resized, judge=check_pod_resize),
}


def agreeing_ips(status: Obj) -> Obj:
    """podIP and the first of podIPs are the same; when both are given and differ, podIP is right."""
    first, ips = status.get("podIP") or "", status.get("podIPs") or []
    known = (ips[0].get("ip") or "") if ips else ""
    if first == known:
        return status
    if first:
        return {**status, "podIPs": [{"ip": first}]}
    return {**status, "podIP": known}


def keep_status(new: Obj, old: Obj) -> Obj:
    """A status update keeps the quality of service class and generations that were observed, if it says none."""
    after: Obj = new.get("status") or {}
    before: Obj = old.get("status") or {}
    status = {key: value for key, value in after.items() if key != "nodeAllocatableResourceClaimStatuses"}
    for key in STATUSES:
        if any(one.get("volumeMounts") for one in after.get(key) or ()):
            status[key] = each(after[key], _without_volume_status)
    for key in ("qosClass", "observedGeneration"):
        if not status.get(key) and before.get(key):
            status[key] = before[key]
    if any(one.get("observedGeneration") for one in before.get("conditions") or ()):
        status["conditions"] = _generations(after.get("conditions") or [], before["conditions"])
    return new if status == after else {**new, "status": status}


def _without_volume_status(status: Obj) -> Obj:
    def mount(value: Obj) -> Obj:
        return without(value, "volumeStatus")  # ImageVolumeWithDigest is off

    return within(status, "volumeMounts", partial(each, change=mount))


def _generations(new: Sequence[Obj], old: Sequence[Obj]) -> list[Obj]:
    """Conditions with what the old ones of their type say, in turn."""
    known: dict[str, list[int]] = {}
    for condition in old:
        known.setdefault(condition.get("type") or "", []).append(condition.get("observedGeneration") or 0)
    made: list[Obj] = []
    for condition in new:
        turn = known.get(condition.get("type") or "")
        before = turn.pop(0) if turn else 0
        keep = before and not condition.get("observedGeneration")
        made.append({**condition, "observedGeneration": before} if keep else condition)
    return made
