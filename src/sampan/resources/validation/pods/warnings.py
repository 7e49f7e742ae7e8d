"""What is allowed in a pod or template but unwise (upstream: pkg/api/pod/warnings.go)."""

from collections.abc import Iterable, Iterator
from functools import lru_cache

from sampan.api.json import Obj
from sampan.api.meta import is_dns1123_label
from sampan.api.quantity import canonical, milli_value
from sampan.resources.strategies.checks import quoted
from sampan.resources.strategies.pod_fields import apparmor_of
from sampan.resources.validation.ip import warn_ip
from sampan.resources.validation.node_labels import DEPRECATED, warn_node_term
from sampan.resources.validation.pods.affinity import PREFERRED, REQUIRED
from sampan.resources.validation.pods.annotations import APPARMOR, SECCOMP, SECCOMP_POD
from sampan.resources.validation.pods.options import visit
from sampan.resources.validation.pods.overlaps import warn_overlaps
from sampan.resources.validation.pods.port_warnings import warn_ports

ANNOTATIONS = {
    "scheduler.alpha.kubernetes.io/critical-pod": 'non-functional in v1.16+; use the "priorityClassName" field instead',
    "security.alpha.kubernetes.io/sysctls": 'non-functional in v1.11+; use the "sysctls" field instead',
    "security.alpha.kubernetes.io/unsafe-sysctls": 'non-functional in v1.11+; use the "sysctls" field instead',
}
VOLUMES = {
    "photonPersistentDisk": "photonPersistentDisk: deprecated in v1.11, non-functional in v1.16+",
    "gitRepo": "gitRepo: deprecated in v1.11, and disabled by default in v1.33+",
    "scaleIO": "scaleIO: deprecated in v1.16, non-functional in v1.22+",
    "flocker": "flocker: deprecated in v1.22, non-functional in v1.25+",
    "storageos": "storageOS: deprecated in v1.22, non-functional in v1.25+",
    "quobyte": "quobyte: deprecated in v1.22, non-functional in v1.25+",
    "glusterfs": "glusterfs: deprecated in v1.25, non-functional in v1.26+",
    "cephfs": "cephfs: deprecated in v1.28, non-functional in v1.31+",
    "rbd": "rbd: deprecated in v1.28, non-functional in v1.31+",
}
TALKED_OF = frozenset((*VOLUMES, "ephemeral"))
SECCOMP_GONE = 'non-functional in v1.27+; use the "seccompProfile" field instead'
APPARMOR_OLD = 'deprecated since v1.30; use the "appArmorProfile" field instead'
NULL_SELECTOR = "labelSelector: a null labelSelector results in matching no pod"
BYTES = ("memory", "ephemeral-storage")


def warn_pod(pod: Obj) -> list[str]:
    """Of a new pod."""
    meta = pod.get("metadata") or {}
    problems = is_dns1123_label(meta.get("name") or "")
    warnings = []
    if problems:
        why = "this is used in the Pod's hostname, which can result in surprising behavior; a DNS label is recommended"
        warnings.append(f"metadata.name: {why}: [{' '.join(problems)}]")
    return warnings + _warn(pod.get("spec") or {}, meta, "")


def warn_pod_template(template: Obj | None, at: str) -> list[str]:
    """Of the template of a workload that is new, or changed; `at` is where the template stands."""
    return _warn(template.get("spec") or {}, template.get("metadata") or {}, f"{at}.") if template else []


def warn_owner_name(obj: Obj) -> list[str]:
    """Of a workload's name that its pods' hostnames are made of."""
    problems = is_dns1123_label((obj.get("metadata") or {}).get("name") or "")
    why = "this is used in Pod names and hostnames, which can result in surprising behavior; a DNS label is recommended"
    return [f"metadata.name: {why}: [{' '.join(problems)}]"] if problems else []


