"""Review tokens, and tell users (TokenReview)."""

from sampan.api.errors import bad_request
from sampan.api.json import Obj
from sampan.apiserver.answer import answer_review
from sampan.apiserver.authn.jwt import BadToken, InvalidToken
from sampan.apiserver.authn.tokens import BearerTokens
from sampan.apiserver.call import Call
from sampan.apiserver.connectors.body import read
from sampan.apiserver.context import UserInfo
from sampan.net.http import Response


class TokenReviews:
    """The handler of TokenReview."""

    def __init__(self, bearer: BearerTokens) -> None:
        self._bearer = bearer

    async def review(self, call: Call) -> Response:
        """POST tokenreviews."""
        body = read(call, call.resource.gvk)
        spec = body.get("spec") or {}
        token = spec.get("token") or ""
        if not token:
            raise bad_request("token is required for TokenReview in authentication")
        status: Obj
        try:
            now = call.kit.clock.now()
            user, audiences = await self._bearer.check(token, spec.get("audiences") or (), now)
            status = {"authenticated": True, "user": user_object(user), "audiences": audiences}
        except InvalidToken as error:
            status = {"user": {}, "error": f"[invalid bearer token, {error}]"}
        except BadToken:
            status = {"user": {}, "error": "invalid bearer token"}
        return answer_review(call, {**body, "status": status})


def user_object(user: UserInfo) -> Obj:
    """A UserInfo as the API writes it."""
    made: Obj = {"username": user.name} if user.name else {}
    if user.uid:
        made["uid"] = user.uid
    if user.groups:
        made["groups"] = list(user.groups)
    if user.extra:
        made["extra"] = {key: list(values) for key, values in user.extra.items()}
    return made
