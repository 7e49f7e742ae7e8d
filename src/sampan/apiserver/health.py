"""/healthz, /livez and /readyz: named checks, as text."""

from collections.abc import Callable, Mapping, Sequence

from sampan.apiserver.query import parse_query
from sampan.net.http import Request, Response

Check = Callable[[], str]
"""An empty text when all is well, else what is wrong."""
PATHS = ("/healthz", "/livez", "/readyz")
TEXT = ("Content-Type", "text/plain; charset=utf-8")
NO_SNIFF = ("X-Content-Type-Options", "nosniff")


def fine() -> str:
    """The check that always passes: whoever answers is alive."""
    return ""


class Health:
    """Answers the health paths. `checks`: name to check; those in `ready_only` count for /readyz alone."""

    def __init__(self, checks: Mapping[str, Check], ready_only: Sequence[str] = ()) -> None:
        self.checks, self.ready_only = dict(checks), set(ready_only)

    def answer(self, request: Request) -> Response | None:
        """The answer of a health path, or None for another path."""
        root = next((path for path in PATHS if request.path == path or request.path.startswith(path + "/")), None)
        if root is None:
            return None
        checks = {n: c for n, c in self.checks.items() if root == "/readyz" or n not in self.ready_only}
        name = request.path[len(root) + 1 :]
        query = parse_query(request.query)
        if name:
            check = checks.get(name)
            if check is None:
                return Response(404, [TEXT, NO_SNIFF], b"404 page not found\n")
            why = check()
            return Response(
                500 if why else 200, [TEXT, NO_SNIFF], f"internal server error: {why}\n".encode() if why else b"ok"
            )
        return self._all(root.strip("/"), checks, query.all("exclude"), "verbose" in query)

    def _all(self, root: str, checks: Mapping[str, Check], excluded: Sequence[str], verbose: bool) -> Response:
        lines, failed = [], False
        for name, check in checks.items():
            if name in excluded:
                lines.append(f"[+]{name} excluded: ok")
                continue
            why = check()
            failed = failed or bool(why)
            lines.append(f"[-]{name} failed: reason withheld" if why else f"[+]{name} ok")
        unknown = [name for name in excluded if name not in checks]
        if unknown:
            shown = ", ".join(f'"{name}"' for name in unknown)
            lines.append(f"warn: some health checks cannot be excluded: no matches for {shown}")
        if failed:
            text = "\n".join([*lines, f"{root} check failed"]) + "\n"
            return Response(500, [TEXT, NO_SNIFF], text.encode())
        body = "\n".join([*lines, f"{root} check passed"]) + "\n" if verbose else "ok"
        return Response(200, [TEXT, NO_SNIFF], body.encode())
