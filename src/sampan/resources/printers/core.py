"""Printers of the core group (pods have their own file) and of events in both groups."""

from collections.abc import Mapping
from typing import Any

from sampan.api.json import Obj
from sampan.resources.convert import event_to_core
from sampan.resources.printers.base import (
    AGE,
    CONTAINERS,
    IMAGES,
    NAME,
    NONE,
    PLAIN,
    UNKNOWN,
    UNSET,
    Cells,
    Printer,
    age,
    col,
    condition,
    containers_text,
    labels_text,
    meta,
    name,
    number,
    part,
    since,
    text,
)
from sampan.resources.printers.pods import POD


def _config_map(obj: Obj, now: str) -> Cells:
    return [name(obj), len(obj.get("data") or ()) + len(obj.get("binaryData") or ()), age(obj, now)]


def _secret(obj: Obj, now: str) -> Cells:
    return [name(obj), obj.get("type", ""), len(obj.get("data") or ()), age(obj, now)]


def _namespace(obj: Obj, now: str) -> Cells:
    return [name(obj), part(obj, "status", "phase") or "", age(obj, now)]


def _component(obj: Obj, now: str) -> Cells:
    healthy = condition(obj.get("conditions"), "Healthy")
    if healthy is None:
        return [name(obj), "Unknown", "", ""]
    status = "Healthy" if healthy.get("status") == "True" else "Unhealthy"
    return [name(obj), status, healthy.get("message", ""), healthy.get("error", "")]


def _endpoints(obj: Obj, now: str) -> Cells:
    shown: list[str] = []
    for subset in obj.get("subsets") or ():
        ips = [str(address.get("ip", "")) for address in subset.get("addresses") or ()]
        ports = subset.get("ports") or ()
        shown += [_host_port(ip, port.get("port", 0)) for port in ports for ip in ips] if ports else ips
    listed = ",".join(shown[:3]) + (f" + {len(shown) - 3} more..." if len(shown) > 3 else "")
    return [name(obj), listed if obj.get("subsets") else NONE, age(obj, now)]


def _host_port(ip: str, port: int) -> str:
    return f"[{ip}]:{port}" if ":" in ip else f"{ip}:{port}"


def _event(obj: Obj, now: str) -> Cells:
    event = event_to_core(obj) if obj.get("apiVersion") == "events.k8s.io/v1" else obj
    first = since(event.get("firstTimestamp") or event.get("eventTime"), now)
    last = since(event.get("lastTimestamp"), now) if event.get("lastTimestamp") else first
    count = event.get("count") or 1
    series = event.get("series")
    if series is not None:
        last, count = since(series.get("lastObservedTime"), now), series.get("count", 0)
    about = event.get("involvedObject") or {}
    target = str(about.get("kind", "")).lower() + (f"/{about['name']}" if about.get("name") else "")
    source = event.get("source") or {}
    component = source.get("component") or event.get("reportingComponent") or ""
    instance = source.get("host") or event.get("reportingInstance") or ""
    return [
        last,
        event.get("type", ""),
        event.get("reason", ""),
        target,
        about.get("fieldPath", ""),
        f"{component}, {instance}" if instance else component,
        str(event.get("message", "")).strip(),
        first,
        count,
        name(event),
    ]


_ROLE = "node-role.kubernetes.io/"


def _node_roles(labels: Mapping[str, str]) -> str:
    roles = {key.removeprefix(_ROLE) for key in labels if key.startswith(_ROLE)} | {
        labels.get("kubernetes.io/role", "")
    }
    return ",".join(sorted(roles - {""})) or NONE


def _node(obj: Obj, now: str) -> Cells:
    ready = condition(part(obj, "status", "conditions"), "Ready")
    words = ["Unknown" if ready is None else "Ready" if ready.get("status") == "True" else "NotReady"]
    if part(obj, "spec", "unschedulable"):
        words.append("SchedulingDisabled")
    info = part(obj, "status", "nodeInfo") or {}
    addresses = part(obj, "status", "addresses") or ()
    kernel = info.get("kernelVersion") or UNKNOWN
    return [
        name(obj),
        ",".join(words),
        _node_roles(meta(obj).get("labels") or {}),
        age(obj, now),
        info.get("kubeletVersion", ""),
        (condition(addresses, "InternalIP") or {}).get("address", NONE),
        (condition(addresses, "ExternalIP") or {}).get("address", NONE),
        info.get("osImage") or UNKNOWN,
        f"{kernel} ({info['architecture']})" if info.get("architecture") else kernel,
        info.get("containerRuntimeVersion") or UNKNOWN,
    ]


_MODES = (("ReadWriteOnce", "RWO"), ("ReadOnlyMany", "ROX"), ("ReadWriteMany", "RWX"), ("ReadWriteOncePod", "RWOP"))


