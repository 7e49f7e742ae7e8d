"""What is wrong with drivers' names and the parameters for them (storage validation)."""

from collections.abc import Mapping

from sampan.api.meta import is_qualified_name
from sampan.resources.strategies.checks import Errors, invalid, required, too_long

MOST_PARAMETERS, MOST_SIZE = 512, 256 * 1024


def check_provisioner(name: str, at: str) -> Errors:
    """Who makes the volumes of a class; case does not matter."""
    if not name:
        return [required(at)]
    lower = name.lower()
    return [invalid(at, lower, problem) for problem in is_qualified_name(lower)]


def check_parameters(parameters: Mapping[str, str] | None, at: str, *, needed: bool) -> Errors:
    """What a driver is told; `needed`: there must be some."""
    given = parameters or {}
    if len(given) > MOST_PARAMETERS:
        return [too_long(at, MOST_PARAMETERS)]
    errors: Errors = [invalid(at, key, "field can not be empty.") for key in given if not key]
    if sum(len(key.encode()) + len(value.encode()) for key, value in given.items()) > MOST_SIZE:
        errors.append(too_long(at, MOST_SIZE))
    if needed and not given:
        errors.append(required(at, "must contain at least one key/value pair"))
    return errors
