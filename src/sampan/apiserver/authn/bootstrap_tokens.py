"""Bootstrap tokens as credentials: `abcdef.0123456789abcdef` of a Secret in kube-system (upstream: token/bootstrap)."""

import hmac
import logging
from datetime import datetime

from sampan.apiserver.authn.certificates import AUTHENTICATED
from sampan.apiserver.authn.jwt import BadToken
from sampan.apiserver.authn.objects import Objects
from sampan.apiserver.context import UserInfo
from sampan.resources import bootstrap_tokens as tokens

log = logging.getLogger(__name__)


class BootstrapTokens:
    """Checks tokens against the Secrets that keep them."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects

    async def check(self, token: str, now: datetime) -> UserInfo:
        """The user of a token. Raises BadToken."""
        parts = tokens.split_token(token)
        if parts is None:
            raise BadToken("not a bootstrap token")
        id_, key = parts
        name = tokens.PREFIX + id_
        secret = await self._objects.get("secrets", tokens.NAMESPACE, name)
        if secret is None:
            raise BadToken("no such bootstrap token")
        wrong = ""
        if secret["metadata"].get("deletionTimestamp"):
            wrong = "is being deleted"
        elif not tokens.is_token(secret):
            wrong = f"is not of type {tokens.TYPE}"
        elif not hmac.compare_digest(tokens.data_of(secret, tokens.SECRET).encode(), key.encode()):
            wrong = f"has another {tokens.SECRET}"
        elif tokens.data_of(secret, tokens.ID) != id_:
            wrong = f"has another {tokens.ID}"
        elif tokens.has_expired(secret, now):
            wrong = "has expired"
        elif not tokens.serves(secret, "authentication"):
            wrong = "is not for authentication"
        groups: tuple[str, ...] = ()
        if not wrong:
            try:
                groups = tokens.groups_of(secret)
            except ValueError as error:
                wrong = f"cannot be used: {error}"
        if wrong:
            log.debug("bootstrap token %s/%s %s", tokens.NAMESPACE, name, wrong)
            raise BadToken(wrong)
        return UserInfo(tokens.USER_PREFIX + id_, "", (*groups, AUTHENTICATED))
