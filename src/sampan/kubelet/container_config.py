"""The CRI container of a pod's container: command, labels, limits, security."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from hashlib import blake2b
from typing import Any

from sampan.api.json import Obj, dumps
from sampan.api.quantity import milli_value, value
from sampan.kubelet.expand import expand
from sampan.kubelet.podspec import containers, is_sidecar, spec, uses_host_network
from sampan.kubelet.resize import Amounts, amounts
from sampan.kubelet.runtime import ContainerConfig, Mount, Resources, Security
from sampan.kubelet.sandbox_config import pod_labels, selinux_of, supplemental_groups

PERIOD = 100_000
"""CFS period in microseconds."""
MIN_QUOTA = 1000
MIN_SHARES, MAX_SHARES = 2, 262_144
GUARANTEED_SCORE, BEST_EFFORT_SCORE = -997, 1000
SECCOMP = "/var/lib/kubelet/seccomp"
HASHED = ("name", "image")
MASKED = (
    "/proc/asound", "/proc/acpi", "/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
    "/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug", "/proc/scsi", "/sys/firmware",
    "/sys/devices/virtual/powercap",
)  # fmt: skip
READ_ONLY = ("/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger")


class SecurityError(ValueError):
    """The security context forbids to run the container (CreateContainerConfigError); upstream's text."""


def container_hash(container: Obj) -> str:
    """Of what makes a running container another one: its name and image, as upstream since 1.31."""
    return blake2b(dumps([container.get(field) for field in HASHED]), digest_size=8).hexdigest()


def container_config(
    pod: Obj, container: Obj, attempt: int, image_ref: str, env: Sequence[tuple[str, str]], mounts: Sequence[Mount],
    memory_capacity: int = 0, seccomp_root: str = SECCOMP,
) -> ContainerConfig:  # fmt: skip
    """What CreateContainer is given. `memory_capacity` (bytes) is the node's. Raises SecurityError."""
    scope = dict(env)
    name = container["name"]
    return ContainerConfig(
        name=name,
        attempt=attempt,
        image=container.get("image", ""),
        image_ref=image_ref,
        command=tuple(expand(part, scope) for part in container.get("command") or ()),
        args=tuple(expand(part, scope) for part in container.get("args") or ()),
        working_dir=container.get("workingDir") or "",
        env=tuple(env),
        mounts=tuple(mounts),
        labels={**pod_labels(pod), "io.kubernetes.container.name": name},
        annotations=_annotations(pod, container, attempt),
        log_path=f"{name}/{attempt}.log",
        stdin=bool(container.get("stdin")),
        stdin_once=bool(container.get("stdinOnce")),
        tty=bool(container.get("tty")),
        resources=resources(pod, container, memory_capacity),
        security=security(pod, container, seccomp_root),
        stop_signal=(container.get("lifecycle") or {}).get("stopSignal") or "",
    )


def _annotations(pod: Obj, container: Obj, attempt: int) -> dict[str, str]:
    made = {
        "io.kubernetes.container.hash": container_hash(container),
        "io.kubernetes.container.restartCount": str(attempt),
        "io.kubernetes.container.terminationMessagePath": container.get("terminationMessagePath") or "",
        "io.kubernetes.container.terminationMessagePolicy": container.get("terminationMessagePolicy") or "",
    }
    deletion = pod["metadata"].get("deletionGracePeriodSeconds")
    if deletion is not None:
        made["io.kubernetes.pod.deletionGracePeriod"] = str(deletion)
    if spec(pod).get("terminationGracePeriodSeconds") is not None:
        made["io.kubernetes.pod.terminationGracePeriod"] = str(spec(pod)["terminationGracePeriodSeconds"])
    if hook := (container.get("lifecycle") or {}).get("preStop"):
        made["io.kubernetes.container.preStopHandler"] = dumps(hook).decode()
    if container.get("ports"):
        made["io.kubernetes.container.ports"] = dumps(container["ports"]).decode()
    return made


# --- limits


