"""What is wrong with the volumes of a pod (core validation: ValidateVolumes)."""

from collections.abc import Iterable

from sampan.api.json import Obj
from sampan.api.meta import is_dns1123_label
from sampan.resources.strategies.checks import Errors, duplicate, forbidden, invalid, required


def check_volumes(volumes: Iterable[Obj], at: str) -> tuple[set[str], Errors]:
    """The names of the volumes, and what is wrong with them."""
    names: set[str] = set()
    errors: Errors = []
    for index, volume in enumerate(volumes):
        here, name = f"{at}[{index}]", volume.get("name") or ""
        if not name:
            errors.append(required(f"{here}.name"))
        elif name in names:
            errors.append(duplicate(f"{here}.name", name))
        else:
            errors += [invalid(f"{here}.name", name, problem) for problem in is_dns1123_label(name)]
        if sum(value is not None for key, value in volume.items() if key != "name") > 1:
            kinds = [key for key, value in volume.items() if key != "name" and value is not None]
            errors += [forbidden(f"{here}.{kind}", "may not specify more than 1 volume type") for kind in kinds[1:]]
        names.add(name)
    return names, errors
