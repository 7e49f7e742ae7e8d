"""What is wrong with the containers of a pod (core validation: validateContainers, validateInitContainers)."""

from collections.abc import Iterable, Sequence

from sampan.api.json import Obj
from sampan.api.meta import is_dns1123_label, is_port, is_port_name
from sampan.resources.strategies.checks import (
    Errors,
    duplicate,
    forbidden,
    invalid,
    not_among,
    not_supported,
    required,
)
from sampan.resources.validation.pods.environment import check_env, check_env_from
from sampan.resources.validation.pods.mounts import check_mounts
from sampan.resources.validation.pods.options import Seen
from sampan.resources.validation.pods.probes import PROBES, check_probes
from sampan.resources.validation.pods.resources import check_resources
from sampan.resources.validation.pods.restart import check_resize_policy, check_restart_policy
from sampan.resources.validation.pods.security import check_security
from sampan.resources.validation.pods.volume_sources import check_pull_policy

MESSAGES = ("File", "FallbackToLogsOnError")
PROTOCOLS = ("SCTP", "TCP", "UDP")
ENDING = "may not be set for init containers without restartPolicy=Always"


def check_containers(containers: Sequence[Obj], at: str, seen: Seen) -> Errors:
    """The pod's own containers."""
    if not containers:
        return [required(at)]
    errors: Errors = []
    names: set[str] = set()
    for index, container in enumerate(containers):
        here = f"{at}[{index}]"
        errors += check_container(container, here, seen)
        name = container.get("name") or ""
        if name in names:
            errors.append(duplicate(f"{here}.name", name))
        names.add(name)
        errors += check_probes(container, here, seen)
        errors += check_restart_policy(container, here)
    return errors + _host_ports(containers, at)


def check_init_containers(containers: Sequence[Obj], regular: Iterable[Obj], at: str, seen: Seen) -> Errors:
    """Init containers, those that run on (sidecars, KEP-753) among them; `regular` are the others."""
    errors: Errors = []
    names = {container.get("name") or "" for container in regular}
    for index, container in enumerate(containers):
        here = f"{at}[{index}]"
        errors += check_container(container, here, seen)
        errors += check_restart_policy(container, here, init=True)
        name = container.get("name") or ""
        if name in names:
            errors.append(duplicate(f"{here}.name", name))
        elif name:
            names.add(name)
        errors += _host_ports((container,), at)
        if container.get("restartPolicy") == "Always":
            errors += check_probes(container, here, seen)
            continue
        for kind in ("lifecycle", *PROBES):
            if container.get(kind) is not None:
                errors.append(forbidden(f"{here}.{kind}", ENDING))
        if container.get("resizePolicy") and not seen.options.restarting_init:
            errors += _never_restarted(container["resizePolicy"], f"{here}.resizePolicy")
    return errors


def _never_restarted(policies: Iterable[Obj], at: str) -> Errors:
    why = "must not be set to 'RestartContainer' for non-sidecar initContainers"
    return [
        invalid(f"{at}[{index}].restartPolicy", "RestartContainer", why)
        for index, policy in enumerate(policies)
        if policy.get("restartPolicy") == "RestartContainer"
    ]


def check_container(container: Obj, at: str, seen: Seen) -> Errors:
    """What all kinds of containers share."""
    get = container.get
    errors: Errors = []
    name = get("name")
    if not name:
        errors.append(required(f"{at}.name"))
    elif problems := is_dns1123_label(name):
        errors += [invalid(f"{at}.name", name, problem) for problem in problems]
    if not get("image"):
        errors.append(required(f"{at}.image"))
    policy = get("terminationMessagePolicy")
    if policy not in MESSAGES:
        here = f"{at}.terminationMessagePolicy"
        errors.append(not_among(here, policy, MESSAGES) if policy else required(here))
    if ports := get("ports"):
        errors += check_ports(ports, f"{at}.ports")
    if env := get("env"):
        errors += check_env(env, f"{at}.env")
    if env_from := get("envFrom"):
        errors += check_env_from(env_from, f"{at}.envFrom")
    errors += check_mounts(container, at, seen.volumes)
    errors += check_pull_policy(get("imagePullPolicy"), f"{at}.imagePullPolicy")
    if resources := get("resources"):
        errors += check_resources(resources, f"{at}.resources", seen)
    if resize := get("resizePolicy"):
        errors += check_resize_policy(resize, f"{at}.resizePolicy", seen.restart)
    if security := get("securityContext"):
        errors += check_security(security, f"{at}.securityContext", seen.host_users)
    return errors


def check_ports(ports: Iterable[Obj], at: str) -> Errors:
    """A container's ports."""
    errors: Errors = []
    names: set[str] = set()
    for index, port in enumerate(ports):
        here, name = f"{at}[{index}]", port.get("name")
        if name:
            if problems := is_port_name(name):
                errors += [invalid(f"{here}.name", name, problem) for problem in problems]
            elif name in names:
                errors.append(duplicate(f"{here}.name", name))
            names.add(name)
        number, host, protocol = port.get("containerPort"), port.get("hostPort"), port.get("protocol")
        if not number:
            errors.append(required(f"{here}.containerPort"))
        else:
            errors += [invalid(f"{here}.containerPort", number, problem) for problem in is_port(number)]
        if host:
            errors += [invalid(f"{here}.hostPort", host, problem) for problem in is_port(host)]
        if protocol not in PROTOCOLS:
            place = f"{here}.protocol"
            errors.append(not_supported(place, protocol, PROTOCOLS) if protocol else required(place))
    return errors


def _host_ports(containers: Iterable[Obj], at: str) -> Errors:
    """No two containers that run together use the same port of their host."""
    errors: Errors = []
    taken: set[str] = set()
    for index, container in enumerate(containers):
        for place, port in enumerate(container.get("ports") or ()):
            number = port.get("hostPort")
            if not number:
                continue
            key = f"{port.get('protocol') or ''}/{port.get('hostIP') or ''}/{number}"
            if key in taken:
                errors.append(duplicate(f"{at}[{index}].ports[{place}].hostPort", key))
            taken.add(key)
    return errors


def check_images(containers: Iterable[Obj], at: str) -> Errors:
    """Images of pods, not of templates, have no blanks around them."""
    return [
        invalid(f"{at}[{index}].image", container["image"], "must not have leading or trailing whitespace")
        for index, container in enumerate(containers)
        if (image := container.get("image")) and image != image.strip()
    ]
