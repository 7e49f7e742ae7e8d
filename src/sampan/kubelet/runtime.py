"""The Runtime protocol and its records: a node's container runtime, as CRI runtime.v1 has it, without protobuf.

Times are integer nanoseconds since the epoch, as in CRI; 0 means "not yet".
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, Literal, Protocol

from sampan.kubelet.usage import ImageDisks, PodUsage


class ContainerState(IntEnum):
    """CRI's ContainerState, numbers as on the wire."""

    CREATED = 0
    RUNNING = 1
    EXITED = 2
    UNKNOWN = 3


class SandboxState(IntEnum):
    """CRI's PodSandboxState."""

    READY = 0
    NOTREADY = 1


class EventType(IntEnum):
    """CRI's ContainerEventType."""

    CREATED = 0
    STARTED = 1
    STOPPED = 2
    DELETED = 3


@dataclass(frozen=True, slots=True)
class Sandbox:
    """A pod sandbox. `ips` is filled by status calls only."""

    id: str
    pod_uid: str
    pod_name: str
    pod_namespace: str
    attempt: int
    state: SandboxState
    created_at: int
    ips: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    runtime_handler: str = ""


@dataclass(frozen=True, slots=True)
class Resources:
    """Linux limits; 0 means unset."""

    cpu_period: int = 0
    cpu_quota: int = 0
    cpu_shares: int = 0
    memory_bytes: int = 0
    oom_score_adj: int = 0
    unified: Mapping[str, str] = field(default_factory=dict)
    """Files of cgroup v2 by name."""


@dataclass(frozen=True, slots=True)
class Container:
    """A container's status; what a listing leaves out (exit code, times, log path) is empty there."""

    id: str
    sandbox_id: str
    name: str
    attempt: int
    state: ContainerState
    created_at: int
    started_at: int = 0
    finished_at: int = 0
    exit_code: int = 0
    reason: str = ""
    message: str = ""
    image: str = ""
    image_ref: str = ""
    image_id: str = ""
    log_path: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    resources: Resources | None = None
    """The limits it has now, if the runtime says."""
    user: Mapping[str, Any] | None = None
    """Who its first process was started as: uid, gid, supplementalGroups."""


@dataclass(frozen=True, slots=True)
class PodStatus:
    """All that the runtime knows of one pod: sandboxes and containers, each newest first."""

    uid: str
    name: str = ""
    namespace: str = ""
    sandboxes: tuple[Sandbox, ...] = ()
    containers: tuple[Container, ...] = ()
    ips: tuple[str, ...] = ()
    timestamp: int = 0
    """When the runtime said so (its clock), 0 if it did not say."""

    @property
    def running(self) -> tuple[Container, ...]:
        """The containers that run."""
        return tuple(c for c in self.containers if c.state is ContainerState.RUNNING)


@dataclass(frozen=True, slots=True)
class ContainerEvent:
    """One message of GetContainerEvents. `container_id` may be a sandbox's id; `sandbox` is None when it is gone."""

    container_id: str
    type: EventType
    created_at: int
    sandbox: Sandbox | None
    containers: tuple[Container, ...] = ()


@dataclass(frozen=True, slots=True)
class Mount:
    """A bind mount into a container."""

    container_path: str
    host_path: str
    readonly: bool = False
    propagation: Literal["private", "host-to-container", "bidirectional"] = "private"
    selinux_relabel: bool = False
    image: str = ""
    """The runtime's reference of an image whose files are mounted; then there is no host path."""
    image_sub_path: str = ""


@dataclass(frozen=True, slots=True)
class Security:
    """Linux security of a sandbox or container; None means: as the image or runtime has it."""

    run_as_user: int | None = None
    run_as_group: int | None = None
    supplemental_groups: tuple[int, ...] = ()
    privileged: bool = False
    readonly_rootfs: bool = False
    no_new_privs: bool = False
    add_capabilities: tuple[str, ...] = ()
    drop_capabilities: tuple[str, ...] = ()
    host_network: bool = False
    host_pid: bool = False
    host_ipc: bool = False
    share_pid: bool = False
    target_id: str = ""
    seccomp: Literal["", "runtime/default", "unconfined"] | str = ""
    masked_paths: tuple[str, ...] = ()
    readonly_paths: tuple[str, ...] = ()
    apparmor: Literal["", "runtime/default", "unconfined"] | str = ""
    selinux: tuple[str, str, str, str] | None = None
    """User, role, type and level."""
    strict_groups: bool = False
    """Only the groups that are asked for, none of the image's."""


@dataclass(frozen=True, slots=True)
class PortMapping:
    """A hostPort."""

    protocol: Literal["TCP", "UDP", "SCTP"]
    container_port: int
    host_port: int
    host_ip: str = ""


