"""Records of kubelet.runtime to and from CRI's protobuf messages as a server needs them: `cri.convert` mirrored."""

from dataclasses import replace

from sampan.kubelet.cri import messages_pb2 as pb
from sampan.kubelet.cri.convert import (
    LOCALHOST,
    NODE,
    POD,
    PROPAGATIONS,
    PROTOCOLS,
    SIGNALS,
    UNCONFINED,
    limits,
    resources,
)
from sampan.kubelet.runtime import (
    Condition,
    Container,
    ContainerConfig,
    ContainerEvent,
    Image,
    Mount,
    PortMapping,
    RuntimeVersion,
    Sandbox,
    SandboxConfig,
    Security,
)

# --- what the runtime has, as messages


def sandbox(box: Sandbox) -> pb.PodSandbox:
    """An item of ListPodSandbox."""
    return pb.PodSandbox(
        id=box.id, metadata=_metadata(box), state=int(box.state), created_at=box.created_at, labels=box.labels,
        annotations=box.annotations, runtime_handler=box.runtime_handler,
    )  # fmt: skip


def sandbox_status(box: Sandbox) -> pb.PodSandboxStatus:
    """A sandbox with its addresses."""
    first, *more = (*box.ips, "") if not box.ips else box.ips
    network = pb.PodSandboxNetworkStatus(ip=first, additional_ips=[pb.PodIP(ip=ip) for ip in more])
    return pb.PodSandboxStatus(
        id=box.id, metadata=_metadata(box), state=int(box.state), created_at=box.created_at, network=network,
        labels=box.labels, annotations=box.annotations, runtime_handler=box.runtime_handler,
    )  # fmt: skip


def _metadata(box: Sandbox) -> pb.PodSandboxMetadata:
    return pb.PodSandboxMetadata(
        name=box.pod_name, uid=box.pod_uid, namespace=box.pod_namespace, attempt=box.attempt
    )  # fmt: skip


def container(run: Container) -> pb.Container:
    """An item of ListContainers."""
    return pb.Container(
        id=run.id, pod_sandbox_id=run.sandbox_id, metadata=pb.ContainerMetadata(name=run.name, attempt=run.attempt),
        image=pb.ImageSpec(image=run.image, user_specified_image=run.image), image_ref=run.image_ref,
        state=int(run.state), created_at=run.created_at, labels=run.labels, annotations=run.annotations,
        image_id=run.image_id,
    )  # fmt: skip


def container_status(run: Container) -> pb.ContainerStatus:
    """A container's status."""
    return pb.ContainerStatus(
        id=run.id, metadata=pb.ContainerMetadata(name=run.name, attempt=run.attempt), state=int(run.state),
        created_at=run.created_at, started_at=run.started_at, finished_at=run.finished_at, exit_code=run.exit_code,
        image=pb.ImageSpec(image=run.image, user_specified_image=run.image), image_ref=run.image_ref,
        reason=run.reason, message=run.message, labels=run.labels, annotations=run.annotations, log_path=run.log_path,
        image_id=run.image_id,
        resources=None if run.resources is None else pb.ContainerResources(linux=resources(run.resources)),
    )  # fmt: skip


def event(told: ContainerEvent) -> pb.ContainerEventResponse:
    """A message of the event stream."""
    return pb.ContainerEventResponse(
        container_id=told.container_id, container_event_type=int(told.type), created_at=told.created_at,
        pod_sandbox_status=None if told.sandbox is None else sandbox_status(told.sandbox),
        containers_statuses=[container_status(run) for run in told.containers],
    )  # fmt: skip


def image(found: Image) -> pb.Image:
    """An image on the node."""
    return pb.Image(
        id=found.id, repo_tags=found.tags, repo_digests=found.digests, size=found.size,
        uid=None if found.uid is None else pb.Int64Value(value=found.uid), username=found.username, pinned=found.pinned,
    )  # fmt: skip


def version(found: RuntimeVersion) -> pb.VersionResponse:
    """Name and version of the runtime."""
    return pb.VersionResponse(
        version="0.1.0", runtime_name=found.name, runtime_version=found.version, runtime_api_version=found.api_version
    )


def conditions(found: tuple[Condition, ...]) -> pb.StatusResponse:
    """RuntimeReady, NetworkReady."""
    shown = [pb.RuntimeCondition(type=c.type, status=c.status, reason=c.reason, message=c.message) for c in found]
    return pb.StatusResponse(status=pb.RuntimeStatus(conditions=shown))


