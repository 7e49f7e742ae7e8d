"""Records over protobuf and back: what the client sends is what the server reads, and the other way."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from sampan.kubelet.cri import convert
from sampan.kubelet.cri.convert import PROPAGATIONS
from sampan.kubelet.runtime import (
    Condition,
    Container,
    ContainerConfig,
    ContainerEvent,
    Image,
    Mount,
    PortMapping,
    Resources,
    RuntimeVersion,
    Sandbox,
    SandboxConfig,
    Security,
)
from sampan.kubelet.simulated import wire

COUNT = st.integers(0, 2**31 - 1)
LONG = st.integers(-(2**63), 2**63 - 1)
WORD = st.text(max_size=8)
NAME = st.text(min_size=1, max_size=8)
MAP = st.dictionaries(WORD, WORD, max_size=3)
SECCOMP = st.sampled_from(["", "runtime/default", "unconfined", "localhost/profile.json"])


WORDS = st.lists(WORD, max_size=2).map(tuple)
BOOL = st.booleans()


@st.composite
def securities(draw: st.DrawFn, *, sandbox: bool) -> Security:
    """What both sides know to say: a process namespace is of one kind, and sandboxes have less than containers."""
    space = draw(st.sampled_from(["", "host", "share"] if sandbox else ["", "host", "share", "target"]))
    made = draw(
        st.builds(
            Security, seccomp=SECCOMP, run_as_user=st.none() | LONG, run_as_group=st.none() | LONG,
            supplemental_groups=st.lists(LONG, max_size=2).map(tuple), privileged=BOOL, readonly_rootfs=BOOL,
            host_network=BOOL, host_ipc=BOOL, host_pid=st.just(space == "host"), share_pid=st.just(space == "share"),
            target_id=st.just("other" if space == "target" else ""),
        )
    )  # fmt: skip
    if sandbox:
        return made
    add, drop, masked, readonly = draw(st.tuples(WORDS, WORDS, WORDS, WORDS))
    return replace(
        made, no_new_privs=draw(BOOL), add_capabilities=add, drop_capabilities=drop, masked_paths=masked,
        readonly_paths=readonly,
    )  # fmt: skip


PORTS = st.builds(PortMapping, container_port=COUNT, host_port=COUNT, host_ip=WORD)
MOUNTS = st.builds(Mount, readonly=BOOL, propagation=st.sampled_from(PROPAGATIONS), selinux_relabel=BOOL)
SANDBOX_CONFIGS = st.builds(
    SandboxConfig, attempt=COUNT, hostname=WORD, log_directory=WORD, dns_servers=WORDS, dns_searches=WORDS,
    dns_options=WORDS, ports=st.lists(PORTS, max_size=2).map(tuple), labels=MAP, annotations=MAP, cgroup_parent=WORD,
    sysctls=MAP, security=securities(sandbox=True), runtime_handler=WORD,
)  # fmt: skip
RUNS = st.builds(
    Container, attempt=COUNT, created_at=LONG, started_at=LONG, finished_at=LONG, exit_code=st.integers(0, 255),
    labels=MAP, annotations=MAP,
)  # fmt: skip
BOXES = st.builds(
    Sandbox, attempt=COUNT, created_at=LONG, pod_uid=NAME, ips=st.lists(NAME, max_size=2).map(tuple), labels=MAP,
    annotations=MAP,
)  # fmt: skip


@given(SANDBOX_CONFIGS)
def test_what_a_sandbox_is_made_from(config: SandboxConfig) -> None:
    assert wire.sandbox_config(convert.sandbox_config(config), config.runtime_handler) == config


@given(
    st.builds(
        ContainerConfig, attempt=COUNT, image_ref=NAME, image=NAME, labels=MAP, annotations=MAP,
        security=securities(sandbox=False),
        resources=st.builds(
            Resources, cpu_period=LONG, cpu_quota=LONG, cpu_shares=LONG, memory_bytes=LONG, oom_score_adj=LONG
        ),
        command=WORDS, args=WORDS, working_dir=WORD, log_path=WORD, stdin=BOOL, stdin_once=BOOL, tty=BOOL,
        env=st.lists(st.tuples(WORD, WORD), max_size=2).map(tuple), mounts=st.lists(MOUNTS, max_size=2).map(tuple),
        stop_signal=st.sampled_from(["", "SIGTERM", "SIGRTMIN"]),
    )
)  # fmt: skip
def test_what_a_container_is_made_from(config: ContainerConfig) -> None:
    assert wire.container_config(convert.container_config(config)) == config


@given(BOXES)
def test_sandboxes(box: Sandbox) -> None:
    assert convert.sandbox(wire.sandbox(box)) == replace(box, ips=())
    assert convert.sandbox_status(wire.sandbox_status(box)) == box


@given(RUNS)
def test_containers(run: Container) -> None:
    assert convert.container_status(wire.container_status(run), run.sandbox_id) == run
    listed = replace(run, started_at=0, finished_at=0, exit_code=0, reason="", message="", log_path="")
    assert convert.container(wire.container(run)) == listed


@given(st.builds(ContainerEvent, created_at=LONG, sandbox=st.none() | BOXES, containers=st.tuples(RUNS) | st.just(())))
def test_events(event: ContainerEvent) -> None:
    sandbox_id = event.sandbox.id if event.sandbox else ""
    told = replace(event, containers=tuple(replace(c, sandbox_id=sandbox_id) for c in event.containers))
    assert convert.event(wire.event(event)) == told


@given(st.builds(Image, size=st.integers(0, 2**64 - 1), uid=st.none() | LONG))
def test_images(image: Image) -> None:
    assert convert.image(wire.image(image)) == image


@given(st.builds(RuntimeVersion), st.lists(st.builds(Condition), max_size=3).map(tuple))
def test_the_rest(version: RuntimeVersion, conditions: tuple[Condition, ...]) -> None:
    assert convert.version(wire.version(version)) == version
    assert convert.conditions(wire.conditions(conditions)) == conditions
