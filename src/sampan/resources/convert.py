"""Conversions between served versions of a kind that share storage, as upstream's conversion functions do them.

Each takes an object whose Go zero values are written out (as decoding leaves it) and gives a new one.
"""

from collections.abc import Callable, Mapping
from typing import Final

from sampan.api.json import Obj
from sampan.api.names import GVR
from sampan.resources.convert_hpa import hpa_v1_to_v2, hpa_v2_to_v1

Convert = Callable[[Obj], Obj]

STORED_AS: Final[Mapping[tuple[str, str], GVR]] = {("events.k8s.io", "Event"): GVR("", "v1", "events")}
"""Kinds kept under another group; every other kind is kept as the first of its versions that is served."""

_EVENT_NAMES: Final = {
    "involvedObject": "regarding",
    "message": "note",
    "source": "deprecatedSource",
    "firstTimestamp": "deprecatedFirstTimestamp",
    "lastTimestamp": "deprecatedLastTimestamp",
    "count": "deprecatedCount",
    "reportingComponent": "reportingController",
}
_EVENT_NAMES_BACK: Final = {new: old for old, new in _EVENT_NAMES.items()}
_CORE_ALWAYS: Final[Obj] = {
    "source": {}, "firstTimestamp": None, "lastTimestamp": None, "eventTime": None,
    "reportingComponent": "", "reportingInstance": "", "involvedObject": {},
}  # fmt: skip
_EVENTS_ALWAYS: Final[Obj] = {
    "eventTime": None, "regarding": {}, "deprecatedSource": {},
    "deprecatedFirstTimestamp": None, "deprecatedLastTimestamp": None,
}  # fmt: skip
_ZERO_SHARES: Final = "flowcontrol.k8s.io/v1beta3-preserve-zero-concurrency-shares"


def relabel(api_version: str) -> Convert:
    """Nothing but apiVersion changes."""
    return lambda obj: {**obj, "apiVersion": api_version}


def event_from_core(event: Obj) -> Obj:
    """A core/v1 Event as events.k8s.io/v1."""
    renamed = {_EVENT_NAMES.get(key, key): value for key, value in event.items()}
    dropped = {"reportingController", "reportingInstance", "note", "deprecatedCount"}
    kept = {key: value for key, value in renamed.items() if value or key not in dropped}
    return {**_EVENTS_ALWAYS, **kept, "apiVersion": "events.k8s.io/v1"}


def event_to_core(event: Obj) -> Obj:
    """An events.k8s.io/v1 Event as core/v1."""
    renamed = {_EVENT_NAMES_BACK.get(key, key): value for key, value in event.items()}
    return {**_CORE_ALWAYS, **renamed, "apiVersion": "v1"}


def _shares(version: str) -> str:
    return "assuredConcurrencyShares" if version in ("v1beta1", "v1beta2") else "nominalConcurrencyShares"


def _level(source: str, target: str) -> Convert:
    """A PriorityLevelConfiguration: the shares have another name in the older betas, and zero only v1 can say."""

    def convert(obj: Obj) -> Obj:
        result = {**obj, "apiVersion": f"flowcontrol.apiserver.k8s.io/{target}"}
        limited = (obj.get("spec") or {}).get("limited")
        if limited is None:
            return result
        shares = limited.get(_shares(source))
        rest = {key: value for key, value in limited.items() if key != _shares(source)}
        if shares is not None:
            rest[_shares(target)] = shares
        result["spec"] = {**obj["spec"], "limited": rest}
        result["metadata"] = _mark_zero(obj.get("metadata") or {}, target != "v1" and shares == 0)
        return result

    return convert


def _mark_zero(metadata: Obj, zero: bool) -> Obj:
    annotations = metadata.get("annotations") or {}
    if zero == (_ZERO_SHARES in annotations):
        return metadata
    changed = {key: value for key, value in annotations.items() if key != _ZERO_SHARES}
    if zero:
        changed[_ZERO_SHARES] = ""
    result = {**metadata, "annotations": changed}
    if not changed:
        del result["annotations"]
    return result


_FLOW: Final = "flowcontrol.apiserver.k8s.io"
_FLOW_VERSIONS: Final = ("v1", "v1beta3", "v1beta2", "v1beta1")


def _flow_conversions() -> dict[tuple[str, str, str, str], Convert]:
    pairs = [(a, b) for a in _FLOW_VERSIONS for b in _FLOW_VERSIONS if a != b]
    schemas = {(_FLOW, "FlowSchema", a, b): relabel(f"{_FLOW}/{b}") for a, b in pairs}
    return schemas | {(_FLOW, "PriorityLevelConfiguration", a, b): _level(a, b) for a, b in pairs}


_HPA: Final = "HorizontalPodAutoscaler"
_CAPACITY: Final = "CSIStorageCapacity"
CONVERSIONS: Final[Mapping[tuple[str, str, str, str], Convert]] = {
    ("autoscaling", _HPA, "v1", "v2"): hpa_v1_to_v2,
    ("autoscaling", _HPA, "v2", "v1"): hpa_v2_to_v1,
    ("autoscaling", _HPA, "v2", "v2beta2"): relabel("autoscaling/v2beta2"),
    ("autoscaling", _HPA, "v2beta2", "v2"): relabel("autoscaling/v2"),
    ("storage.k8s.io", _CAPACITY, "v1", "v1beta1"): relabel("storage.k8s.io/v1beta1"),
    ("storage.k8s.io", _CAPACITY, "v1beta1", "v1"): relabel("storage.k8s.io/v1"),
    ("events.k8s.io", "Event", "v1", "core/v1"): event_to_core,
    ("events.k8s.io", "Event", "core/v1", "v1"): event_from_core,
    **_flow_conversions(),
}
"""Group, kind, from version, to version; `core/v1` stands for the core group's version."""
