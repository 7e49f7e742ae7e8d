"""CRI's protobuf messages to and from the records of kubelet.runtime, as the client needs them."""

from collections.abc import Iterable, Mapping
from typing import Any, Literal

from sampan.api.json import JSONDecodeError, loads
from sampan.kubelet.cri import messages_pb2 as pb
from sampan.kubelet.runtime import (
    Condition,
    Container,
    ContainerConfig,
    ContainerEvent,
    ContainerState,
    EventType,
    Image,
    PortMapping,
    Resources,
    RuntimeVersion,
    Sandbox,
    SandboxConfig,
    SandboxState,
    Security,
)

PROTOCOLS = ("TCP", "UDP", "SCTP")
PROPAGATIONS = ("private", "host-to-container", "bidirectional")
SIGNALS = (
    *("RUNTIME_DEFAULT", "SIGABRT", "SIGALRM", "SIGBUS", "SIGCHLD", "SIGCLD", "SIGCONT", "SIGFPE", "SIGHUP", "SIGILL"),
    *("SIGINT", "SIGIO", "SIGIOT", "SIGKILL", "SIGPIPE", "SIGPOLL", "SIGPROF", "SIGPWR", "SIGQUIT", "SIGSEGV"),
    *("SIGSTKFLT", "SIGSTOP", "SIGSYS", "SIGTERM", "SIGTRAP", "SIGTSTP", "SIGTTIN", "SIGTTOU", "SIGURG", "SIGUSR1"),
    *("SIGUSR2", "SIGVTALRM", "SIGWINCH", "SIGXCPU", "SIGXFSZ", "SIGRTMIN"),
)
"""Numbered by position; the real-time ones after SIGRTMIN are left out."""
POD, CONTAINER, NODE, TARGET = range(4)
RUNTIME_DEFAULT, UNCONFINED, LOCALHOST = range(3)


def container_state(number: int) -> ContainerState:
    """A state; one that a later runtime may invent is UNKNOWN."""
    return ContainerState(number) if 0 <= number <= 3 else ContainerState.UNKNOWN


def sandbox_state(number: int) -> SandboxState:
    """READY, or NOTREADY for anything else."""
    return SandboxState.READY if number == SandboxState.READY else SandboxState.NOTREADY


def sandbox(message: pb.PodSandbox) -> Sandbox:
    """An item of ListPodSandbox."""
    meta = message.metadata
    return Sandbox(
        id=message.id,
        pod_uid=meta.uid,
        pod_name=meta.name,
        pod_namespace=meta.namespace,
        attempt=meta.attempt,
        state=sandbox_state(message.state),
        created_at=message.created_at,
        labels=dict(message.labels),
        annotations=dict(message.annotations),
        runtime_handler=message.runtime_handler,
    )


def sandbox_status(message: pb.PodSandboxStatus) -> Sandbox:
    """A sandbox with its addresses."""
    network = message.network
    ips = tuple(ip for ip in (network.ip, *(more.ip for more in network.additional_ips)) if ip)
    meta = message.metadata
    return Sandbox(
        id=message.id,
        pod_uid=meta.uid,
        pod_name=meta.name,
        pod_namespace=meta.namespace,
        attempt=meta.attempt,
        state=sandbox_state(message.state),
        created_at=message.created_at,
        ips=ips,
        labels=dict(message.labels),
        annotations=dict(message.annotations),
        runtime_handler=message.runtime_handler,
    )


def container(message: pb.Container) -> Container:
    """An item of ListContainers."""
    return Container(
        id=message.id,
        sandbox_id=message.pod_sandbox_id,
        name=message.metadata.name,
        attempt=message.metadata.attempt,
        state=container_state(message.state),
        created_at=message.created_at,
        image=message.image.user_specified_image or message.image.image,
        image_ref=message.image_ref,
        image_id=message.image_id,
        labels=dict(message.labels),
        annotations=dict(message.annotations),
    )


def limits(message: pb.LinuxContainerResources) -> Resources:
    """Limits as a runtime tells of them, or is given them."""
    return Resources(
        message.cpu_period, message.cpu_quota, message.cpu_shares, message.memory_limit_in_bytes,
        message.oom_score_adj, dict(message.unified),
    )  # fmt: skip


