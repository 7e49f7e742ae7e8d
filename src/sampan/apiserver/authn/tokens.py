"""Bearer tokens: the static ones, those of service accounts, bootstrap tokens, then those that others vouch for."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from sampan.apiserver.authn.bootstrap_tokens import BootstrapTokens
from sampan.apiserver.authn.jwt import BadToken, InvalidToken
from sampan.apiserver.authn.notes import Notes
from sampan.apiserver.authn.service_accounts import ISSUER, ServiceAccountTokens
from sampan.apiserver.context import UserInfo


class TokenAuthenticator(Protocol):
    """One way to know whose a token is."""

    async def check(self, token: str, audiences: Sequence[str], now: datetime) -> tuple[UserInfo, list[str]]:
        """The user of a token, and which of the audiences (none: the server's own) it is for.

        Raises InvalidToken for a token that it knows and refuses, BadToken for one that it does not know.
        """


class BearerTokens:
    """Everything that may stand behind `Authorization: Bearer`; `others` are asked in their order, last of all."""

    def __init__(
        self, static: Mapping[str, UserInfo], accounts: ServiceAccountTokens | None,
        bootstrap: BootstrapTokens | None = None, others: Sequence[TokenAuthenticator] = (),
    ) -> None:  # fmt: skip
        self.static, self.accounts, self._bootstrap = static, accounts, bootstrap
        self._rest: tuple[TokenAuthenticator, ...] = (*([accounts] if accounts is not None else ()), *others)

    async def check(
        self, token: str, audiences: Sequence[str], now: datetime, notes: Notes | None = None
    ) -> tuple[UserInfo, list[str]]:
        """As TokenAuthenticator; what is wrong with a token is all that anybody found. `notes` takes what is to be
        said of a good one."""
        own = self.accounts.audiences if self.accounts is not None else (ISSUER,)
        wrong: list[str] = []
        served = [one for one in audiences or own if one in own]
        if served:  # these name no audience: they are for the server itself
            known = self.static.get(token)
            if known is not None:
                return known, served
            if self._bootstrap is not None and token.count(".") == 1:
                try:
                    return await self._bootstrap.check(token, now), served
                except InvalidToken as error:
                    wrong.append(str(error))
                except BadToken:
                    pass
        for one in self._rest:
            try:
                if one is self.accounts and notes is not None:
                    return await self.accounts.check(token, audiences, now, notes)
                return await one.check(token, audiences, now)
            except InvalidToken as error:
                wrong.append(str(error))
            except BadToken:
                continue
        if wrong:
            raise InvalidToken(", ".join(dict.fromkeys(wrong)))
        raise BadToken("nobody knows it")
