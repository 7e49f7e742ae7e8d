"""A container's environment: env, envFrom, the downward API, references to variables, and Services."""

from collections.abc import Callable, Mapping, Sequence
from decimal import ROUND_CEILING

from sampan.api.json import Obj
from sampan.api.quantity import number
from sampan.kubelet.expand import expand
from sampan.kubelet.podspec import every_container, spec

Get = Callable[[str, str, str], Obj | None]
"""Kind, namespace and name to the ConfigMap or Secret, None if there is none."""
KUBERNETES = "kubernetes"
LOCAL = "default"
RESOURCES = {"cpu", "memory", "ephemeral-storage"}


class ConfigError(Exception):
    """The environment cannot be made (CreateContainerConfigError); the text is upstream's."""


def environment(
    pod: Obj, container: Obj, pod_ips: tuple[str, ...], host_ip: str, node: Obj, get: Get, services: Sequence[Obj],
    master: str,
) -> list[tuple[str, str]]:  # fmt: skip
    """The variables in their order: envFrom, then env (which wins and may refer to what came before), then Services.

    `services` are those of the pod's namespace, and `kubernetes`. Raises ConfigError.
    """
    made: dict[str, str] = {}
    around = service_variables(pod, services, master)
    for source in container.get("envFrom") or ():
        made.update(_from_source(pod, source, get))
    for variable in container.get("env") or ():
        value = variable.get("value") or ""
        if value:
            value = expand(value, made, around)
        elif variable.get("valueFrom"):
            found = _value_from(pod, container, variable["valueFrom"], pod_ips, host_ip, node, get)
            if found is None:
                continue
            value = found
        made[variable["name"]] = value
    return [*made.items(), *((k, v) for k, v in around.items() if k not in made)]


def _from_source(pod: Obj, source: Obj, get: Get) -> dict[str, str]:
    prefix, namespace = source.get("prefix") or "", pod["metadata"]["namespace"]
    if ref := source.get("configMapRef"):
        found = get("ConfigMap", namespace, ref.get("name", ""))
        if found is None:
            return _missing(f'configmap "{ref.get("name", "")}" not found', ref)
        return {prefix + key: str(value) for key, value in (found.get("data") or {}).items()}
    if ref := source.get("secretRef"):
        found = get("Secret", namespace, ref.get("name", ""))
        if found is None:
            return _missing(f'secret "{ref.get("name", "")}" not found', ref)
        return {prefix + key: secret_text(value) for key, value in (found.get("data") or {}).items()}
    return {}


def _missing(text: str, ref: Obj) -> dict[str, str]:
    if ref.get("optional"):
        return {}
    raise ConfigError(text)


def secret_text(value: str) -> str:
    """A Secret's value, decoded."""
    from base64 import b64decode

    return b64decode(value).decode(errors="replace")


def _value_from(
    pod: Obj, container: Obj, source: Obj, pod_ips: tuple[str, ...], host_ip: str, node: Obj, get: Get
) -> str | None:
    """The value of a `valueFrom`; None leaves the variable out."""
    if ref := source.get("fieldRef"):
        return field_value(pod, ref["fieldPath"], pod_ips, host_ip)
    if ref := source.get("resourceFieldRef"):
        return resource_value(pod, container, ref, node)
    for key, kind, what in (("configMapKeyRef", "ConfigMap", "configmap"), ("secretKeyRef", "Secret", "secret")):
        if ref := source.get(key):
            return _key_value(pod, kind, what, ref, get)
    raise ConfigError(f"{', '.join(source) or 'an empty valueFrom'} is not supported by this node")


def _key_value(pod: Obj, kind: str, what: str, ref: Obj, get: Get) -> str | None:
    name, key, namespace = ref.get("name", ""), ref["key"], pod["metadata"]["namespace"]
    found = get(kind, namespace, name)
    value = None if found is None else (found.get("data") or {}).get(key)
    if value is None:
        if ref.get("optional"):
            return None
        if found is None:
            raise ConfigError(f'{what} "{name}" not found')
        raise ConfigError(f"couldn't find key {key} in {kind} {namespace}/{name}")
    return secret_text(value) if kind == "Secret" else str(value)