@dataclass(frozen=True, slots=True)
class SandboxConfig:
    """What RunPodSandbox is given."""

    pod_uid: str
    pod_name: str
    pod_namespace: str
    attempt: int
    hostname: str = ""
    log_directory: str = ""
    dns_servers: tuple[str, ...] = ()
    dns_searches: tuple[str, ...] = ()
    dns_options: tuple[str, ...] = ()
    ports: tuple[PortMapping, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    cgroup_parent: str = ""
    sysctls: Mapping[str, str] = field(default_factory=dict)
    security: Security = field(default_factory=Security)
    runtime_handler: str = ""


@dataclass(frozen=True, slots=True)
class ContainerConfig:
    """What CreateContainer is given."""

    name: str
    attempt: int
    image: str
    image_ref: str
    command: tuple[str, ...] = ()
    args: tuple[str, ...] = ()
    working_dir: str = ""
    env: tuple[tuple[str, str], ...] = ()
    mounts: tuple[Mount, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    log_path: str = ""
    """Relative to the sandbox's log directory."""
    stdin: bool = False
    stdin_once: bool = False
    tty: bool = False
    resources: Resources = field(default_factory=Resources)
    security: Security = field(default_factory=Security)
    stop_signal: str = ""


@dataclass(frozen=True, slots=True)
class Image:
    """An image on the node."""

    id: str
    tags: tuple[str, ...] = ()
    digests: tuple[str, ...] = ()
    size: int = 0
    uid: int | None = None
    username: str = ""
    pinned: bool = False


@dataclass(frozen=True, slots=True)
class RuntimeVersion:
    """Name and version, e.g. containerd 2.1.9."""

    name: str
    version: str
    api_version: str = "v1"


@dataclass(frozen=True, slots=True)
class Condition:
    """RuntimeReady or NetworkReady."""

    type: str
    status: bool
    reason: str = ""
    message: str = ""


class CriError(Exception):
    """A call the runtime refused or did not answer; `code` is gRPC's name (NOT_FOUND, UNAVAILABLE, ...)."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


@dataclass(frozen=True, slots=True)
class Command:
    """What Exec is asked for, or Attach (`command` is None): in which container, and which of its streams."""

    container_id: str
    command: tuple[str, ...] | None
    stdin: bool = False
    stdout: bool = False
    stderr: bool = False
    tty: bool = False


class Terminal(Protocol):
    """Whoever sits at the other end of a Command."""

    async def read(self) -> bytes:
        """The next bytes for stdin; b"" when nothing more comes."""

    async def write(self, stream: int, data: bytes) -> None:
        """Show bytes of stdout (1) or stderr (2). Raises ConnectionError when nobody is there any more."""


Performance = Callable[[Terminal], Awaitable[int]]
"""Carries a Command out in this process; returns its exit code."""


class Runtime(Protocol):
    """What the node agent asks of containerd, CRI-O or the fake runtime. Every call may raise CriError."""

    async def version(self) -> RuntimeVersion: ...
    async def status(self) -> tuple[Condition, ...]: ...
    async def list_sandboxes(self) -> list[Sandbox]: ...
    async def list_containers(self) -> list[Container]: ...
    async def pod_status(self, uid: str, sandbox_ids: tuple[str, ...]) -> PodStatus:
        """Full status of a pod's sandboxes and containers. A sandbox that is gone is left out."""

    async def run_sandbox(self, config: SandboxConfig) -> str: ...
    async def stop_sandbox(self, sandbox_id: str) -> None: ...
    async def remove_sandbox(self, sandbox_id: str) -> None: ...
    async def create_container(self, sandbox_id: str, config: ContainerConfig, sandbox: SandboxConfig) -> str: ...
    async def start_container(self, container_id: str) -> None: ...
    async def stop_container(self, container_id: str, timeout: int) -> None:
        """SIGTERM (or the image's signal), SIGKILL after `timeout` seconds; returns when it has stopped."""

    async def remove_container(self, container_id: str) -> None: ...
    async def container_status(self, container_id: str) -> Container: ...
    async def exec_sync(self, container_id: str, command: tuple[str, ...], timeout: int) -> tuple[int, bytes, bytes]:
        """(exit code, stdout, stderr)."""

    async def open_command(self, asked: Command) -> "str | Performance":
        """Exec or Attach: the URL of the runtime's streaming server (SPDY/3.1), or what does it here."""

    async def open_ports(self, sandbox_id: str, ports: tuple[int, ...]) -> str:
        """PortForward: the URL of the runtime's streaming server."""

    async def reopen_log(self, container_id: str) -> None: ...
    async def update_container(self, container_id: str, resources: Resources) -> None:
        """Give a container other limits, in place."""

    async def update_sandbox(self, sandbox_id: str, overhead: Resources, resources: Resources) -> None:
        """Tell of a pod's new limits; the node agent has set them in its cgroup. UNIMPLEMENTED may be ignored."""

    async def usage(self) -> list[PodUsage]:
        """What each sandbox and its containers use now."""

    async def image_disks(self) -> ImageDisks:
        """What images and writable layers take."""

    def events(self, opened: Callable[[], None] | None = None) -> AsyncIterator[ContainerEvent]:
        """The event stream. Ends or raises when it breaks; CriError UNIMPLEMENTED when there is none.

        `opened` is called when the request is out on a live connection.
        """

    async def image_status(self, image: str) -> Image | None: ...
    async def list_images(self) -> list[Image]: ...
    async def pull_image(self, image: str, auth: Mapping[str, str] | None = None) -> str:
        """Pull and return the image ref."""

    async def remove_image(self, image: str) -> None: ...
    async def close(self) -> None: ...
