"""The texts of /metrics/resource and /metrics/cadvisor, with upstream's names, from a look at a node. Pure."""

from collections.abc import Iterable, Mapping

from sampan.kubelet.summary import Looked
from sampan.kubelet.usage import PodUsage

RESOURCE = {
    "container_cpu_usage_seconds_total": (
        "counter", "[STABLE] Cumulative cpu time consumed by the container in core-seconds",
    ),
    "container_memory_working_set_bytes": ("gauge", "[STABLE] Current working set of the container in bytes"),
    "container_start_time_seconds": (
        "gauge", "[STABLE] Start time of the container since unix epoch in seconds",
    ),
    "container_swap_limit_bytes": (
        "gauge", "[ALPHA] Current amount of the container swap limit in bytes. Reported only on non-windows systems",
    ),
    "container_swap_usage_bytes": (
        "gauge", "[ALPHA] Current amount of the container swap usage in bytes. Reported only on non-windows systems",
    ),
    "node_cpu_usage_seconds_total": ("counter", "[STABLE] Cumulative cpu time consumed by the node in core-seconds"),
    "node_memory_working_set_bytes": ("gauge", "[STABLE] Current working set of the node in bytes"),
    "node_swap_usage_bytes": (
        "gauge", "[ALPHA] Current swap usage of the node in bytes. Reported only on non-windows systems",
    ),
    "pod_cpu_usage_seconds_total": ("counter", "[STABLE] Cumulative cpu time consumed by the pod in core-seconds"),
    "pod_memory_working_set_bytes": ("gauge", "[STABLE] Current working set of the pod in bytes"),
    "resource_scrape_error": (
        "gauge", "[STABLE] 1 if there was an error while getting container metrics, 0 otherwise",
    ),
}  # fmt: skip
CADVISOR = {
    "container_cpu_usage_seconds_total": ("counter", "Cumulative cpu time consumed in seconds."),
    "container_fs_inodes_total": ("gauge", "Number of Inodes"),
    "container_fs_usage_bytes": ("gauge", "Number of bytes that are consumed by the container on this filesystem."),
    "container_last_seen": ("gauge", "Last time a container was seen by the exporter"),
    "container_memory_rss": ("gauge", "Size of RSS in bytes."),
    "container_memory_usage_bytes": (
        "gauge", "Current memory usage in bytes, including all memory regardless of when it was accessed",
    ),
    "container_memory_working_set_bytes": ("gauge", "Current working set in bytes."),
    "container_network_receive_bytes_total": ("counter", "Cumulative count of bytes received"),
    "container_network_receive_errors_total": ("counter", "Cumulative count of errors encountered while receiving"),
    "container_network_transmit_bytes_total": ("counter", "Cumulative count of bytes transmitted"),
    "container_network_transmit_errors_total": (
        "counter", "Cumulative count of errors encountered while transmitting",
    ),
    "container_processes": ("gauge", "Number of processes running inside the container."),
    "container_start_time_seconds": ("gauge", "Start time of the container since unix epoch in seconds."),
    "machine_cpu_cores": ("gauge", "Number of logical CPU cores."),
    "machine_memory_bytes": ("gauge", "Amount of memory installed on the machine."),
}  # fmt: skip
Sample = tuple[str, Mapping[str, str], float, int]
"""Name, labels, value, nanoseconds of its time (0: none is said)."""


def resource_text(looked: Looked | None) -> bytes:
    """/metrics/resource; without a look, only that there was an error."""
    samples: list[Sample] = [("resource_scrape_error", {}, float(looked is None), 0)]
    if looked is not None:
        samples += _resource(looked)
    return exposition(RESOURCE, samples)


