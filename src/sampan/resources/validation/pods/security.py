"""What is wrong with security contexts of containers and pods (core validation: ValidateSecurityContext and below)."""

import re

from sampan.api.json import Obj
from sampan.resources.strategies.checks import (
    Errors,
    Shown,
    duplicate,
    invalid,
    marshalled,
    not_among,
    not_supported,
    required,
    too_long,
)
from sampan.resources.validation.paths import check_descending
from sampan.resources.validation.pods.options import Options
from sampan.resources.validation.pods.shown import shown_seccomp, shown_security
from sampan.resources.validation.pods.windows import check_windows_options

PROC_MOUNTS = ("Default", "Unmasked")
PROFILES = ("Localhost", "RuntimeDefault", "Unconfined")
ID_TEXT = "must be between 0 and 2147483647, inclusive"
MOST_ID = 2**31 - 1
SEGMENT = "[a-z0-9]([-_a-z0-9]*[a-z0-9])?"
SYSCTL = rf"^({SEGMENT}[\./])*{SEGMENT}$"
SYSCTL_RE = re.compile(SYSCTL)
MOST_SYSCTL = 253
OF_IPC = frozenset(
    (
        "kernel.sem", "kernel.shmall", "kernel.shmmax", "kernel.shmmni", "kernel.shm_rmid_forced", "kernel.shm",
        "kernel.msgmax", "kernel.msgmnb", "kernel.msgmni", "kernel.msg",
    )
)  # fmt: skip
MOST_PROFILE = 4095
WITH_LOCALHOST = "can only be set when AppArmor type is Localhost"


def check_id(value: int | None, at: str) -> Errors:
    """A user's or group's number."""
    return [] if value is None or 0 <= value <= MOST_ID else [invalid(at, value, ID_TEXT)]


def check_security(context: Obj | None, at: str, host_users: bool) -> Errors:
    """A container's security context; `host_users`: the pod has no user namespace of its own."""
    if not context:
        return []
    errors = check_id(context.get("runAsUser"), f"{at}.runAsUser")
    errors += check_id(context.get("runAsGroup"), f"{at}.runAsGroup")
    proc = context.get("procMount")
    if proc is not None:
        if proc not in PROC_MOUNTS:
            errors.append(not_among(f"{at}.procMount", proc, PROC_MOUNTS))
        if host_users and proc == "Unmasked":
            errors.append(invalid(f"{at}.procMount", proc, "`hostUsers` must be false to use `Unmasked`"))
    errors += check_seccomp(context.get("seccompProfile"), f"{at}.seccompProfile")
    if context.get("allowPrivilegeEscalation") is False:
        errors += _escalation(context, at)
    if context.get("windowsOptions") is not None:
        errors += check_windows_options(context["windowsOptions"], f"{at}.windowsOptions")
    return errors + check_apparmor(context.get("appArmorProfile"), f"{at}.appArmorProfile")


def _escalation(context: Obj, at: str) -> Errors:
    errors: Errors = []
    if context.get("privileged"):
        why = "cannot set `allowPrivilegeEscalation` to false and `privileged` to true"
        errors.append(invalid(at, shown_security(context), why))
    for capability in (context.get("capabilities") or {}).get("add") or ():
        if capability == "CAP_SYS_ADMIN":
            why = "cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN"
            errors.append(invalid(at, shown_security(context), why))
    return errors


def check_seccomp(profile: Obj | None, at: str) -> Errors:
    """A seccompProfile."""
    if profile is None:
        return []
    kind, local = profile.get("type") or "", profile.get("localhostProfile")
    errors: Errors = []
    if not kind:
        errors.append(required(f"{at}.type", "type is required when seccompProfile is set"))
    elif kind not in PROFILES:
        errors.append(not_among(f"{at}.type", kind, PROFILES))
    if kind == "Localhost":
        if local is None:
            errors.append(required(f"{at}.localhostProfile", "must be set when seccomp type is Localhost"))
        else:
            errors += check_descending(local, f"{at}.localhostProfile")
    elif local is not None:
        why = "can only be set when seccomp type is Localhost"
        errors.append(invalid(f"{at}.localhostProfile", shown_seccomp(profile), why))
    return errors


