"""Request options from query parameters (ListOptions, CreateOptions, ...), validated as apimachinery does."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from sampan.api.errors import FieldError, StatusError, bad_request
from sampan.api.errors import invalid as invalid_object
from sampan.api.json import Obj
from sampan.api.quote import go_quoted
from sampan.apiserver.query import Query
from sampan.resources.strategies.checks import forbidden, invalid

META = "meta.k8s.io"
EXACT, NOT_OLDER = "Exact", "NotOlderThan"
VALIDATIONS = ("", "Ignore", "Strict", "Warn")


def _unsupported(field: str, value: str, *choices: str) -> FieldError:
    listing = ", ".join(f'"{choice}"' for choice in choices)
    return FieldError("FieldValueNotSupported", field, f'Unsupported value: "{value}": supported values: {listing}')


class ListOptions(NamedTuple):
    """What LIST and WATCH take."""

    label_selector: str = ""
    field_selector: str = ""
    limit: int = 0
    continue_: str = ""
    version: str = ""
    match: str = ""
    bookmarks: bool = False
    initial_events: bool | None = None
    timeout: int | None = None


PLAIN_LIST = ListOptions()


def list_options(query: Query, watching: bool) -> ListOptions:
    """ListOptions of a LIST or WATCH as they are written. Raises 400."""
    if not query.values:
        options = PLAIN_LIST
    else:
        options = ListOptions(
            query.get("labelSelector"),
            query.get("fieldSelector"),
            max(query.integer("limit") or 0, 0),
            query.get("continue"),
            query.get("resourceVersion"),
            query.get("resourceVersionMatch"),
            query.flag("allowWatchBookmarks"),
            query.flag("sendInitialEvents") if "sendInitialEvents" in query else None,
            query.integer("timeoutSeconds"),
        )
    if watching and options.initial_events is None and not options.match and not options.version.strip("0"):
        options = options._replace(initial_events=True, match=NOT_OLDER)
    return options


def check_list_options(options: ListOptions, watching: bool) -> None:
    """Raise the 422 of options that do not go together."""
    errors = _watch_errors(options) if watching else _list_errors(options)
    if errors:
        raise invalid_object(META, "ListOptions", "", errors)


def _list_errors(options: ListOptions) -> list[FieldError]:
    field, errors = "resourceVersionMatch", []
    if options.match:
        if not options.version:
            errors.append(forbidden(field, "resourceVersionMatch is forbidden unless resourceVersion is provided"))
        if options.continue_:
            errors.append(forbidden(field, "resourceVersionMatch is forbidden when continue is provided"))
        if options.match not in (EXACT, NOT_OLDER):
            errors.append(_unsupported(field, options.match, EXACT, NOT_OLDER, ""))
        if options.match == EXACT and options.version == "0":
            errors.append(forbidden(field, 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"'))
    if options.initial_events is not None:
        errors.append(forbidden("sendInitialEvents", "sendInitialEvents is forbidden for list"))
    return errors


def _watch_errors(options: ListOptions) -> list[FieldError]:
    field, errors = "resourceVersionMatch", []
    if options.initial_events is not None and options.match != NOT_OLDER:
        errors.append(forbidden(field, "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"))
    if options.match:
        if options.initial_events is None:
            text = "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided"
            errors.append(forbidden(field, text))
        if options.match != NOT_OLDER:
            errors.append(_unsupported(field, options.match, NOT_OLDER))
        if options.continue_:
            errors.append(forbidden(field, "resourceVersionMatch is forbidden when continue is provided"))
    return errors


def parse_version(text: str) -> int:
    """A resourceVersion as a number; raises ValueError with upstream's text."""
    if text.isascii() and text.isdigit() and int(text) < 2**64:
        return int(text)
    raise ValueError(f'resourceVersion: Invalid value: "{text}": strconv.ParseUint: parsing "{text}": invalid syntax')


class WriteOptions(NamedTuple):
    """What create, update and patch take."""

    dry_run: bool = False
    manager: str = ""
    validation: str = "Warn"
    force: bool | None = None

    def as_object(self, kind: str) -> Obj:
        """For admission."""
        made: dict[str, Any] = {"kind": kind, "apiVersion": "meta.k8s.io/v1"}
        if self.dry_run:
            made["dryRun"] = ["All"]
        if self.manager:
            made["fieldManager"] = self.manager
        if self.validation:
            made["fieldValidation"] = self.validation
        if self.force is not None:
            made["force"] = self.force
        return made


PLAIN_WRITE = WriteOptions()


def write_options(query: Query, kind: str, patch_type: str = "") -> WriteOptions:
    """CreateOptions, UpdateOptions or PatchOptions; raises 422."""
    if not query.values:
        options = PLAIN_WRITE
    else:
        options = WriteOptions(
            bool(query.all("dryRun")),
            query.get("fieldManager"),
            query.get("fieldValidation") or "Warn",
            query.flag("force") if "force" in query else None,
        )
    errors: list[FieldError] = []
    if patch_type:
        if patch_type == "application/apply-patch+yaml":
            if not options.manager:
                errors.append(
                    FieldError("FieldValueRequired", "fieldManager", "Required value: is required for apply patch")
                )
        elif options.force is not None:
            errors.append(forbidden("force", "may not be specified for non-apply patch"))
    errors += _manager_errors(options.manager)
    errors += dry_run_errors(query.all("dryRun"))
    if options.validation not in VALIDATIONS:
        errors.append(_unsupported("fieldValidation", options.validation, *VALIDATIONS))
    if errors:
        raise invalid_object(META, kind, "", errors)
    return options


