"""The checks of level baseline: known ways out of a container are closed (Pod Security Standards)."""

from collections.abc import Callable, Iterator

from sampan.api.json import Obj
from sampan.api.pod_security.seen import (
    EMPTY,
    Check,
    Forbidden,
    Rule,
    Seen,
    containers,
    go_quoted,
    own_users,
    plural,
    quoted,
    setters,
)

APPARMOR = "container.apparmor.security.beta.kubernetes.io/"
SECCOMP_POD = "seccomp.security.alpha.kubernetes.io/pod"
SECCOMP_CONTAINER = "container.seccomp.security.alpha.kubernetes.io/"
PROFILES = frozenset(("RuntimeDefault", "Localhost"))
CAPABILITIES = frozenset((
    "AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE", "SETFCAP",
    "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT",
))  # fmt: skip
SELINUX = frozenset(("", "container_t", "container_init_t", "container_kvm_t"))
SELINUX_31 = SELINUX | {"container_engine_t"}
SYSCTLS = frozenset((
    "kernel.shm_rmid_forced", "net.ipv4.ip_local_port_range", "net.ipv4.tcp_syncookies", "net.ipv4.ping_group_range",
    "net.ipv4.ip_unprivileged_port_start",
))  # fmt: skip
SYSCTLS_27 = SYSCTLS | {"net.ipv4.ip_local_reserved_ports"}
SYSCTLS_29 = SYSCTLS_27 | {
    "net.ipv4.tcp_keepalive_time", "net.ipv4.tcp_fin_timeout", "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes",
}  # fmt: skip
SYSCTLS_32 = SYSCTLS_29 | {"net.ipv4.tcp_rmem", "net.ipv4.tcp_wmem"}
PROBES = ("livenessProbe", "readinessProbe", "startupProbe")
HOOKS = ("postStart", "preStop")


def app_armor(seen: Seen) -> Forbidden | None:
    """Only the runtime's or a local profile, by field or by annotation."""
    bad, values = _bad_profiles(seen, "appArmorProfile")
    pod = _is_bad_profile(seen.context.get("appArmorProfile"))
    notes = sorted(
        f"{key}={go_quoted(value)}"
        for key, value in seen.annotations.items()
        if key.startswith(APPARMOR) and value not in ("", "runtime/default") and not value.startswith("localhost/")
    )
    who = setters(pod, bad)
    if not who and not notes:
        return None
    said = sorted(values) + notes
    if notes:
        who = f"{who} and {plural('annotation', notes)}" if who else plural("annotation", notes)
    return Forbidden(
        plural("forbidden AppArmor profile", said), f"{who} must not set AppArmor profile type to {quoted(said)}"
    )


def capabilities(seen: Seen) -> Forbidden | None:
    """Nothing added beyond what runtimes give by themselves (and less than that: no NET_RAW)."""
    bad: list[str] = []
    added: set[str] = set()
    for part in seen.parts:
        wanted = (part.context.get("capabilities") or EMPTY).get("add")
        if wanted and not CAPABILITIES.issuperset(wanted):
            bad.append(part.name)
            added.update(name for name in wanted if name not in CAPABILITIES)
    if not bad:
        return None
    detail = f"{containers(bad)} must not include {quoted(sorted(added))} in securityContext.capabilities.add"
    return Forbidden("non-default capabilities", detail)


def host_namespaces(seen: Seen) -> Forbidden | None:
    """None of the host's namespaces."""
    found = [f"{field}=true" for field in ("hostNetwork", "hostPID", "hostIPC") if seen.spec.get(field)]
    return Forbidden("host namespaces", ", ".join(found)) if found else None


def host_paths(seen: Seen) -> Forbidden | None:
    """No directory of the host."""
    bad = [one.get("name") or "" for one in seen.spec.get("volumes") or () if one.get("hostPath") is not None]
    return Forbidden("hostPath volumes", f"{plural('volume', bad)} {quoted(bad)}") if bad else None


def host_ports(seen: Seen) -> Forbidden | None:
    """No port of the host."""
    bad: list[str] = []
    ports: set[str] = set()
    for part in seen.parts:
        taken = [str(one["hostPort"]) for one in part.container.get("ports") or () if one.get("hostPort")]
        if taken:
            bad.append(part.name)
            ports.update(taken)
    if not bad:
        return None
    verb = "uses" if len(bad) == 1 else "use"
    return Forbidden("hostPort", f"{containers(bad)} {verb} {plural('hostPort', ports)} {', '.join(sorted(ports))}")


def probe_hosts(seen: Seen) -> Forbidden | None:
    """No probe and no hook that calls another host."""
    bad: set[str] = set()
    hosts: set[str] = set()
    for part in seen.parts:
        found = list(_hosts(part.container))
        if found:
            bad.add(part.name)
            hosts.update(found)
    if not bad:
        return None
    verb = "uses" if len(bad) == 1 else "use"
    words = plural("probe or lifecycle host", hosts)
    return Forbidden("probe or lifecycle host", f"{containers(sorted(bad))} {verb} {words} {quoted(sorted(hosts))}")


def _hosts(container: Obj) -> Iterator[str]:
    handlers = [container.get(probe) for probe in PROBES]
    lifecycle = container.get("lifecycle")
    if lifecycle:
        handlers += [lifecycle.get(hook) for hook in HOOKS]
    for handler in handlers:
        if handler:
            for means in ("httpGet", "tcpSocket"):
                host = (handler.get(means) or EMPTY).get("host")
                if host:
                    yield host


def privileged(seen: Seen) -> Forbidden | None:
    """No privileged container."""
    bad = [part.name for part in seen.parts if part.context.get("privileged")]
    return Forbidden("privileged", f"{containers(bad)} must not set securityContext.privileged=true") if bad else None


