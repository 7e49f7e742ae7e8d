"""The simulated runtime's own records, and their form in a file."""

from dataclasses import dataclass, field
from typing import Any

from sampan.api.json import Obj
from sampan.kubelet.runtime import Container, ContainerState, Resources, Sandbox, SandboxState


@dataclass(slots=True)
class Box:
    """A sandbox."""

    id: str
    pod_uid: str
    pod_name: str
    pod_namespace: str
    attempt: int
    created_at: int
    ip: str
    log_directory: str
    labels: dict[str, str]
    annotations: dict[str, str]
    ready: bool = True

    def shown(self, *, full: bool = True) -> Sandbox:
        """As the runtime tells of it; only a status call says the address."""
        state = SandboxState.READY if self.ready else SandboxState.NOTREADY
        return Sandbox(
            self.id, self.pod_uid, self.pod_name, self.pod_namespace, self.attempt, state, self.created_at,
            (self.ip,) if full and self.ip and self.ready else (), self.labels, self.annotations,
        )  # fmt: skip


@dataclass(slots=True)
class Run:
    """A container."""

    id: str
    sandbox_id: str
    name: str
    attempt: int
    created_at: int
    image: str
    image_ref: str
    command: tuple[str, ...]
    args: tuple[str, ...]
    log_path: str
    labels: dict[str, str]
    annotations: dict[str, str]
    state: int = int(ContainerState.CREATED)
    started_at: int = 0
    finished_at: int = 0
    exit_code: int = 0
    reason: str = ""
    ends_at: int = 0
    """When it will exit by itself, nanoseconds since the epoch; 0: never."""
    resources: dict[str, Any] = field(default_factory=dict)
    """Its limits, as kubelet.runtime.Resources has them."""
    cpu_total: int = 0
    """CPU time it has used, core-nanoseconds, up to `counted_at`."""
    counted_at: int = 0

    def shown(self, *, full: bool = True) -> Container:
        """As the runtime tells of it; a listing leaves the details out."""
        base = Container(
            id=self.id, sandbox_id=self.sandbox_id, name=self.name, attempt=self.attempt,
            state=ContainerState(self.state), created_at=self.created_at, image=self.image, image_ref=self.image_ref,
            image_id=self.image_ref, labels=self.labels, annotations=self.annotations,
        )  # fmt: skip
        if not full:
            return base
        return Container(
            id=base.id, sandbox_id=base.sandbox_id, name=base.name, attempt=base.attempt, state=base.state,
            created_at=base.created_at, started_at=self.started_at, finished_at=self.finished_at,
            exit_code=self.exit_code, reason=self.reason, image=base.image, image_ref=base.image_ref,
            image_id=base.image_id, log_path=self.log_path, labels=base.labels, annotations=base.annotations,
            resources=Resources(**self.resources),
        )  # fmt: skip


def dump(boxes: dict[str, Box], runs: dict[str, Run]) -> Obj:
    """Everything, for a file; the JSON library writes records as they are."""
    return {"sandboxes": list(boxes.values()), "containers": list(runs.values())}


def load(document: Obj) -> tuple[dict[str, Box], dict[str, Run]]:
    """What `dump` made. Raises KeyError, TypeError for something else."""
    boxes = {entry["id"]: Box(**entry) for entry in document["sandboxes"]}
    runs = {entry["id"]: Run(**_tuples(entry)) for entry in document["containers"]}
    return boxes, runs


def _tuples(entry: dict[str, Any]) -> dict[str, Any]:
    return {**entry, "command": tuple(entry["command"]), "args": tuple(entry["args"])}
