"""What is wrong with the Windows host processes of a pod: all containers are, or none; the network is the host's."""

from collections.abc import Iterator

from sampan.api.json import Obj
from sampan.resources.strategies.checks import Errors, invalid

CONTAINERS = ("initContainers", "containers", "ephemeralContainers")


def check_host_process(spec: Obj, at: str) -> Errors:
    """A pod's spec; `at` is where it stands."""
    pod = _wanted(spec)
    containers = list(_containers(spec, at))
    errors: Errors = []
    for where, said in containers:
        if pod is not None and said is not None and pod != said:
            why = f"pod hostProcess value must be identical if both are specified, was {str(pod).lower()}"
            errors.append(invalid(f"{where}.securityContext.windowsOptions.hostProcess", said, why))
    asking = sum(bool(pod if said is None else said) for _, said in containers)
    if not asking:
        return errors
    if asking != len(containers):
        why = "If pod contains any hostProcess containers then all containers must be HostProcess containers"
        errors.append(invalid(at, "", why))
    if not spec.get("hostNetwork"):
        why = "hostNetwork must be true if pod contains any hostProcess containers"
        errors.append(invalid(f"{at}.hostNetwork", False, why))
    return errors


def _wanted(holder: Obj) -> bool | None:
    """hostProcess of a pod's or a container's security context."""
    wanted: bool | None = ((holder.get("securityContext") or {}).get("windowsOptions") or {}).get("hostProcess")
    return wanted


def _containers(spec: Obj, at: str) -> Iterator[tuple[str, bool | None]]:
    for field in CONTAINERS:
        for index, container in enumerate(spec.get(field) or ()):
            yield f"{at}.{field}[{index}]", _wanted(container)