def _modes(modes: Any) -> str:
    return ",".join(short for mode, short in _MODES if mode in (modes or ()))


def _phase(obj: Obj) -> str:
    return "Terminating" if meta(obj).get("deletionTimestamp") else text(part(obj, "status", "phase"))


def _class(obj: Obj) -> str:
    annotation = (meta(obj).get("annotations") or {}).get("volume.beta.kubernetes.io/storage-class")
    return str(annotation) if annotation is not None else text(part(obj, "spec", "storageClassName"))


def _volume(obj: Obj, now: str) -> Cells:
    spec = obj.get("spec") or {}
    claim = spec.get("claimRef")
    return [
        name(obj),
        text(part(spec, "capacity", "storage"), "0"),
        _modes(spec.get("accessModes")),
        spec.get("persistentVolumeReclaimPolicy", ""),
        _phase(obj),
        f"{claim.get('namespace', '')}/{claim.get('name', '')}" if claim is not None else "",
        _class(obj),
        spec.get("volumeAttributesClassName", UNSET),
        part(obj, "status", "reason") or "",
        age(obj, now),
        spec.get("volumeMode", UNSET),
    ]


def _claim(obj: Obj, now: str) -> Cells:
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    bound = bool(spec.get("volumeName"))
    return [
        name(obj),
        _phase(obj),
        spec.get("volumeName", ""),
        text(part(status, "capacity", "storage"), "0") if bound else "",
        _modes(status.get("accessModes")) if bound else "",
        _class(obj),
        spec.get("volumeAttributesClassName", UNSET),
        age(obj, now),
        spec.get("volumeMode", UNSET),
    ]


def _template(obj: Obj, now: str) -> Cells:
    template = obj.get("template") or {}
    return [name(obj), *containers_text(template), labels_text(part(template, "metadata", "labels"))]


def _controller(obj: Obj, now: str) -> Cells:
    return [
        name(obj),
        number(obj, "spec", "replicas"),
        number(obj, "status", "replicas"),
        number(obj, "status", "readyReplicas"),
        age(obj, now),
        *containers_text(part(obj, "spec", "template")),
        labels_text(part(obj, "spec", "selector")),
    ]


def _quota(obj: Obj, now: str) -> Cells:
    hard, used = part(obj, "status", "hard") or {}, part(obj, "status", "used") or {}
    texts = {key: f"{key}: {used.get(key, '0')}/{hard[key]}" for key in sorted(hard)}
    limits = [shown for key, shown in texts.items() if key.startswith("limits.")]
    requests = [shown for key, shown in texts.items() if not key.startswith("limits.")]
    return [name(obj), ", ".join(requests), ", ".join(limits), age(obj, now)]


def _external_ips(obj: Obj) -> str:
    spec = obj.get("spec") or {}
    own = [str(ip) for ip in spec.get("externalIPs") or ()]
    kind = spec.get("type")
    if kind == "ExternalName":
        return str(spec.get("externalName", ""))
    if kind == "LoadBalancer":
        ingress = part(obj, "status", "loadBalancer", "ingress") or ()
        given = sorted({str(one.get("ip") or one.get("hostname") or "") for one in ingress} - {""})
        return ",".join(given + own) or "<pending>"
    return (",".join(own) or NONE) if kind in ("ClusterIP", "NodePort") else UNKNOWN


def _service(obj: Obj, now: str) -> Cells:
    spec = obj.get("spec") or {}
    ports = [
        f"{port.get('port')}{':' + str(port['nodePort']) if port.get('nodePort') else ''}/{port.get('protocol', '')}"
        for port in spec.get("ports") or ()
    ]
    ips = spec.get("clusterIPs") or ()
    return [
        name(obj),
        spec.get("type", ""),
        ips[0] if ips else NONE,
        _external_ips(obj),
        ",".join(ports) or NONE,
        age(obj, now),
        labels_text(spec.get("selector")),
    ]


_EVENT: Printer = (
    (
        col("Last Seen", "=core.v1.Event.lastTimestamp"),
        col("Type", "=core.v1.Event.type"),
        col("Reason", "=core.v1.Event.reason"),
        col("Object", "=core.v1.Event.involvedObject"),
        col("Subobject", "=core.v1.ObjectReference.fieldPath", wide=True),
        col("Source", "=core.v1.Event.source", wide=True),
        col("Message", "=core.v1.Event.message"),
        col("First Seen", "=core.v1.Event.firstTimestamp", wide=True),
        col("Count", "=core.v1.Event.count", wide=True),
        NAME.__class__(NAME.name, NAME.type, NAME.format, NAME.description, 1),
    ),
    _event,
)

