"""Kubernetes' Status errors as exceptions: the only errors that leave the API server.

Reasons, codes and messages are those of apimachinery's `api/errors`; clients match on them.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

from sampan.api.quote import go_quoted, without_surrogates

FieldErrorType = Literal[
    "FieldValueNotFound", "FieldValueRequired", "FieldValueDuplicate", "FieldValueInvalid", "FieldValueNotSupported",
    "FieldValueForbidden", "FieldValueTooLong", "FieldValueTooMany", "InternalError", "FieldValueTypeInvalid",
]  # fmt: skip


class FieldError(NamedTuple):
    """One cause of a 422: which field, what is wrong with it.

    `message` is the whole cause message (`Required value: name or generateName is required`), as upstream prints it.
    """

    reason: FieldErrorType
    field: str
    message: str


class StatusError(Exception):
    """An API error that becomes a `Status` object on the wire."""

    def __init__(
        self,
        code: int,
        reason: str,
        message: str,
        details: Mapping[str, Any] | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        continue_token: str = "",
    ) -> None:
        super().__init__(message)
        self.code, self.reason, self.message = code, reason, message
        self.details = details
        self.headers = headers or {}
        self.continue_token = continue_token

    def to_status(self) -> dict[str, Any]:
        """The Status object of this error."""
        meta = {"continue": self.continue_token} if self.continue_token else {}
        status: dict[str, Any] = {"kind": "Status", "apiVersion": "v1", "metadata": meta, "status": "Failure"}
        if self.message:
            status["message"] = without_surrogates(self.message)
        if self.reason:
            status["reason"] = self.reason
        if self.details is not None:
            status["details"] = {
                key: without_surrogates(value) if isinstance(value, str) else value
                for key, value in self.details.items()
            }
        status["code"] = self.code
        return status


def qualified(group: str, resource: str) -> str:
    """`deployments.apps`, or `pods` for the core group."""
    return f"{resource}.{group}" if group else resource


def _details(group: str, resource: str, name: str) -> dict[str, Any]:
    details = {"name": name} if name else {}
    if group:
        details["group"] = group
    if resource:
        details["kind"] = resource
    return details


def not_found(group: str, resource: str, name: str) -> StatusError:
    """404: no such object."""
    return StatusError(
        404, "NotFound", f"{qualified(group, resource)} {go_quoted(name)} not found", _details(group, resource, name)
    )


def not_found_path() -> StatusError:
    """404: no such resource path."""
    return StatusError(404, "NotFound", "the server could not find the requested resource", {})


def already_exists(group: str, resource: str, name: str) -> StatusError:
    """409 on create."""
    return StatusError(
        409,
        "AlreadyExists",
        f"{qualified(group, resource)} {go_quoted(name)} already exists",
        _details(group, resource, name),
    )


MODIFIED = "the object has been modified; please apply your changes to the latest version and try again"


def conflict(group: str, resource: str, name: str, why: str = MODIFIED) -> StatusError:
    """409 on update, patch or delete."""
    message = f"Operation cannot be fulfilled on {qualified(group, resource)} {go_quoted(name)}: {why}"
    return StatusError(409, "Conflict", message, _details(group, resource, name))


def invalid(group: str, kind: str, name: str, errors: Sequence[FieldError]) -> StatusError:
    """422 with one cause per field error; the message lists them as upstream's aggregate does."""
    texts = list(dict.fromkeys(f"{e.field}: {e.message}" if e.field else e.message for e in errors))
    text = texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"
    details = _details(group, kind, name)
    details["causes"] = [{"reason": e.reason, "message": e.message, "field": e.field} for e in errors]
    return StatusError(422, "Invalid", f"{qualified(group, kind)} {go_quoted(name)} is invalid: {text}", details)


def bad_request(message: str) -> StatusError:
    """400."""
    return StatusError(400, "BadRequest", message)


def unauthorized() -> StatusError:
    """401."""
    return StatusError(401, "Unauthorized", "Unauthorized")


def forbidden(group: str, resource: str, name: str, why: str) -> StatusError:
    """403 for an object or a collection."""
    what = f"{qualified(group, resource)} {go_quoted(name)}" if name else qualified(group, resource)
    return StatusError(403, "Forbidden", f"{what} is forbidden: {why}", _details(group, resource, name))


def forbidden_path(message: str) -> StatusError:
    """403 for a path that is no resource."""
    return StatusError(403, "Forbidden", message, {})


def method_not_allowed(group: str, resource: str, action: str) -> StatusError:
    """405."""
    message = f'{action} is not supported on resources of kind "{qualified(group, resource)}"'
    return StatusError(405, "MethodNotAllowed", message, _details(group, resource, ""))


def expired(message: str, continue_token: str = "") -> StatusError:
    """410: the resource version or continue token is too old."""
    return StatusError(410, "Expired", message, continue_token=continue_token)


def unsupported_media_type(message: str) -> StatusError:
    """415."""
    return StatusError(415, "UnsupportedMediaType", message)


def not_acceptable(message: str) -> StatusError:
    """406."""
    return StatusError(406, "NotAcceptable", message)


def too_many_requests(message: str, retry_after: int) -> StatusError:
    """429; `retry_after` in seconds."""
    details = {"retryAfterSeconds": retry_after}
    return StatusError(429, "TooManyRequests", message, details, headers={"Retry-After": str(retry_after)})


def internal(message: str) -> StatusError:
    """500."""
    details = {"causes": [{"message": message}]}
    return StatusError(500, "InternalError", f"Internal error occurred: {message}", details)


def unavailable(message: str) -> StatusError:
    """503."""
    return StatusError(503, "ServiceUnavailable", message)


def timeout(message: str, retry_after: int = 0) -> StatusError:
    """504."""
    return StatusError(504, "Timeout", f"Timeout: {message}", {"retryAfterSeconds": retry_after} if retry_after else {})


def generate_name_conflict(group: str, resource: str, name: str) -> StatusError:
    """409: a generated name was taken several times in a row."""
    return already_exists(group, resource, name)
