"""Error answers of an API server as StatusErrors."""

from sampan.api.errors import StatusError
from sampan.api.json import JSONDecodeError, loads


def error_of(status: int, body: bytes) -> StatusError:
    """The StatusError of an answer; bodies that are no Status become its message."""
    try:
        parsed = loads(body)
    except JSONDecodeError:
        parsed = None
    if isinstance(parsed, dict) and parsed.get("kind") == "Status":
        return StatusError(
            parsed.get("code") or status, parsed.get("reason") or "", parsed.get("message") or "", parsed.get("details")
        )
    return StatusError(status, "", body[:500].decode(errors="replace") or f"HTTP status {status}")
