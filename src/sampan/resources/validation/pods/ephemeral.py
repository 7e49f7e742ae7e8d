"""What is wrong with an update of ephemeral containers (core validation: ValidatePodEphemeralContainersUpdate)."""

from sampan.api.json import Obj
from sampan.resources.strategies.checks import Errors, forbidden, meta_of, quoted, spec_of
from sampan.resources.validation.pods.annotations import MIRROR
from sampan.resources.validation.pods.internal import comparable, diff, internal
from sampan.resources.validation.pods.past import pod_options
from sampan.resources.validation.pods.update import check_again, check_annotation_update

AT = "spec.ephemeralContainers"


def check_ephemeral_update(new: Obj, old: Obj) -> Errors:
    """Ephemeral containers may be added; those that are there stay as they are."""
    options = pod_options(old)
    errors = check_again(new, old, options) + check_annotation_update(new, old, options)
    if MIRROR in (meta_of(old).get("annotations") or {}):
        return [forbidden("[]", "static pods do not support ephemeral containers")]
    kept = {container.get("name"): container for container in spec_of(new).get("ephemeralContainers") or ()}
    for container in spec_of(old).get("ephemeralContainers") or ():
        name = quoted(container.get("name") or "")
        now = kept.get(container.get("name"))
        if now is None:
            errors.append(forbidden(AT, f"existing ephemeral containers {name} may not be removed\n"))
        elif now != container:
            before, after = internal(container, "EphemeralContainer"), internal(now, "EphemeralContainer")
            if comparable(before) != comparable(after):
                why = f"existing ephemeral containers {name} may not be changed\n{diff(before, after)}"
                errors.append(forbidden(AT, why))
    return errors
