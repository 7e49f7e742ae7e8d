"""What is wrong with the annotations that mean something to pods (core validation: ValidatePodSpecificAnnotations)."""

import re
from collections.abc import Mapping

from sampan.api.json import Obj
from sampan.resources.strategies.checks import Errors, forbidden, invalid, quoted
from sampan.resources.validation.paths import check_descending
from sampan.resources.validation.pods.annotated_tolerations import read_tolerations
from sampan.resources.validation.pods.options import Options, visit
from sampan.resources.validation.pods.tolerations import check_tolerations

Annotations = Mapping[str, str]
MIRROR = "kubernetes.io/config.mirror"
TOLERATIONS = "scheduler.alpha.kubernetes.io/tolerations"
DELETION_COST = "controller.kubernetes.io/pod-deletion-cost"
SECCOMP_POD = "seccomp.security.alpha.kubernetes.io/pod"
SECCOMP = "container.seccomp.security.alpha.kubernetes.io/"
APPARMOR = "container.apparmor.security.beta.kubernetes.io/"
SECCOMP_NAMES = ("runtime/default", "docker/default", "unconfined")
APPARMOR_NAMES = ("", "runtime/default", "unconfined")
LOCAL = "localhost/"
COST = re.compile("0|-[0-9]+|[1-9][0-9]*")


def check_pod_annotations(annotations: Annotations, spec: Obj, at: str, options: Options) -> Errors:
    """Mirror, tolerations, deletion cost, seccomp and AppArmor; `at` is where the annotations stand."""
    if not annotations:
        return []
    errors: Errors = []
    if MIRROR in annotations and not spec.get("nodeName"):
        why = "must set spec.nodeName if mirror pod annotation is set"
        errors.append(invalid(f"{at}[{MIRROR}]", annotations[MIRROR], why))
    if annotations.get(TOLERATIONS):
        errors += _tolerations(annotations[TOLERATIONS], at, options)
    if not options.any_deletion_cost and not is_deletion_cost(annotations):
        errors.append(invalid(f"{at}[{DELETION_COST}]", annotations[DELETION_COST], "must be a 32bit integer"))
    if SECCOMP_POD in annotations:
        errors += _seccomp(annotations[SECCOMP_POD], f"{at}.{SECCOMP_POD}")
    for key, value in annotations.items():
        if key.startswith(SECCOMP):
            errors += _seccomp(value, f"{at}.{key}")
    for key, value in annotations.items():
        if key.startswith(APPARMOR):
            errors += _apparmor(key, value, spec, at)
    return errors


def is_deletion_cost(annotations: Annotations) -> bool:
    """Whether the cost of a pod's deletion is a number of 32 bits, or not given."""
    cost = annotations.get(DELETION_COST)
    return cost is None or (COST.fullmatch(cost) is not None and -(2**31) <= int(cost) < 2**31)


def _tolerations(text: str, at: str, options: Options) -> Errors:
    tolerations, error = read_tolerations(text)
    if error:
        return [invalid(at, TOLERATIONS, error)]
    return check_tolerations(tolerations, f"{at}.{TOLERATIONS}", options)


def _seccomp(profile: str, at: str) -> Errors:
    if profile in SECCOMP_NAMES:
        return []
    if profile.startswith(LOCAL):
        return check_descending(profile.removeprefix(LOCAL), at)
    return [invalid(at, profile, "must be a valid seccomp profile")]


def _apparmor(key: str, profile: str, spec: Obj, at: str) -> Errors:
    name = key.removeprefix(APPARMOR)
    errors: Errors = []
    if all((container.get("name") or "") != name for container, _ in visit(spec, "")):
        errors.append(invalid(f"{at}[{key}]", name, "container not found"))
    if profile not in APPARMOR_NAMES and not profile.startswith(LOCAL):
        errors.append(invalid(f"{at}[{key}]", profile, f"invalid AppArmor profile name: {quoted(profile)}"))
    return errors


def check_agreement(annotations: Annotations, spec: Obj, at: str) -> Errors:
    """Seccomp and AppArmor say the same in annotations and fields, where both speak; `at`: the spec's place."""
    if not annotations or not any("seccomp" in key or "apparmor" in key for key in annotations):
        return []
    pod = spec.get("securityContext") or {}
    errors = _agree(annotations.get(SECCOMP_POD), pod.get("seccompProfile"), f"{at}.securityContext", "seccomp")
    for container, here in visit(spec, at):
        own = (container.get("securityContext") or {}).get("seccompProfile")
        said = annotations.get(SECCOMP + (container.get("name") or ""))
        errors += _agree(said, own, f"{here}.securityContext", "seccomp")
    if (spec.get("os") or {}).get("name") == "windows":
        return errors
    for container, here in visit(spec, at):
        own = (container.get("securityContext") or {}).get("appArmorProfile")
        said = annotations.get(APPARMOR + (container.get("name") or ""))
        own = own if own is not None else pod.get("appArmorProfile")
        errors += _agree(said, own, f"{here}.securityContext", "apparmor")
    return errors


FIELDS = {"seccomp": "seccompProfile", "apparmor": "appArmorProfile"}
DEFAULTS = {"seccomp": ("runtime/default", "docker/default"), "apparmor": ("runtime/default",)}


def _agree(said: str | None, profile: Obj | None, at: str, what: str) -> Errors:
    if said is None or profile is None:
        return []
    at, types = f"{at}.{FIELDS[what]}", f"{what} type in annotation and field must match"
    match profile.get("type"):
        case "Unconfined" if said != "unconfined":
            return [forbidden(f"{at}.type", types)]
        case "RuntimeDefault" if said not in DEFAULTS[what]:
            return [forbidden(f"{at}.type", types)]
        case "Localhost" if not said.startswith(LOCAL):
            return [forbidden(f"{at}.type", types)]
        case "Localhost" if said.removeprefix(LOCAL) != profile.get("localhostProfile"):
            return [forbidden(f"{at}.localhostProfile", f"{what} profile in annotation and field must match")]
    return []
