"""What is said of an eviction, in upstream's words; and what pods have used past their own limits. Pure."""

from collections.abc import Sequence

from sampan.api.json import Obj
from sampan.api.quantity import canonical, compare, value
from sampan.kubelet.eviction.thresholds import DISK, Observations, Threshold, binary
from sampan.kubelet.podspec import containers, init_containers, spec
from sampan.resources.pod_resources import has_pod_level, pod_limits

REASON = "Evicted"


def why(resource: str, pod: Obj, stats: Obj | None, crossed: Sequence[Threshold], seen: Observations) -> str:
    """The message for a pod that goes because the node is low on a resource."""
    text = f"The node was low on resource: {resource}. "
    for one in crossed:
        if one.resource == resource and (observed := seen.get(one.signal)) is not None:
            quantity = one.value.text(observed.capacity)
            text += f"Threshold quantity: {quantity}, available: {observed.text}. "
            break
    if stats is None:
        return text
    own = ((spec(pod).get("resources") or {}).get("requests") or {}).get(resource)
    if resource == "memory" and has_pod_level(spec(pod)) and own is not None and stats.get("memory"):
        used = binary(stats["memory"].get("workingSetBytes") or 0)
        text += f"Pod {pod['metadata']['name']} was using {used}, request is {canonical(own)}, "
        text += f"has larger consumption of {resource}. "
    wanted = {c["name"]: c for c in (*containers(pod), *init_containers(pod))}
    for entry in stats.get("containers") or ():
        container, usage = wanted.get(entry["name"]), _usage(resource, entry)
        if container is None or usage is None:
            continue
        request = ((container.get("resources") or {}).get("requests") or {}).get(resource) or "0"
        if usage > value(request):
            text += f"Container {entry['name']} was using {binary(usage)}, request is {canonical(str(request))}, "
            text += f"has larger consumption of {resource}. "
    return text


def _usage(resource: str, entry: Obj) -> int | None:
    if resource == "memory":
        found = (entry.get("memory") or {}).get("workingSetBytes")
        return None if found is None else int(found)
    if resource == DISK:
        parts = [(entry.get(part) or {}).get("usedBytes") for part in ("rootfs", "logs")]
        return None if None in parts else sum(int(part or 0) for part in parts)
    return None


# --- limits of the pod's own


def has_limits(pod: Obj) -> bool:
    """Whether the pod is limited in what it may take of the node's disk."""
    if any((volume.get("emptyDir") or {}).get("sizeLimit") for volume in spec(pod).get("volumes") or ()):
        return True
    every = (*containers(pod), *init_containers(pod))
    return any(DISK in ((c.get("resources") or {}).get("limits") or {}) for c in every)


def past_limits(pod: Obj, stats: Obj, *, dedicated: bool) -> tuple[str, str]:
    """Why a pod that has used more of the disk than it may has to go: signal and text, empty if it has not."""
    used = {v["name"]: int(v.get("usedBytes") or 0) for v in stats.get("volume") or ()}
    for volume in spec(pod).get("volumes") or ():
        limit = (volume.get("emptyDir") or {}).get("sizeLimit")
        if limit and compare(str(limit), "0") > 0 and used.get(volume["name"], 0) > value(limit):
            shown = canonical(str(limit))
            return "emptydirfs.limit", f'Usage of EmptyDir volume "{volume["name"]}" exceeds the limit "{shown}". '
    whole = pod_limits(pod).get(DISK)
    if whole is not None:
        total = int((stats.get("ephemeral-storage") or {}).get("usedBytes") or 0)
        if total > value(whole):
            text = f"Pod ephemeral local storage usage exceeds the total limit of containers {canonical(str(whole))}. "
            return "ephemeralpodfs.limit", text
    limits = {c["name"]: ((c.get("resources") or {}).get("limits") or {}).get(DISK) for c in containers(pod)}
    for entry in stats.get("containers") or ():
        limit = limits.get(entry["name"])
        parts = ("logs",) if dedicated else ("logs", "rootfs")
        taken = sum(int((entry.get(part) or {}).get("usedBytes") or 0) for part in parts)
        if limit and value(limit) and taken > value(limit):
            shown = canonical(str(limit))
            text = f'Container {entry["name"]} exceeded its local ephemeral storage limit "{shown}". '
            return "ephemeralcontainerfs.limit", text
    return "", ""