def _amounts(container: Obj, side: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = (container.get("resources") or {}).get(side) or {}
    return found


def qos_class(pod: Obj) -> str:
    """Guaranteed, Burstable or BestEffort; the API server has written it."""
    return (pod.get("status") or {}).get("qosClass") or "BestEffort"


def shares(milli_cpu: int) -> int:
    """cpu.shares of a request."""
    return min(MAX_SHARES, max(MIN_SHARES, milli_cpu * 1024 // 1000))


def oom_score(pod: Obj, container: Obj, capacity: int) -> int:
    """oom_score_adj: the less a container asks for, the sooner it goes; sidecars after the others."""
    if spec(pod).get("priorityClassName") == "system-node-critical" or qos_class(pod) == "Guaranteed":
        return GUARANTEED_SCORE
    if qos_class(pod) == "BestEffort" or not capacity:
        return BEST_EFFORT_SCORE if qos_class(pod) == "BestEffort" else BEST_EFFORT_SCORE - 1
    asked = _memory(container)
    if is_sidecar(container):
        asked = max(asked, min(_memory(c) for c in containers(pod)))
    score = 1000 - 1000 * asked // capacity
    lowest = 1000 + GUARANTEED_SCORE
    return lowest if score < lowest else min(score, BEST_EFFORT_SCORE - 1)


def _memory(container: Obj) -> int:
    return value(_amounts(container, "requests").get("memory") or 0)


def resources(pod: Obj, container: Obj, capacity: int) -> Resources:
    """Shares from the CPU request (or limit), quota from the CPU limit, memory from the memory limit."""
    asked = amounts(pod, container)
    if _amounts(container, "requests").get("cpu") is None:
        asked = replace(asked, cpu_request=milli_value(_amounts(container, "limits").get("cpu") or 0))
    return limits_of(asked, oom_score(pod, container, capacity))


def limits_of(asked: Amounts, score: int) -> Resources:
    """The limits of a container that is to have these amounts."""
    quota = max(MIN_QUOTA, asked.cpu_limit * PERIOD // 1000) if asked.cpu_limit else 0
    return Resources(
        cpu_period=PERIOD if quota else 0,
        cpu_quota=quota,
        cpu_shares=shares(asked.cpu_request),
        memory_bytes=asked.memory_limit,
        oom_score_adj=score,
    )


# --- security


def _merged(pod: Obj, container: Obj) -> dict[str, Any]:
    wide: Mapping[str, Any] = spec(pod).get("securityContext") or {}
    own: Mapping[str, Any] = container.get("securityContext") or {}
    return {**wide, **{key: value for key, value in own.items() if value is not None}}


def must_not_be_root(pod: Obj, container: Obj) -> bool:
    """runAsNonRoot of the container, else of the pod."""
    return bool(_merged(pod, container).get("runAsNonRoot"))


def refuse_root(pod: Obj, container: Obj, image_user: tuple[int | None, str]) -> None:
    """Raise SecurityError when the image runs as root, or as a user of whom nobody knows; both by runAsNonRoot only.

    `image_user` is the number, or the name, that the image says.
    """
    uid, name = image_user
    if uid is None:
        why = f"image has non-numeric user ({name}), cannot verify user is non-root"
        raise SecurityError(f"container has runAsNonRoot and {why} ({_where(pod, container)})")
    if uid == 0:
        raise SecurityError(f"container has runAsNonRoot and image will run as root ({_where(pod, container)})")


def _where(pod: Obj, container: Obj) -> str:
    meta = pod["metadata"]
    return f'pod: "{meta["name"]}_{meta["namespace"]}({meta["uid"]})", container: {container["name"]}'


def security(pod: Obj, container: Obj, seccomp_root: str = SECCOMP) -> Security:
    """The container's security context over the pod's; profiles of its own are below a root. Raises SecurityError."""
    own: Mapping[str, Any] = container.get("securityContext") or {}
    merged = _merged(pod, container)
    user = merged.get("runAsUser")
    if must_not_be_root(pod, container) and user == 0:
        raise SecurityError(f"container's runAsUser breaks non-root policy ({_where(pod, container)})")
    capabilities: Mapping[str, Any] = own.get("capabilities") or {}
    privileged = bool(own.get("privileged"))
    unmasked = privileged or own.get("procMount") == "Unmasked"
    return Security(
        run_as_user=user,
        run_as_group=merged.get("runAsGroup"),
        supplemental_groups=supplemental_groups(pod),
        privileged=privileged,
        readonly_rootfs=bool(own.get("readOnlyRootFilesystem")),
        no_new_privs=own.get("allowPrivilegeEscalation") is False,
        add_capabilities=tuple(capabilities.get("add") or ()),
        drop_capabilities=tuple(capabilities.get("drop") or ()),
        host_network=uses_host_network(pod),
        host_pid=bool(spec(pod).get("hostPID")),
        host_ipc=bool(spec(pod).get("hostIPC")),
        share_pid=bool(spec(pod).get("shareProcessNamespace")),
        seccomp=_profile(merged.get("seccompProfile") or {}, seccomp_root),
        apparmor=_apparmor(pod, container, merged),
        selinux=selinux_of(merged.get("seLinuxOptions")),
        strict_groups=(spec(pod).get("securityContext") or {}).get("supplementalGroupsPolicy") == "Strict",
        masked_paths=() if unmasked else MASKED,
        readonly_paths=() if unmasked else READ_ONLY,
    )


def _profile(profile: Mapping[str, Any], root: str) -> str:
    """A profile as CRI has it; one of type Localhost is a file below `root`, or a name where there is no root."""
    match profile.get("type"):
        case "RuntimeDefault":
            return "runtime/default"
        case "Localhost":
            name = profile.get("localhostProfile", "")
            return f"localhost/{root}/{name}" if root else f"localhost/{name}"
    return "unconfined"


def _apparmor(pod: Obj, container: Obj, merged: Mapping[str, Any]) -> str:
    """By the security context, else by the annotation that was there before it."""
    if profile := merged.get("appArmorProfile"):
        return _profile(profile, "")
    key = f"container.apparmor.security.beta.kubernetes.io/{container['name']}"
    return str((pod["metadata"].get("annotations") or {}).get(key) or "")
