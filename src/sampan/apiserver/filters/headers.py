"""The headers that every answer has: an audit id, no caching, warnings."""

import random
from collections.abc import Callable

from sampan.net.http import Handler, Request, Response

NO_CACHE = ("Cache-Control", "no-cache, private")


def warning(text: str) -> tuple[str, str]:
    """A Warning header (RFC 7234) as clients of Kubernetes expect it."""
    clean = "".join(char if char.isprintable() else " " for char in text)
    quoted = clean.replace("\\", "\\\\").replace('"', '\\"')
    return ("Warning", f'299 - "{quoted}"')


class StandardHeaders:
    """Adds Audit-Id, and Cache-Control where the answer does not say it itself."""

    def __init__(self, app: Handler, rng: random.Random) -> None:
        self._app = app
        self._bits: Callable[[int], int] = rng.getrandbits

    async def __call__(self, request: Request) -> Response:
        response = await self._app(request)
        audit = request.headers.get("audit-id")
        if audit is None:
            text = f"{self._bits(128):032x}"
            audit = f"{text[:8]}-{text[8:12]}-4{text[13:16]}-a{text[17:20]}-{text[20:]}"
        response.headers.append(("Audit-Id", audit))
        if not any(name == "Cache-Control" for name, _ in response.headers):
            response.headers.append(NO_CACHE)
        return response
