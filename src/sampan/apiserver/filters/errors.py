"""Status errors and unexpected exceptions as responses."""

import logging

from sampan.api.errors import StatusError, bad_request, internal
from sampan.api.json import TooDeep
from sampan.apiserver.answer import status_response
from sampan.net.http import Handler, Request, Response

log = logging.getLogger(__name__)


class Errors:
    """Nothing raises beyond this filter."""

    def __init__(self, app: Handler) -> None:
        self._app = app

    async def __call__(self, request: Request) -> Response:
        try:
            return await self._app(request)
        except StatusError as error:
            return status_response(request, error)
        except (RecursionError, TooDeep):
            return status_response(request, bad_request("the body of the request exceeded max depth"))
        except Exception as error:
            log.exception("%s %s failed", request.method, request.path)
            request.context["panic"] = f"{type(error).__name__}: {error}"
            return status_response(request, internal(f"{type(error).__name__}"))
