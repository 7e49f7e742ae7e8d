"""PUT /debug/flags/v: another log verbosity while the program runs, in every component that serves HTTP."""

from sampan.net.http import Request, Response
from sampan.obs.log import set_verbosity

PATH = "/debug/flags/v"


def put_verbosity(request: Request) -> Response:
    """The body is the number; status codes and texts are upstream's. Who may ask is the caller's to decide."""
    if request.method != "PUT":
        return _plain(406, "unsupported http method")
    try:
        return _plain(200, set_verbosity(request.body.decode("utf-8", "replace")))
    except ValueError as error:
        return _plain(400, str(error))


def _plain(status: int, text: str) -> Response:
    return Response(status, [("Content-Type", "text/plain"), ("X-Content-Type-Options", "nosniff")], text.encode())