def _warn(spec: Obj, meta: Obj, at: str) -> list[str]:
    """`at` ends with a dot, or is empty."""
    here, annotations = f"{at}spec", meta.get("annotations") or {}
    warnings = _node_labels(spec, here)
    if annotations:
        places = f"{at}metadata.annotations"
        warnings += [f"{places}[{key}]: {why}" for key, why in ANNOTATIONS.items() if key in annotations]
    if volumes := spec.get("volumes"):
        warnings += _volumes(volumes, f"{here}.volumes")
        warnings += warn_overlaps(volumes)
    warnings += _doubles(spec, here)
    if overhead := spec.get("overhead"):
        warnings += _fractions(overhead, f"{here}.overhead", BYTES)
    if annotations and not (spec.get("securityContext") or {}).get("seccompProfile") and SECCOMP_POD in annotations:
        warnings.append(f"{at}metadata.annotations[{SECCOMP_POD}]: {SECCOMP_GONE}")
    for container, place in visit(spec, here):
        if annotations:
            warnings += _profiles(container, spec, annotations, at)
        warnings += _container(container, place)
    warnings += warn_ports(spec, here)
    if (spec.get("terminationGracePeriodSeconds") or 0) < 0:
        why = "must be >= 0; negative values are invalid and will be treated as 1"
        warnings.append(f"{here}.terminationGracePeriodSeconds: {why}")
    if affinity := spec.get("affinity"):
        warnings += _null_selectors(affinity, f"{here}.affinity")
    for index, server in enumerate((spec.get("dnsConfig") or {}).get("nameservers") or ()):
        warnings += warn_ip(server, f"{here}.dnsConfig.nameservers[{index}]")
    for index, alias in enumerate(spec.get("hostAliases") or ()):
        warnings += warn_ip(alias.get("ip") or "", f"{here}.hostAliases[{index}].ip")
    return warnings


def _node_labels(spec: Obj, at: str) -> list[str]:
    """Deprecated labels of nodes, and constraints that select nothing."""
    selector = spec.get("nodeSelector") or {}
    warnings = [f"{at}.nodeSelector[{key}]: {DEPRECATED[key]}" for key in selector if key in DEPRECATED]
    node = (spec.get("affinity") or {}).get("nodeAffinity")
    if node is not None:
        place = f"{at}.affinity.nodeAffinity.{REQUIRED}.nodeSelectorTerms"
        for index, term in enumerate((node.get(REQUIRED) or {}).get("nodeSelectorTerms") or ()):
            warnings += warn_node_term(term, f"{place}[{index}]")
        place = f"{at}.affinity.nodeAffinity.{PREFERRED}"
        for index, term in enumerate(node.get(PREFERRED) or ()):
            warnings += warn_node_term(term.get("preference") or {}, f"{place}[{index}].preference", values=True)
    for index, constraint in enumerate(spec.get("topologySpreadConstraints") or ()):
        place, key = f"{at}.topologySpreadConstraints[{index}]", constraint.get("topologyKey") or ""
        if key in DEPRECATED:
            warnings.append(f"{place}.topologyKey: {key} is {DEPRECATED[key]}")
        if constraint.get("labelSelector") is None:
            warnings.append(f"{place}.{NULL_SELECTOR}")
    return warnings


def _volumes(volumes: Iterable[Obj], at: str) -> list[str]:
    warnings: list[str] = []
    for index, volume in enumerate(volumes):
        if TALKED_OF.isdisjoint(volume):
            continue
        here = f"{at}[{index}]"
        for kind, why in VOLUMES.items():
            if kind == "cephfs":  # what stands in an ephemeral volume comes before it
                warnings += _claim(volume, here)
            if volume.get(kind) is not None:
                warnings.append(f"{here}.{why}")
    return warnings


def _claim(volume: Obj, at: str) -> list[str]:
    template = (volume.get("ephemeral") or {}).get("volumeClaimTemplate")
    if template is None:
        return []
    return warn_claim_spec(template.get("spec") or {}, f"{at}.ephemeral.volumeClaimTemplate.spec")


def warn_claim_spec(spec: Obj, at: str) -> list[str]:
    """Of sizes in a PersistentVolumeClaimSpec that are no whole bytes."""
    resources = spec.get("resources") or {}
    warnings = _fractions(resources.get("requests") or {}, f"{at}.resources.requests", ("storage",))
    return warnings + _fractions(resources.get("limits") or {}, f"{at}.resources.limits", ("storage",))


