"""What an authorizer says of a question. Pure."""

from collections.abc import Awaitable, Callable
from typing import NamedTuple

from sampan.apiserver.context import UserInfo
from sampan.apiserver.rbac import Attributes


class Decision(NamedTuple):
    """Whether it is allowed, and why or why not, as upstream puts it (may be empty)."""

    allowed: bool
    reason: str = ""
    denied: bool = False
    """Nobody else is to be asked."""
    error: str = ""
    """What went wrong on the way."""


YES, NO_OPINION = Decision(True), Decision(False)


class Link(NamedTuple):
    """One authorizer of a chain; `type` is that of an AuthorizationConfiguration."""

    type: str
    name: str
    decide: Callable[[UserInfo, Attributes], Awaitable[Decision]]


async def always_allow(user: UserInfo, wanted: Attributes) -> Decision:
    """AlwaysAllow."""
    return YES


async def always_deny(user: UserInfo, wanted: Attributes) -> Decision:
    """AlwaysDeny."""
    return Decision(False, "Everything is forbidden.")
