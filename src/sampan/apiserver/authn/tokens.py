"""Bearer tokens: the static ones, then those of service accounts."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sampan.apiserver.authn.jwt import BadToken
from sampan.apiserver.authn.service_accounts import ISSUER, ServiceAccountTokens
from sampan.apiserver.context import UserInfo


class BearerTokens:
    """Everything that may stand behind `Authorization: Bearer`."""

    def __init__(self, static: Mapping[str, UserInfo], accounts: ServiceAccountTokens | None) -> None:
        self.static, self.accounts = static, accounts

    async def check(self, token: str, audiences: Sequence[str], now: datetime) -> tuple[UserInfo, list[str]]:
        """The user of a token, and which of the audiences (none: the server's own) it is for. Raises BadToken."""
        known = self.static.get(token)
        own = self.accounts.issuer if self.accounts is not None else ISSUER
        if known is not None:
            if audiences and own not in audiences:
                raise BadToken("for another audience")
            return known, [own]
        if self.accounts is None:
            raise BadToken("not a static token")
        return await self.accounts.check(token, audiences, now)