def _resource(looked: Looked) -> Iterable[Sample]:
    host = looked.host
    if host.cpu.total is not None:
        yield "node_cpu_usage_seconds_total", {}, host.cpu.total / 1e9, host.cpu.time
    if host.memory.working_set is not None:
        yield "node_memory_working_set_bytes", {}, host.memory.working_set, host.memory.time
    if host.swap is not None and host.swap.used is not None:
        yield "node_swap_usage_bytes", {}, host.swap.used, host.swap.time
    for pod in looked.pods:
        labels = {"namespace": pod.namespace, "pod": pod.name}
        for container in pod.containers:
            mine = {"container": container.name, **labels}
            if began := looked.since.get(container.id):
                yield "container_start_time_seconds", mine, began / 1e9, 0
            if container.cpu is not None and container.cpu.total is not None:
                yield "container_cpu_usage_seconds_total", mine, container.cpu.total / 1e9, container.cpu.time
            memory = container.memory
            if memory is not None and memory.working_set is not None:
                yield "container_memory_working_set_bytes", mine, memory.working_set, memory.time
            swap = container.swap
            if swap is not None and swap.used is not None:
                yield "container_swap_usage_bytes", mine, swap.used, swap.time
                if swap.available is not None:
                    yield "container_swap_limit_bytes", mine, swap.available + swap.used, swap.time
        if pod.cpu is not None and pod.cpu.total is not None:
            yield "pod_cpu_usage_seconds_total", labels, pod.cpu.total / 1e9, pod.cpu.time
        if pod.memory is not None and pod.memory.working_set is not None:
            yield "pod_memory_working_set_bytes", labels, pod.memory.working_set, pod.memory.time


def cadvisor_text(looked: Looked) -> bytes:
    """/metrics/cadvisor: what of cAdvisor's names can be said from CRI's account."""
    samples: list[Sample] = []
    for name, key in (("machine_cpu_cores", "cpu"), ("machine_memory_bytes", "memory")):
        if key in looked.host.capacity:
            samples.append((name, {}, looked.host.capacity[key], 0))
    for pod in looked.pods:
        samples += _pod(looked, pod)
    return exposition(CADVISOR, samples)


def _pod(looked: Looked, pod: PodUsage) -> Iterable[Sample]:
    shared = {"namespace": pod.namespace, "pod": pod.name}
    whole = {"container": "", "id": f"/kubepods/pod{pod.uid}", "image": "", "name": "", **shared}
    usages = [(whole, pod.sandbox_id, pod.cpu, pod.memory)]
    for c in pod.containers:
        labels = {"container": c.name, "id": f"/kubepods/pod{pod.uid}/{c.id}", "image": "", "name": c.id, **shared}
        usages.append((labels, c.id, c.cpu, c.memory))
        if c.disk is not None and c.disk.used is not None:
            yield "container_fs_usage_bytes", {**labels, "device": c.disk.mountpoint}, c.disk.used, c.disk.time
    for labels, id_, cpu, memory in usages:
        if cpu is not None and cpu.total is not None:
            yield "container_cpu_usage_seconds_total", {**labels, "cpu": "total"}, cpu.total / 1e9, cpu.time
            yield "container_last_seen", labels, cpu.time // 1_000_000_000, cpu.time
        if began := looked.since.get(id_):
            yield "container_start_time_seconds", labels, began / 1e9, 0
        if memory is not None:
            for name, amount in (
                ("container_memory_rss", memory.rss),
                ("container_memory_usage_bytes", memory.usage),
                ("container_memory_working_set_bytes", memory.working_set),
            ):
                if amount is not None:
                    yield name, labels, amount, memory.time
    if pod.processes is not None:
        yield "container_processes", whole, pod.processes, 0
    for i in pod.network.interfaces if pod.network is not None else ():
        mine = {**whole, "interface": i.name}
        for name, amount in (
            ("container_network_receive_bytes_total", i.rx_bytes),
            ("container_network_receive_errors_total", i.rx_errors),
            ("container_network_transmit_bytes_total", i.tx_bytes),
            ("container_network_transmit_errors_total", i.tx_errors),
        ):
            if amount is not None and pod.network is not None:
                yield name, mine, amount, pod.network.time


def exposition(families: Mapping[str, tuple[str, str]], samples: Iterable[Sample]) -> bytes:
    """Prometheus' text: families in the order of their names, only those that have samples."""
    by_name: dict[str, list[str]] = {}
    for name, labels, value, time in samples:
        shown = ",".join(f'{key}="{_escaped(labels[key])}"' for key in sorted(labels))
        at = f" {time // 1_000_000}" if time else ""
        marked = f"{name}{{{shown}}}" if shown else name
        by_name.setdefault(name, []).append(f"{marked} {_number(value)}{at}")
    lines = []
    for name in sorted(by_name):
        kind, text = families[name]
        lines += [f"# HELP {name} {text}", f"# TYPE {name} {kind}", *by_name[name]]
    return "".join(f"{line}\n" for line in lines).encode()


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def _number(value: float) -> str:
    """As Go's strconv writes it, shortest form: whole numbers without a point."""
    return str(int(value)) if float(value).is_integer() and abs(value) < 1e21 else repr(float(value))