def _fractions(amounts: Obj, at: str, names: Iterable[str]) -> list[str]:
    return [
        f"{at}[{name}]: fractional byte value {quoted(canonical(amounts[name]))} is invalid, must be an integer"
        for name in names
        if name in amounts and _is_fraction(amounts[name])
    ]


@lru_cache(maxsize=4096)
def _is_fraction(amount: str) -> bool:
    return milli_value(amount) % 1000 != 0


def _doubles(spec: Obj, at: str) -> list[str]:
    """Host aliases and pull secrets that stand twice, secrets without a name."""
    warnings: list[str] = []
    for index, ip in _repeated(alias.get("ip") or "" for alias in spec.get("hostAliases") or ()):
        warnings.append(f"{at}.hostAliases[{index}].ip: duplicate ip {quoted(ip)}")
    names = [secret.get("name") or "" for secret in spec.get("imagePullSecrets") or ()]
    for index, name in _repeated(names):
        warnings.append(f"{at}.imagePullSecrets[{index}].name: duplicate name {quoted(name)}")
    for index, name in enumerate(names):
        if not name:
            warnings.append(f'{at}.imagePullSecrets[{index}].name: invalid empty name ""')
    return warnings


def _repeated(values: Iterable[str]) -> Iterator[tuple[int, str]]:
    seen: set[str] = set()
    for index, value in enumerate(values):
        if value in seen:
            yield index, value
        seen.add(value)


def _profiles(container: Obj, spec: Obj, annotations: Obj, at: str) -> list[str]:
    """Annotations of a container's profiles; of pods' AppArmor is warned before they are prepared."""
    own, name = container.get("securityContext") or {}, container.get("name") or ""
    places = f"{at}metadata.annotations"
    warnings: list[str] = []
    if own.get("seccompProfile") is None and SECCOMP + name in annotations:
        warnings.append(f"{places}[{SECCOMP}{name}]: {SECCOMP_GONE}")
    said = annotations.get(APPARMOR + name)
    if at and said is not None and own.get("appArmorProfile") is None:
        of_pod = (spec.get("securityContext") or {}).get("appArmorProfile")
        if of_pod is None or of_pod != apparmor_of(said):
            warnings.append(f"{places}[{APPARMOR}{name}]: {APPARMOR_OLD}")
    return warnings


def _container(container: Obj, at: str) -> list[str]:
    """Fractions of bytes, and variables that hide one another."""
    warnings: list[str] = []
    resources = container.get("resources")
    if resources:
        for name in BYTES:
            for part in ("limits", "requests"):
                if resources.get(part):
                    warnings += _fractions(resources[part], f"{at}.resources.{part}", (name,))
    env = container.get("env")
    if not env or len(env) < 2:
        return warnings
    seen: set[str] = set()
    for index, item in enumerate(env):
        name, value = item.get("name") or "", item.get("value") or ""
        ref = f"$({name})"
        if name in seen and (item.get("valueFrom") is not None or value == ref or ref not in value):
            why = f"hides previous definition of {quoted(name)}, which may be dropped when using apply"
            warnings.append(f"{at}.env[{index}]: {why}")
        seen.add(name)
    return warnings


def _null_selectors(affinity: Obj, at: str) -> list[str]:
    warnings: list[str] = []
    for kind in ("podAffinity", "podAntiAffinity"):
        pods = affinity.get(kind) or {}
        for index, term in enumerate(pods.get(REQUIRED) or ()):
            if term.get("labelSelector") is None:
                warnings.append(f"{at}.{kind}.{REQUIRED}[{index}].{NULL_SELECTOR}")
        for index, weighted in enumerate(pods.get(PREFERRED) or ()):
            if (weighted.get("podAffinityTerm") or {}).get("labelSelector") is None:
                warnings.append(f"{at}.{kind}.{PREFERRED}[{index}].podAffinityTerm.{NULL_SELECTOR}")
    return warnings