def container_status(message: pb.ContainerStatus, sandbox_id: str) -> Container:
    """A container's status; CRI does not say there which sandbox it is in, the caller knows."""
    return Container(
        id=message.id,
        sandbox_id=sandbox_id,
        name=message.metadata.name,
        attempt=message.metadata.attempt,
        state=container_state(message.state),
        created_at=message.created_at,
        started_at=message.started_at,
        finished_at=message.finished_at,
        exit_code=message.exit_code,
        reason=message.reason,
        message=message.message,
        image=message.image.user_specified_image or message.image.image,
        image_ref=message.image_ref,
        image_id=message.image_id,
        log_path=message.log_path,
        labels=dict(message.labels),
        annotations=dict(message.annotations),
        resources=limits(message.resources.linux) if message.resources.HasField("linux") else None,
        user=_user(message.user.linux) if message.user.HasField("linux") else None,
    )


def _user(message: pb.LinuxContainerUser) -> dict[str, Any]:
    groups = list(message.supplemental_groups)
    base: dict[str, Any] = {"uid": message.uid, "gid": message.gid}
    return {**base, "supplementalGroups": groups} if groups else base


def newest_first(containers: Iterable[Container]) -> tuple[Container, ...]:
    """In the order that PodStatus promises."""
    return tuple(sorted(containers, key=lambda c: (-c.created_at, c.id)))


def event(message: pb.ContainerEventResponse) -> ContainerEvent | None:
    """An event of the stream; None for a type that is not known."""
    if not 0 <= message.container_event_type <= 3:
        return None
    status = sandbox_status(message.pod_sandbox_status) if message.HasField("pod_sandbox_status") else None
    if status is not None and not status.pod_uid:
        status = None
    sandbox_id = status.id if status else ""
    return ContainerEvent(
        container_id=message.container_id,
        type=EventType(message.container_event_type),
        created_at=message.created_at,
        sandbox=status,
        containers=newest_first(container_status(c, sandbox_id) for c in message.containers_statuses),
    )


def image(message: pb.Image) -> Image:
    """An image on the node."""
    return Image(
        id=message.id,
        tags=tuple(message.repo_tags),
        digests=tuple(message.repo_digests),
        size=message.size,
        uid=message.uid.value if message.HasField("uid") else None,
        username=message.username,
        pinned=message.pinned,
    )


def version(message: pb.VersionResponse) -> RuntimeVersion:
    """Name and version of the runtime."""
    return RuntimeVersion(message.runtime_name, message.runtime_version, message.runtime_api_version)


def conditions(message: pb.StatusResponse) -> tuple[Condition, ...]:
    """RuntimeReady, NetworkReady."""
    return tuple(Condition(c.type, c.status, c.reason, c.message) for c in message.status.conditions)


# --- to CRI ---------------------------------------------------------------------------------------------------------


def _int64(value: int | None) -> pb.Int64Value | None:
    return None if value is None else pb.Int64Value(value=value)


def _namespaces(security: Security) -> pb.NamespaceOption:
    if security.host_pid:
        pid = NODE
    elif security.target_id:
        pid = TARGET
    else:
        pid = POD if security.share_pid else CONTAINER
    return pb.NamespaceOption(
        network=NODE if security.host_network else POD,
        pid=pid,
        ipc=NODE if security.host_ipc else POD,
        target_id=security.target_id,
    )


def _profile(profile: str) -> pb.SecurityProfile | None:
    if not profile:
        return None
    if profile.lower() in ("runtime/default", "runtimedefault"):
        return pb.SecurityProfile(profile_type=RUNTIME_DEFAULT)
    if profile.lower() == "unconfined":
        return pb.SecurityProfile(profile_type=UNCONFINED)
    return pb.SecurityProfile(profile_type=LOCALHOST, localhost_ref=profile.removeprefix("localhost/"))


def sandbox_security(security: Security) -> pb.LinuxSandboxSecurityContext:
    """Security of a sandbox."""
    return pb.LinuxSandboxSecurityContext(
        namespace_options=_namespaces(security),
        run_as_user=_int64(security.run_as_user),
        run_as_group=_int64(security.run_as_group),
        readonly_rootfs=security.readonly_rootfs,
        supplemental_groups=security.supplemental_groups,
        privileged=security.privileged,
        seccomp=_profile(security.seccomp),
        apparmor=_profile(security.apparmor),
        selinux_options=_selinux(security),
        supplemental_groups_policy=int(security.strict_groups),
    )


def container_security(security: Security) -> pb.LinuxContainerSecurityContext:
    """Security of a container."""
    return pb.LinuxContainerSecurityContext(
        capabilities=pb.Capability(
            add_capabilities=security.add_capabilities, drop_capabilities=security.drop_capabilities
        ),
        privileged=security.privileged,
        namespace_options=_namespaces(security),
        run_as_user=_int64(security.run_as_user),
        run_as_group=_int64(security.run_as_group),
        readonly_rootfs=security.readonly_rootfs,
        supplemental_groups=security.supplemental_groups,
        no_new_privs=security.no_new_privs,
        masked_paths=security.masked_paths,
        readonly_paths=security.readonly_paths,
        seccomp=_profile(security.seccomp),
        apparmor=_profile(security.apparmor),
        selinux_options=_selinux(security),
        supplemental_groups_policy=int(security.strict_groups),
    )