def proc_mount(seen: Seen) -> Forbidden | None:
    """Only the masked /proc."""
    bad: list[str] = []
    kinds: set[str] = set()
    for part in seen.parts:
        kind = part.context.get("procMount")
        if kind is not None and kind != "Default":
            bad.append(part.name)
            kinds.add(kind)
    if not bad:
        return None
    return Forbidden(
        "procMount", f"{containers(bad)} must not set securityContext.procMount to {quoted(sorted(kinds))}"
    )


def proc_mount_35(seen: Seen) -> Forbidden | None:
    """The same, unless the pod has users of its own."""
    return None if own_users(seen) else proc_mount(seen)


def selinux(allowed: frozenset[str]) -> Rule:
    """Only these SELinux types, neither user nor role."""

    def rule(seen: Seen) -> Forbidden | None:
        options = [
            (part.name, part.context["seLinuxOptions"]) for part in seen.parts if "seLinuxOptions" in part.context
        ]
        pod = seen.context.get("seLinuxOptions") or EMPTY
        if not options and not pod:
            return None
        bad = [name for name, one in options if _is_bad_selinux(one or EMPTY, allowed)]
        who = setters(_is_bad_selinux(pod, allowed), bad)
        if not who:
            return None
        every = [pod, *(one or EMPTY for _, one in options)]
        types = sorted({one.get("type") or "" for one in every} - allowed)
        said = [f"{plural('type', types)} {quoted(types)}"] if types else []
        said += [f"{field} may not be set" for field in ("user", "role") if any(one.get(field) for one in every)]
        return Forbidden("seLinuxOptions", f"{who} set forbidden securityContext.seLinuxOptions: {'; '.join(said)}")

    return rule


def _is_bad_selinux(options: Obj, allowed: frozenset[str]) -> bool:
    return (options.get("type") or "") not in allowed or bool(options.get("user") or options.get("role"))


def seccomp_notes(seen: Seen) -> Forbidden | None:
    """Before v1.19 profiles were annotations: only the runtime's or a local one."""
    keys = {SECCOMP_POD, *(SECCOMP_CONTAINER + part.name for part in seen.parts)} & seen.annotations.keys()
    bad = sorted(f"{key}={go_quoted(seen.annotations[key])}" for key in keys if _is_bad_note(seen.annotations[key]))
    return Forbidden("seccompProfile", f"forbidden {plural('annotation', bad)} {', '.join(bad)}") if bad else None


def _is_bad_note(value: str) -> bool:
    return value not in ("runtime/default", "docker/default") and not value.startswith("localhost/")


def seccomp(seen: Seen) -> Forbidden | None:
    """Whoever names a profile names the runtime's or a local one."""
    bad, values = _bad_profiles(seen, "seccompProfile")
    who = setters(_is_bad_profile(seen.context.get("seccompProfile")), bad)
    if not who:
        return None
    said = quoted(sorted(values))
    return Forbidden("seccompProfile", f"{who} must not set securityContext.seccompProfile.type to {said}")


def _is_bad_profile(profile: Obj | None) -> bool:
    return profile is not None and profile.get("type") not in PROFILES


def _bad_profiles(seen: Seen, field: str) -> tuple[list[str], set[str]]:
    """Containers with a bad profile, and the bad types, the pod's with them."""
    bad = [part for part in seen.parts if _is_bad_profile(part.context.get(field))]
    values = {part.context[field].get("type") or "" for part in bad}
    if _is_bad_profile(seen.context.get(field)):
        values.add(seen.context[field].get("type") or "")
    return [part.name for part in bad], values


def sysctls(allowed: frozenset[str]) -> Rule:
    """Only these kernel parameters."""

    def rule(seen: Seen) -> Forbidden | None:
        names = [one.get("name") or "" for one in seen.context.get("sysctls") or ()]
        bad = [name for name in names if name not in allowed]
        return Forbidden("forbidden sysctls", ", ".join(bad)) if bad else None

    return rule


def host_process(seen: Seen) -> Forbidden | None:
    """No Windows process of the host."""
    asks: Callable[[Obj], bool] = lambda context: bool((context.get("windowsOptions") or EMPTY).get("hostProcess"))  # noqa: E731
    who = setters(asks(seen.context), [part.name for part in seen.parts if asks(part.context)])
    if not who:
        return None
    return Forbidden("hostProcess", f"{who} must not set securityContext.windowsOptions.hostProcess=true")


BASELINE: tuple[Check, ...] = (
    Check("appArmorProfile", "baseline", ((0, app_armor),)),
    Check("capabilities_baseline", "baseline", ((0, capabilities),)),
    Check("hostNamespaces", "baseline", ((0, host_namespaces),)),
    Check("hostPathVolumes", "baseline", ((0, host_paths),)),
    Check("hostPorts", "baseline", ((0, host_ports),)),
    Check("hostProbesAndHostLifecycle", "baseline", ((34, probe_hosts),)),
    Check("privileged", "baseline", ((0, privileged),)),
    Check("procMount", "baseline", ((0, proc_mount), (35, proc_mount_35))),
    Check("seLinuxOptions", "baseline", ((0, selinux(SELINUX)), (31, selinux(SELINUX_31)))),
    Check("seccompProfile_baseline", "baseline", ((0, seccomp_notes), (19, seccomp))),
    Check(
        "sysctls",
        "baseline",
        ((0, sysctls(SYSCTLS)), (27, sysctls(SYSCTLS_27)), (29, sysctls(SYSCTLS_29)), (32, sysctls(SYSCTLS_32))),
    ),
    Check("windowsHostProcess", "baseline", ((0, host_process),)),
)
"""In the order of their ids, in which violations are told."""
