"""Bearer tokens: the static ones, then those of service accounts, then bootstrap tokens."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sampan.apiserver.authn.bootstrap_tokens import BootstrapTokens
from sampan.apiserver.authn.jwt import BadToken
from sampan.apiserver.authn.service_accounts import ISSUER, ServiceAccountTokens
from sampan.apiserver.context import UserInfo


class BearerTokens:
    """Everything that may stand behind `Authorization: Bearer`."""

    def __init__(
        self, static: Mapping[str, UserInfo], accounts: ServiceAccountTokens | None,
        bootstrap: BootstrapTokens | None = None,
    ) -> None:  # fmt: skip
        self.static, self.accounts, self._bootstrap = static, accounts, bootstrap

    async def check(self, token: str, audiences: Sequence[str], now: datetime) -> tuple[UserInfo, list[str]]:
        """The user of a token, and which of the audiences (none: the server's own) it is for. Raises BadToken."""
        known = self.static.get(token)
        if known is not None:
            return known, self._own(audiences)
        if self._bootstrap is not None and token.count(".") == 1:
            user = await self._bootstrap.check(token, now)
            return user, self._own(audiences)
        if self.accounts is None:
            raise BadToken("not a static token")
        return await self.accounts.check(token, audiences, now)

    def _own(self, audiences: Sequence[str]) -> list[str]:
        """Tokens that name no audience are for the server itself. Raises BadToken if another one is asked for."""
        own = self.accounts.issuer if self.accounts is not None else ISSUER
        if audiences and own not in audiences:
            raise BadToken("for another audience")
        return [own]
