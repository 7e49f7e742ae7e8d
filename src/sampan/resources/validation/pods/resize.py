"""What is wrong with a resize of a running pod (core validation: ValidatePodResize; KEP-1287, KEP-5419)."""

from collections.abc import Mapping, Sequence

from sampan.api.json import Obj
from sampan.resources.strategies.checks import Errors, forbidden, invalid, meta_of, spec_of
from sampan.resources.strategies.qos import qos_class
from sampan.resources.validation.pods.annotations import MIRROR
from sampan.resources.validation.pods.internal import comparable, internal, internal_spec
from sampan.resources.validation.pods.past import pod_options
from sampan.resources.validation.pods.update import check_again

RESIZED = ("cpu", "memory")
KINDS = ("containers", "initContainers")
ONLY = "only cpu and memory resources are mutable"


def check_pod_resize(new: Obj, old: Obj) -> Errors:
    """An update of the resources of a pod and of its containers, the metadata included."""
    errors = check_again(new, old, pod_options(old))
    if MIRROR in (meta_of(old).get("annotations") or {}):
        return [forbidden("[]", "static pods cannot be resized")]
    after, before = spec_of(new), spec_of(old)
    if (before.get("os") or {}).get("name") == "windows":
        return [forbidden("[]", "windows pods cannot be resized")]
    had = (old.get("status") or {}).get("qosClass") or qos_class(before)
    if had != qos_class(after):
        seen = (new.get("status") or {}).get("qosClass") or ""
        errors.append(invalid("spec", seen, "Pod QOS Class may not change as a result of resizing"))
    if not _supported(old):
        errors.append(forbidden("spec", "Pod running on node without support for resize"))
    kept = dict(after)
    if _has_amounts(after) or _has_amounts(before):
        errors += _pod_level(kept, after.get("resources"), before.get("resources"))
    order = [error for key in KINDS for error in _order(after.get(key) or (), before.get(key) or (), key)]
    if order:
        return errors + order
    for key in reversed(KINDS):
        for index, (wanted, held) in enumerate(zip(after.get(key) or (), before.get(key) or (), strict=True)):
            errors += _kept_amounts(wanted, held, f"spec.{key}[{index}].resources")
    errors += _containers(kept, before) + _init_containers(kept, before)
    if not errors and comparable(internal_spec(kept)) != comparable(internal_spec(before)):
        errors.append(forbidden("spec", ONLY))
    return errors


def _supported(pod: Obj) -> bool:
    """Whether the node can resize, as far as is known."""
    for status in (pod.get("status") or {}).get("containerStatuses") or ():
        if (status.get("state") or {}).get("running") is not None:
            return status.get("resources") is not None
    return True


def _has_amounts(spec: Obj) -> bool:
    resources = spec.get("resources") or {}
    return bool(resources.get("requests") or resources.get("limits"))


def _pod_level(kept: Obj, new: Obj | None, old: Obj | None) -> Errors:
    """Resources of the pod as a whole; in `kept` what may change is put back."""
    errors: Errors = []
    if old is not None:
        if new is None:
            return [forbidden("spec.resources", "pod-level resources cannot be removed")]
        for part in ("requests", "limits"):
            if _removed(new.get(part) or {}, old.get(part) or {}):
                errors.append(forbidden(f"spec.resources.{part}", f"pod-level resource {part} cannot be removed"))
    made = None if new is None else {**new, **_put_back(new, old or {})}
    if old is None and made is not None and not any(made.get(key) for key in ("requests", "limits", "claims")):
        made = None
    if made is None:
        kept.pop("resources", None)
    else:
        kept["resources"] = made
    if _differ(made, old):
        errors.append(forbidden("spec", f"{ONLY} at pod-level"))
    return errors


def _differ(one: Obj | None, other: Obj | None) -> bool:
    if one is None or other is None:
        return one is not other
    return bool(
        comparable(internal(one, "ResourceRequirements")) != comparable(internal(other, "ResourceRequirements"))
    )


def _put_back(new: Obj, old: Obj) -> Obj:
    """Requests and limits with the CPU and memory of old."""
    made = {}
    for part in ("limits", "requests"):
        before = old.get(part) or {}
        rest = {name: amount for name, amount in (new.get(part) or {}).items() if name not in RESIZED}
        made[part] = {**rest, **{name: before[name] for name in RESIZED if name in before}}
    return made


def _order(new: Sequence[Obj], old: Sequence[Obj], key: str) -> Errors:
    if len(new) != len(old):
        return [forbidden(f"spec.{key}", f"{key} may not be added or removed on resize")]
    why = f"{key} may not be renamed or reordered on resize"
    return [
        forbidden(f"spec.{key}[{index}].name", why)
        for index, container in enumerate(old)
        if new[index].get("name") != container.get("name")
    ]


def _kept_amounts(new: Obj, old: Obj, at: str) -> Errors:
    after, before = new.get("resources") or {}, old.get("resources") or {}
    return [
        forbidden(f"{at}.{part}", f"resource {part} cannot be removed")
        for part in ("requests", "limits")
        if _removed(after.get(part) or {}, before.get(part) or {})
    ]


def _removed(new: Mapping[str, str], old: Mapping[str, str]) -> bool:
    return len(old) > len(new) or any(name not in new for name in old)


def _containers(kept: Obj, old: Obj) -> Errors:
    errors: Errors = []
    made: list[Obj] = []
    for container, before in zip(kept.get("containers") or (), old.get("containers") or (), strict=True):
        made.append(
            {**container, "resources": _put_back(container.get("resources") or {}, before.get("resources") or {})}
        )
        if _changed(made[-1], before):
            errors.append(forbidden("spec", ONLY))
    kept["containers"] = made
    return errors


def _init_containers(kept: Obj, old: Obj) -> Errors:
    errors: Errors = []
    made: list[Obj] = []
    pairs = zip(kept.get("initContainers") or (), old.get("initContainers") or (), strict=True)
    for index, (container, before) in enumerate(pairs):
        at = f"spec.initContainers[{index}]"
        moved = _changed(container, before)
        made.append(
            {**container, "resources": _put_back(container.get("resources") or {}, before.get("resources") or {})}
        )
        if _changed(made[-1], before):
            errors.append(forbidden(at, "only cpu and memory resources for init or sidecar containers are mutable"))
        if moved and container.get("restartPolicy") != "Always":
            why = "non-sidecar init containers with a resize policy of RestartContainer cannot be resized"
            policies = container.get("resizePolicy") or ()
            errors += [forbidden(at, why) for policy in policies if policy.get("restartPolicy") == "RestartContainer"]
    kept["initContainers"] = made
    return errors


def _changed(new: Obj, old: Obj) -> bool:
    if new == old:
        return False
    return bool(comparable(internal(new, "Container")) != comparable(internal(old, "Container")))
