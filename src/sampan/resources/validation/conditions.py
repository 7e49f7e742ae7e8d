"""What is wrong with conditions of the common type (apimachinery: apis/meta/v1/validation, ValidateConditions)."""

import re
from collections.abc import Sequence

from sampan.api.json import Obj
from sampan.api.meta import regex_error
from sampan.resources.strategies.checks import Errors, duplicate, invalid, not_supported, required, too_long
from sampan.resources.validation.labels import check_label_name

STATUSES = ("False", "True", "Unknown")
REASON = "[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?"
REASON_RE = re.compile(REASON)
REASON_TEXT = "a condition reason must start with alphabetic character, optionally followed by a string of alphanumeric characters or '_,:', and must end with an alphanumeric character or '_'"  # noqa: E501
EXAMPLES = ("my_name", "MY_NAME", "MyName", "ReasonA,ReasonB", "ReasonA:ReasonB")
MOST_REASON, MOST_MESSAGE = 1024, 32 * 1024


def check_conditions(conditions: Sequence[Obj], at: str) -> Errors:
    """Each condition, and each type once."""
    errors: Errors = []
    seen: set[str] = set()
    for index, condition in enumerate(conditions):
        here, kind = f"{at}[{index}]", condition.get("type") or ""
        if kind in seen:
            errors.append(duplicate(f"{here}.type", kind))
        seen.add(kind)
        errors += check_condition(condition, here)
    return errors


def check_condition(condition: Obj, at: str) -> Errors:
    """One condition."""
    errors = check_label_name(condition.get("type") or "", f"{at}.type")
    status, generation = condition.get("status") or "", condition.get("observedGeneration") or 0
    reason, message = condition.get("reason") or "", condition.get("message") or ""
    if status not in STATUSES:
        errors.append(not_supported(f"{at}.status", status, STATUSES))
    if generation < 0:
        errors.append(invalid(f"{at}.observedGeneration", generation, "must be greater than or equal to zero"))
    if not condition.get("lastTransitionTime"):
        errors.append(required(f"{at}.lastTransitionTime"))
    if not reason:
        errors.append(required(f"{at}.reason"))
    elif not REASON_RE.fullmatch(reason):
        errors.append(invalid(f"{at}.reason", reason, regex_error(REASON_TEXT, REASON, *EXAMPLES)))
    if len(reason.encode()) > MOST_REASON:
        errors.append(too_long(f"{at}.reason", MOST_REASON))
    if len(message.encode()) > MOST_MESSAGE:
        errors.append(too_long(f"{at}.message", MOST_MESSAGE))
    return errors