def field_value(pod: Obj, path: str, pod_ips: tuple[str, ...] = (), host_ip: str = "") -> str:
    """A field of the pod, as the downward API gives it. Raises ConfigError for one that it does not have."""
    meta = pod["metadata"]
    if path.endswith("]") and path.startswith(("metadata.labels[", "metadata.annotations[")):
        field, _, key = path.removesuffix("]").partition("[")
        return str((meta.get(field.removeprefix("metadata.")) or {}).get(key.strip("'\""), ""))
    if path in ("metadata.labels", "metadata.annotations"):
        pairs: Mapping[str, str] = meta.get(path.removeprefix("metadata.")) or {}
        return "\n".join(f"{key}={quoted(value)}" for key, value in sorted(pairs.items()))
    if path in ("metadata.name", "metadata.namespace", "metadata.uid"):
        return str(meta.get(path.removeprefix("metadata."), ""))
    if path == "spec.nodeName":
        return str(spec(pod).get("nodeName", ""))
    if path == "spec.serviceAccountName":
        return str(spec(pod).get("serviceAccountName", ""))
    values = {"status.podIP": pod_ips[:1], "status.podIPs": pod_ips, "status.hostIP": (host_ip,)}
    values["status.hostIPs"] = (host_ip,)
    if path not in values:
        raise ConfigError(f"unsupported fieldPath: {path}")
    return ",".join(values[path])


ESCAPED = {
    "\a": r"\a", "\b": r"\b", "\f": r"\f", "\n": r"\n", "\r": r"\r", "\t": r"\t", "\v": r"\v",
    '"': r"\"", "\\": r"\\",
}  # fmt: skip


def quoted(text: str) -> str:
    """A Go-quoted string."""
    return '"' + "".join(ESCAPED.get(c) or (c if c.isprintable() else _escaped(ord(c))) for c in text) + '"'


def _escaped(code: int) -> str:
    if code < 0x80:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def resource_value(pod: Obj, container: Obj, ref: Obj, node: Obj) -> str:
    """A container's request or limit in units of the divisor, rounded up; a limit that is not set is the node's."""
    name = ref.get("containerName") or container.get("name")
    found = next((c for c in every_container(pod) if c["name"] == name), None)
    if found is None:
        raise ConfigError(f"container {name} not found")
    side, _, what = ref["resource"].partition(".")
    if side not in ("limits", "requests") or (what not in RESOURCES and not what.startswith("hugepages-")):
        raise ConfigError(f"unsupported container resource : {ref['resource']}")
    amounts = (found.get("resources") or {}).get(side) or {}
    amount = amounts.get(what) or "0"
    if side == "limits" and what in RESOURCES and not number(amount):
        amount = ((node.get("status") or {}).get("allocatable") or {}).get(what, "0")
    divisor = number(ref.get("divisor") or "1") or number("1")
    return str(int((number(amount) / divisor).to_integral_value(ROUND_CEILING)))


def service_variables(pod: Obj, services: Sequence[Obj], master: str) -> dict[str, str]:
    """NAME_SERVICE_HOST and the like: for `kubernetes` always, for others by enableServiceLinks."""
    links = spec(pod).get("enableServiceLinks", True)
    made: dict[str, str] = {}
    for service in services:
        meta, wanted = service["metadata"], service.get("spec") or {}
        is_master = (meta.get("namespace"), meta["name"]) == (LOCAL, KUBERNETES)
        if not is_master and (not links or meta.get("namespace") != pod["metadata"]["namespace"]):
            continue
        if wanted.get("clusterIP") in (None, "", "None"):
            continue
        made.update(_variables_of(meta["name"], wanted))
    if "KUBERNETES_SERVICE_HOST" not in made and master:
        host, _, port = master.rpartition(":")
        made.update(KUBERNETES_SERVICE_HOST=host, KUBERNETES_SERVICE_PORT=port)
    return made


def _variables_of(name: str, wanted: Obj) -> dict[str, str]:
    prefix, host = name.upper().replace("-", "_"), str(wanted["clusterIP"])
    ports = wanted.get("ports") or []
    if not ports:
        return {}
    made = {f"{prefix}_SERVICE_HOST": host, f"{prefix}_SERVICE_PORT": str(ports[0]["port"])}
    for port in ports:
        if port.get("name"):
            made[f"{prefix}_SERVICE_PORT_{port['name'].upper().replace('-', '_')}"] = str(port["port"])
    shown = f"[{host}]" if ":" in host else host
    for index, port in enumerate(ports):
        protocol = port.get("protocol") or "TCP"
        url = f"{protocol.lower()}://{shown}:{port['port']}"
        base = f"{prefix}_PORT_{port['port']}_{protocol}"
        if index == 0:
            made[f"{prefix}_PORT"] = url
        made[base] = url
        made.update({f"{base}_PROTO": protocol.lower(), f"{base}_PORT": str(port["port"]), f"{base}_ADDR": host})
    return made