PRINTERS: dict[tuple[str, str], Printer] = {
    ("", "Pod"): POD,
    ("", "ConfigMap"): ((NAME, col("Data", "=core.v1.ConfigMap.data"), AGE), _config_map),
    ("", "Secret"): ((NAME, col("Type", "=core.v1.Secret.type"), col("Data", "=core.v1.Secret.data"), AGE), _secret),
    ("", "Namespace"): ((NAME, col("Status", "The status of the namespace"), AGE), _namespace),
    ("", "ServiceAccount"): PLAIN,
    ("", "ComponentStatus"): (
        (
            NAME,
            col("Status", "Status of the component conditions"),
            col("Message", "Message of the component conditions"),
            col("Error", "Error of the component conditions"),
        ),
        _component,
    ),
    ("", "Endpoints"): ((NAME, col("Endpoints", "=core.v1.Endpoints.subsets"), AGE), _endpoints),
    ("", "Event"): _EVENT,
    ("events.k8s.io", "Event"): _EVENT,
    ("", "Node"): (
        (
            NAME,
            col("Status", "The status of the node"),
            col("Roles", "The roles of the node"),
            AGE,
            col("Version", "=core.v1.NodeSystemInfo.kubeletVersion"),
            col("Internal-IP", "=core.v1.NodeStatus.addresses", wide=True),
            col("External-IP", "=core.v1.NodeStatus.addresses", wide=True),
            col("OS-Image", "=core.v1.NodeSystemInfo.osImage", wide=True),
            col("Kernel-Version", "=core.v1.NodeSystemInfo.kernelVersion", wide=True),
            col("Container-Runtime", "=core.v1.NodeSystemInfo.containerRuntimeVersion", wide=True),
        ),
        _node,
    ),
    ("", "PersistentVolume"): (
        (
            NAME,
            col("Capacity", "=core.v1.PersistentVolumeSpec.capacity"),
            col("Access Modes", "=core.v1.PersistentVolumeSpec.accessModes"),
            col("Reclaim Policy", "=core.v1.PersistentVolumeSpec.persistentVolumeReclaimPolicy"),
            col("Status", "=core.v1.PersistentVolumeStatus.phase"),
            col("Claim", "=core.v1.PersistentVolumeSpec.claimRef"),
            col("StorageClass", "StorageClass of the pv"),
            col("VolumeAttributesClass", "VolumeAttributesClass of the pv"),
            col("Reason", "=core.v1.PersistentVolumeStatus.reason"),
            AGE,
            col("VolumeMode", "=core.v1.PersistentVolumeSpec.volumeMode", wide=True),
        ),
        _volume,
    ),
    ("", "PersistentVolumeClaim"): (
        (
            NAME,
            col("Status", "=core.v1.PersistentVolumeClaimStatus.phase"),
            col("Volume", "=core.v1.PersistentVolumeClaimSpec.volumeName"),
            col("Capacity", "=core.v1.PersistentVolumeClaimStatus.capacity"),
            col("Access Modes", "=core.v1.PersistentVolumeClaimStatus.accessModes"),
            col("StorageClass", "StorageClass of the pvc"),
            col("VolumeAttributesClass", "VolumeAttributesClass of the pvc"),
            AGE,
            col("VolumeMode", "=core.v1.PersistentVolumeClaimSpec.volumeMode", wide=True),
        ),
        _claim,
    ),
    ("", "PodTemplate"): (
        (
            NAME,
            col("Containers", CONTAINERS.description),
            col("Images", IMAGES.description),
            col("Pod Labels", "The labels for the pod template."),
        ),
        _template,
    ),
    ("", "ReplicationController"): (
        (
            NAME,
            col("Desired", "=core.v1.ReplicationControllerSpec.replicas", "integer"),
            col("Current", "=core.v1.ReplicationControllerStatus.replicas", "integer"),
            col("Ready", "=core.v1.ReplicationControllerStatus.readyReplicas", "integer"),
            AGE,
            CONTAINERS,
            IMAGES,
            col("Selector", "=core.v1.ReplicationControllerSpec.selector", wide=True),
        ),
        _controller,
    ),
    ("", "ResourceQuota"): (
        (
            NAME,
            col("Request", "Request represents a minimum amount of cpu/memory that a container may consume."),
            col(
                "Limit",
                "Limits control the maximum amount of cpu/memory that a container may use"
                " independent of contention on the node.",
            ),
            AGE,
        ),
        _quota,
    ),
    ("", "Service"): (
        (
            NAME,
            col("Type", "=core.v1.ServiceSpec.type"),
            col("Cluster-IP", "=core.v1.ServiceSpec.clusterIP"),
            col("External-IP", "=core.v1.ServiceSpec.externalIPs"),
            col("Port(s)", "=core.v1.ServiceSpec.ports"),
            AGE,
            col("Selector", "=core.v1.ServiceSpec.selector", wide=True),
        ),
        _service,
    ),
}