def check_apparmor(profile: Obj | None, at: str) -> Errors:
    """An appArmorProfile."""
    if profile is None:
        return []
    kind, local, here = profile.get("type") or "", profile.get("localhostProfile"), f"{at}.localhostProfile"
    if kind == "Localhost":
        return _local_apparmor(local, here)
    if kind in PROFILES:
        return [] if local is None else [invalid(here, Shown(marshalled(local)), WITH_LOCALHOST)]
    if not kind:
        return [required(f"{at}.type", "type is required when appArmorProfile is set")]
    return [not_among(f"{at}.type", kind, PROFILES)]


def _local_apparmor(local: str | None, at: str) -> Errors:
    errors: Errors = []
    if local is not None and local.strip() != local:
        errors.append(invalid(at, local, "must not be padded with whitespace"))
    elif not local:
        errors.append(required(at, "must be set when AppArmor type is Localhost"))
    if local is not None and len(local.encode()) > MOST_PROFILE:
        errors.append(too_long(at, MOST_PROFILE))
    return errors


def check_pod_security(spec: Obj, at: str, options: Options) -> Errors:
    """A pod's security context; `at` is where the spec stands."""
    context = spec.get("securityContext") or {}
    if not context and not spec.get("hostPID"):
        return []
    at = f"{at}.securityContext"
    errors: Errors = []
    for name in ("fsGroup", "runAsUser", "runAsGroup"):
        errors += check_id(context.get(name), f"{at}.{name}")
    for index, group in enumerate(context.get("supplementalGroups") or ()):
        errors += check_id(group, f"{at}.supplementalGroups[{index}]")
    if spec.get("hostPID") and spec.get("shareProcessNamespace"):
        why = "ShareProcessNamespace and HostPID cannot both be enabled"
        errors.append(invalid(f"{at}.shareProcessNamespace", True, why))
    errors += _sysctls(spec, f"{at}.sysctls", options)
    errors += _choice(context, at, "fsGroupChangePolicy", ("Always", "OnRootMismatch"))
    errors += check_seccomp(context.get("seccompProfile"), f"{at}.seccompProfile")
    if context.get("windowsOptions") is not None:
        errors += check_windows_options(context["windowsOptions"], f"{at}.windowsOptions")
    errors += check_apparmor(context.get("appArmorProfile"), f"{at}.appArmorProfile")
    errors += _choice(context, at, "supplementalGroupsPolicy", ("Merge", "Strict"))
    policies = ("MountOption", "Recursive") if options.any_selinux_policy else ("Recursive",)
    return errors + _choice(context, at, "seLinuxChangePolicy", policies)


def _choice(context: Obj, at: str, name: str, choices: tuple[str, ...]) -> Errors:
    value = context.get(name)
    return [] if value is None or value in choices else [not_supported(f"{at}.{name}", value, choices)]


def _sysctls(spec: Obj, at: str, options: Options) -> Errors:
    errors: Errors = []
    names: set[str] = set()
    for index, sysctl in enumerate((spec.get("securityContext") or {}).get("sysctls") or ()):
        here, name = f"{at}[{index}].name", sysctl.get("name") or ""
        if not name:
            errors.append(required(here))
        elif len(name) > MOST_SYSCTL or not SYSCTL_RE.fullmatch(name):
            errors.append(invalid(here, name, f"must have at most {MOST_SYSCTL} characters and match regex {SYSCTL}"))
        elif name in names:
            errors.append(duplicate(here, name))
        if not options.host_sysctls:
            errors += check_host_sysctl(name, spec, here)
        names.add(name)
    return errors


def check_host_sysctl(name: str, spec: Obj, at: str) -> Errors:
    """A sysctl is not one of a namespace that the pod shares with its host."""
    dot, slash = name.find("."), name.find("/")
    if slash >= 0 and (dot < 0 or slash < dot):
        name, given = name.translate(str.maketrans("./", "/.")), name
    else:
        given = name
    name = name.partition("*")[0]
    if spec.get("hostNetwork") and name.startswith("net."):
        return [invalid(at, given, "may not be specified when 'hostNetwork' is true")]
    if spec.get("hostIPC") and (name in OF_IPC or name.startswith("fs.mqueue.")):
        return [invalid(at, given, "may not be specified when 'hostIPC' is true")]
    return []
