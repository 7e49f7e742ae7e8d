"""What pods of an operating system may not say (core validation: validateOS, validateLinux, validateWindows)."""

from sampan.api.json import Obj
from sampan.resources.strategies.checks import Errors, forbidden, not_supported, required
from sampan.resources.validation.pods.options import visit

NOT_ON_LINUX = "windows options cannot be set for a linux pod"
NOT_ON_WINDOWS = "cannot be set for a windows pod"
CONTEXT, SPEC = True, False
OF_POD = (
    (CONTEXT, "appArmorProfile"),
    (CONTEXT, "seLinuxOptions"),
    (SPEC, "hostUsers"),
    (SPEC, "hostPID"),
    (SPEC, "hostIPC"),
    (CONTEXT, "seccompProfile"),
    (CONTEXT, "fsGroup"),
    (CONTEXT, "fsGroupChangePolicy"),
    (CONTEXT, "sysctls"),
    (SPEC, "shareProcessNamespace"),
    (CONTEXT, "runAsUser"),
    (CONTEXT, "runAsGroup"),
    (CONTEXT, "supplementalGroups"),
    (CONTEXT, "supplementalGroupsPolicy"),
    (CONTEXT, "seLinuxChangePolicy"),
)
"""Whether it stands in the security context, and its name, in upstream's order."""
OF_CONTAINER = (
    "appArmorProfile", "seLinuxOptions", "seccompProfile", "capabilities", "readOnlyRootFilesystem", "privileged",
    "allowPrivilegeEscalation", "procMount", "runAsUser", "runAsGroup",
)  # fmt: skip
TRUE_ONLY = ("hostPID", "hostIPC", "sysctls")
"""What counts as absent when it is false or empty."""


def check_os(spec: Obj, at: str) -> Errors:
    """`os` itself, and what does not go with it."""
    name = spec["os"].get("name") or ""
    if not name:
        return [required(f"{at}.os.name")]
    if name not in ("linux", "windows"):
        return [not_supported(f"{at}.os", name, ("linux", "windows"))]
    context = spec.get("securityContext") or {}
    errors: Errors = []
    if name == "linux":
        if context.get("windowsOptions") is not None:
            errors.append(forbidden(f"{at}.securityContext.windowsOptions", NOT_ON_LINUX))
    else:
        for in_context, key in OF_POD:
            value = (context if in_context else spec).get(key)
            if value is not None and (value or key not in TRUE_ONLY):
                place = f"{at}.securityContext.{key}" if in_context else f"{at}.{key}"
                errors.append(forbidden(place, NOT_ON_WINDOWS))
    for container, here in visit(spec, at):
        own = container.get("securityContext")
        if not own:
            continue
        if name == "linux":
            if own.get("windowsOptions") is not None:
                errors.append(forbidden(f"{here}.securityContext.windowsOptions", NOT_ON_LINUX))
        else:
            for key in OF_CONTAINER:
                if own.get(key) is not None:
                    errors.append(forbidden(f"{here}.securityContext.{key}", NOT_ON_WINDOWS))
    return errors
