"""What is wrong with ControllerRevisions (apps validation: ValidateControllerRevisionCreate and -Update)."""

from sampan.api.json import Obj
from sampan.api.meta import is_dns1123_subdomain
from sampan.resources.strategies.checks import IMMUTABLE, Errors, Shown, invalid, marshalled, not_negative, required
from sampan.resources.strategies.rules import metadata_again
from sampan.resources.validation.metadata import check_own_meta


def check_revision(obj: Obj) -> Errors:
    """A new revision holds an object."""
    errors, data = not_negative("revision", obj.get("revision")), obj.get("data")
    if data is None:
        return [*errors, required("data", "data is mandatory")]
    return errors if isinstance(data, dict) else [*errors, required("data", "data must be a valid JSON object")]


def check_revision_update(new: Obj, old: Obj) -> Errors:
    """A changed revision holds the same."""
    errors = metadata_again(new, old) + check_own_meta(new["metadata"], True, is_dns1123_subdomain)
    errors += not_negative("revision", new.get("revision"))
    if new.get("data") != old.get("data"):
        errors.append(invalid("data", Shown(marshalled(new.get("data"))), IMMUTABLE))
    return errors
