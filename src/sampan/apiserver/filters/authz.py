"""May they? Asks the authorizer about every request; 403 in upstream's words if not."""

from sampan.api.errors import StatusError, qualified
from sampan.apiserver.authorizer import Authorizer, attributes_of
from sampan.apiserver.context import RequestInfo, UserInfo
from sampan.apiserver.rbac import MASTERS, Attributes
from sampan.net.http import Handler, Request, Response


class Authz:
    """The authorization filter."""

    def __init__(self, app: Handler, authorizer: Authorizer) -> None:
        self._app, self._authorizer = app, authorizer

    async def __call__(self, request: Request) -> Response:
        user: UserInfo = request.context["user"]
        if MASTERS not in user.groups:
            info: RequestInfo = request.context["info"]
            wanted = attributes_of(info)
            if not await self._authorizer.allows(user, wanted):
                raise refusal(user, wanted, await self._authorizer.why_not(user, wanted))
        return await self._app(request)


def refusal(user: UserInfo, wanted: Attributes, why: str) -> StatusError:
    """The 403 of an authorizer's no."""
    tail = f": {why}" if why else ""
    if wanted.path:
        message = f'forbidden: User "{user.name}" cannot {wanted.verb} path "{wanted.path}"{tail}'
        return StatusError(403, "Forbidden", message, {})
    what = qualified(wanted.group, wanted.resource)
    if wanted.name:
        what += f' "{wanted.name}"'
    where = f'in the namespace "{wanted.namespace}"' if wanted.namespace else "at the cluster scope"
    message = (
        f'{what} is forbidden: User "{user.name}" cannot {wanted.verb} resource "{wanted.full_resource}" '
        f'in API group "{wanted.group}" {where}{tail}'
    )
    details = {"name": wanted.name} if wanted.name else {}
    if wanted.group:
        details["group"] = wanted.group
    return StatusError(403, "Forbidden", message, {**details, "kind": wanted.resource})