# --- what the caller wants, as records


def sandbox_config(message: pb.PodSandboxConfig, runtime_handler: str = "") -> SandboxConfig:
    """What RunPodSandbox is given."""
    meta, dns = message.metadata, message.dns_config
    return SandboxConfig(
        pod_uid=meta.uid, pod_name=meta.name, pod_namespace=meta.namespace, attempt=meta.attempt,
        hostname=message.hostname, log_directory=message.log_directory, dns_servers=tuple(dns.servers),
        dns_searches=tuple(dns.searches), dns_options=tuple(dns.options),
        ports=tuple(_port(port) for port in message.port_mappings), labels=dict(message.labels),
        annotations=dict(message.annotations), cgroup_parent=message.linux.cgroup_parent,
        sysctls=dict(message.linux.sysctls), security=_security(message.linux.security_context),
        runtime_handler=runtime_handler,
    )  # fmt: skip


def _port(port: pb.PortMapping) -> PortMapping:
    match PROTOCOLS[port.protocol]:
        case "UDP":
            return PortMapping("UDP", port.container_port, port.host_port, port.host_ip)
        case "SCTP":
            return PortMapping("SCTP", port.container_port, port.host_port, port.host_ip)
    return PortMapping("TCP", port.container_port, port.host_port, port.host_ip)


def _security(given: pb.LinuxSandboxSecurityContext | pb.LinuxContainerSecurityContext) -> Security:
    spaces = given.namespace_options
    found = Security(
        run_as_user=given.run_as_user.value if given.HasField("run_as_user") else None,
        run_as_group=given.run_as_group.value if given.HasField("run_as_group") else None,
        supplemental_groups=tuple(given.supplemental_groups), privileged=given.privileged,
        readonly_rootfs=given.readonly_rootfs, host_network=spaces.network == NODE, host_pid=spaces.pid == NODE,
        host_ipc=spaces.ipc == NODE, share_pid=spaces.pid == POD, target_id=spaces.target_id,
        seccomp=_profile(given.seccomp) if given.HasField("seccomp") else "",
        apparmor=_profile(given.apparmor) if given.HasField("apparmor") else "",
        selinux=_selinux(given.selinux_options) if given.HasField("selinux_options") else None,
        strict_groups=bool(given.supplemental_groups_policy),
    )  # fmt: skip
    if isinstance(given, pb.LinuxSandboxSecurityContext):
        return found
    return replace(
        found, no_new_privs=given.no_new_privs, add_capabilities=tuple(given.capabilities.add_capabilities),
        drop_capabilities=tuple(given.capabilities.drop_capabilities), masked_paths=tuple(given.masked_paths),
        readonly_paths=tuple(given.readonly_paths),
    )  # fmt: skip


def _selinux(given: pb.SELinuxOption) -> tuple[str, str, str, str]:
    return given.user, given.role, given.type, given.level


def _profile(profile: pb.SecurityProfile) -> str:
    if profile.profile_type == LOCALHOST:
        return f"localhost/{profile.localhost_ref}"
    return "unconfined" if profile.profile_type == UNCONFINED else "runtime/default"


def container_config(message: pb.ContainerConfig) -> ContainerConfig:
    """What CreateContainer is given."""
    return ContainerConfig(
        name=message.metadata.name, attempt=message.metadata.attempt,
        image=message.image.user_specified_image or message.image.image, image_ref=message.image.image,
        command=tuple(message.command), args=tuple(message.args), working_dir=message.working_dir,
        env=tuple((entry.key, entry.value) for entry in message.envs),
        mounts=tuple(_mount(mount) for mount in message.mounts), labels=dict(message.labels),
        annotations=dict(message.annotations), log_path=message.log_path, stdin=message.stdin,
        stdin_once=message.stdin_once, tty=message.tty,
        resources=limits(message.linux.resources),
        security=_security(message.linux.security_context),
        stop_signal=SIGNALS[message.stop_signal] if message.stop_signal else "",
    )  # fmt: skip


def _mount(mount: pb.Mount) -> Mount:
    made = Mount(
        mount.container_path, mount.host_path, mount.readonly, selinux_relabel=mount.selinux_relabel,
        image=mount.image.image, image_sub_path=mount.image_sub_path,
    )  # fmt: skip
    match PROPAGATIONS[mount.propagation]:
        case "host-to-container":
            return replace(made, propagation="host-to-container")
        case "bidirectional":
            return replace(made, propagation="bidirectional")
    return made