def _selinux(security: Security) -> pb.SELinuxOption | None:
    if security.selinux is None:
        return None
    user, role, type_, level = security.selinux
    return pb.SELinuxOption(user=user, role=role, type=type_, level=level)


def _port(port: PortMapping) -> pb.PortMapping:
    return pb.PortMapping(
        protocol=PROTOCOLS.index(port.protocol),
        container_port=port.container_port,
        host_port=port.host_port,
        host_ip=port.host_ip,
    )


def sandbox_config(config: SandboxConfig) -> pb.PodSandboxConfig:
    """What RunPodSandbox and CreateContainer are given about the sandbox."""
    return pb.PodSandboxConfig(
        metadata=pb.PodSandboxMetadata(
            name=config.pod_name, uid=config.pod_uid, namespace=config.pod_namespace, attempt=config.attempt
        ),
        hostname=config.hostname,
        log_directory=config.log_directory,
        dns_config=pb.DNSConfig(servers=config.dns_servers, searches=config.dns_searches, options=config.dns_options)
        if config.dns_servers or config.dns_searches or config.dns_options
        else None,
        port_mappings=[_port(p) for p in config.ports],
        labels=config.labels,
        annotations=config.annotations,
        linux=pb.LinuxPodSandboxConfig(
            cgroup_parent=config.cgroup_parent,
            security_context=sandbox_security(config.security),
            sysctls=config.sysctls,
        ),
    )


def resources(limits: Resources) -> pb.LinuxContainerResources:
    """Limits of a container."""
    return pb.LinuxContainerResources(
        cpu_period=limits.cpu_period,
        cpu_quota=limits.cpu_quota,
        cpu_shares=limits.cpu_shares,
        memory_limit_in_bytes=limits.memory_bytes,
        oom_score_adj=limits.oom_score_adj,
        unified=limits.unified,
    )


def container_config(config: ContainerConfig) -> pb.ContainerConfig:
    """What CreateContainer is given about the container."""
    return pb.ContainerConfig(
        metadata=pb.ContainerMetadata(name=config.name, attempt=config.attempt),
        image=pb.ImageSpec(image=config.image_ref or config.image, user_specified_image=config.image),
        command=config.command,
        args=config.args,
        working_dir=config.working_dir,
        envs=[pb.KeyValue(key=key, value=value) for key, value in config.env],
        mounts=[
            pb.Mount(
                container_path=m.container_path,
                host_path=m.host_path,
                readonly=m.readonly,
                selinux_relabel=m.selinux_relabel,
                propagation=PROPAGATIONS.index(m.propagation),
                image=pb.ImageSpec(image=m.image) if m.image else None,
                image_sub_path=m.image_sub_path,
            )
            for m in config.mounts
        ],
        labels=config.labels,
        annotations=config.annotations,
        log_path=config.log_path,
        stdin=config.stdin,
        stdin_once=config.stdin_once,
        tty=config.tty,
        linux=pb.LinuxContainerConfig(
            resources=resources(config.resources), security_context=container_security(config.security)
        ),
        stop_signal=SIGNALS.index(config.stop_signal) if config.stop_signal in SIGNALS else 0,
    )


AUTH = {
    "username": "username",
    "password": "password",
    "auth": "auth",
    "serveraddress": "server_address",
    "server_address": "server_address",
    "identitytoken": "identity_token",
    "identity_token": "identity_token",
    "registrytoken": "registry_token",
    "registry_token": "registry_token",
}


def auth_config(auth: Mapping[str, str] | None) -> pb.AuthConfig | None:
    """Registry credentials, keys as in a docker config.json or as in CRI."""
    if not auth:
        return None
    return pb.AuthConfig(**{AUTH[key]: value for key, value in auth.items() if key in AUTH})


def cgroup_driver(config: str) -> Literal["cgroupfs", "systemd", ""]:
    """How containerd 1 makes cgroups, by its verbose status' `config`; empty when it does not say."""
    try:
        known = loads(config)["containerd"]
        name = known.get("defaultRuntimeName") or "runc"
        options = known["runtimes"][name].get("options") or {}
    except (JSONDecodeError, KeyError, TypeError, AttributeError):
        return ""
    return "systemd" if options.get("SystemdCgroup") else "cgroupfs"
