"""What is wrong with the ephemeral containers of a pod (core validation: validateEphemeralContainers)."""

from sampan.api.json import Obj
from sampan.resources.strategies.checks import Errors, duplicate, forbidden, not_found
from sampan.resources.validation.pods.containers import check_container, check_images
from sampan.resources.validation.pods.options import Seen

NEVER = (
    "ports", "resources", "resizePolicy", "restartPolicy", "restartPolicyRules", "livenessProbe", "readinessProbe",
    "startupProbe", "lifecycle",
)  # fmt: skip
"""What they cannot have, in Go's order of fields."""
WHY = "cannot be set for an Ephemeral Container"


def check_ephemeral_containers(spec: Obj, at: str, seen: Seen) -> Errors:
    """spec.ephemeralContainers; `at` is where they stand."""
    others = {c.get("name") or "" for key in ("containers", "initContainers") for c in spec.get(key) or ()}
    names = set(others)
    errors: Errors = []
    for index, container in enumerate(spec.get("ephemeralContainers") or ()):
        here, name = f"{at}[{index}]", container.get("name") or ""
        errors += check_container(container, here, seen)
        errors += [error._replace(field=f"{here}.image") for error in check_images((container,), "")]
        if name in names:
            errors.append(duplicate(f"{here}.name", name))
        names.add(name)
        target = container.get("targetContainerName")
        if target and target not in others:
            errors.append(not_found(f"{here}.targetContainerName", target))
        errors += _never(container, here)
    return errors


def _never(container: Obj, at: str) -> Errors:
    errors: Errors = []
    for field in NEVER:
        value = container.get(field)
        if value or (value is not None and field != "resources"):
            errors.append(forbidden(f"{at}.{field}", WHY))
    for index, mount in enumerate(container.get("volumeMounts") or ()):
        for field in ("subPath", "subPathExpr"):
            if mount.get(field):
                errors.append(forbidden(f"{at}.volumeMounts[{index}].{field}", WHY))
    return errors