def _manager_errors(manager: str) -> list[FieldError]:
    errors: list[FieldError] = []
    if len(manager.encode()) > 128:
        errors.append(FieldError("FieldValueTooLong", "fieldManager", "Too long: may not be more than 128 bytes"))
    for index, char in enumerate(manager):
        if not char.isprintable():
            text = f"invalid character U+{ord(char):04X} (at position {index})"
            errors.append(
                FieldError("FieldValueInvalid", "fieldManager", f"Invalid value: {go_quoted(manager)}: {text}")
            )
    return errors


def dry_run_errors(values: list[str]) -> list[FieldError]:
    """ValidateDryRun: only All."""
    bad = [value for value in values if value != "All"]
    if not bad:
        return []
    shown = "[" + ",".join(f'"{value}"' for value in values) + "]"
    return [FieldError("FieldValueNotSupported", "dryRun", f'Unsupported value: {shown}: supported values: "All"')]


class DeleteOptions(NamedTuple):
    """What DELETE takes."""

    grace: int | None = None
    dry_run: bool = False
    uid: str | None = None
    version: str | None = None
    policy: str | None = None
    orphan: bool | None = None

    def as_object(self) -> Obj:
        """For admission."""
        made: dict[str, Any] = {"kind": "DeleteOptions", "apiVersion": "meta.k8s.io/v1"}
        if self.grace is not None:
            made["gracePeriodSeconds"] = self.grace
        if self.dry_run:
            made["dryRun"] = ["All"]
        if self.policy is not None:
            made["propagationPolicy"] = self.policy
        if self.orphan is not None:
            made["orphanDependents"] = self.orphan
        return made


POLICIES = ("Foreground", "Background", "Orphan")


def _typed(body: Mapping[str, Any], path: str, kind: type, name: str, struct: str = "DeleteOptions") -> Any:
    """A field of a decoded body by the last part of its path, None if it is not there. Raises 400."""
    value = body.get(path.rpartition(".")[2])
    if value is None or type(value) is kind:
        return value
    found = {str: "string", bool: "bool", int: "number", float: "number", dict: "object", list: "array"}[type(value)]
    if kind is int and type(value) is float:
        found = f"number {value!r}"
    raise bad_request(f"json: cannot unmarshal {found} into Go struct field {struct}.{path} of type {name}")


def _read_options(body: Mapping[str, Any]) -> tuple[DeleteOptions, list[str]]:
    """DeleteOptions of a body, and its dryRun; raises 400."""
    _typed(body, "ignoreStoreReadErrorWithClusterBreakingPotential", bool, "bool")
    conditions = _typed(body, "preconditions", dict, "v1.Preconditions") or {}
    dry_run = _typed(body, "dryRun", list, "[]string") or []
    for value in dry_run:
        _typed({"dryRun": value}, "dryRun", str, "string")
    options = DeleteOptions(
        _typed(body, "gracePeriodSeconds", int, "int64"), bool(dry_run),
        _typed(conditions, "preconditions.uid", str, "types.UID", "Preconditions"),
        _typed(conditions, "preconditions.resourceVersion", str, "string", "Preconditions"),
        _typed(body, "propagationPolicy", str, "v1.DeletionPropagation"),
        _typed(body, "orphanDependents", bool, "bool"),
    )  # fmt: skip
    return options, dry_run


def delete_options(body: Mapping[str, Any] | None, query: Query) -> DeleteOptions:
    """DeleteOptions of a body, or of the query if there is none; raises 400 and 422."""
    if body is not None:
        options, dry_run = _read_options(body)
    elif not query.values:
        return DeleteOptions()
    else:
        dry_run = query.all("dryRun")
        options = DeleteOptions(
            query.integer("gracePeriodSeconds"), bool(dry_run),
            query.get("uid") or None, query.get("resourceVersion") or None,
            query.get("propagationPolicy") if "propagationPolicy" in query else None,
            query.flag("orphanDependents") if "orphanDependents" in query else None,
        )  # fmt: skip
    errors: list[FieldError] = []
    field = "propagationPolicy"
    if options.policy is not None and options.orphan is not None:
        errors.append(invalid(field, options.policy, "orphanDependents and deletionPropagation cannot be both set"))
    if options.policy is not None and options.policy not in POLICIES:
        errors.append(_unsupported(field, options.policy, *POLICIES, "nil"))
    errors += dry_run_errors(dry_run)
    if errors:
        raise invalid_object(META, "DeleteOptions", "", errors)
    return options


def bad_version(error: ValueError) -> StatusError:
    """How LIST answers a resourceVersion that is none."""
    return bad_request(f"invalid resource version: {error}")
