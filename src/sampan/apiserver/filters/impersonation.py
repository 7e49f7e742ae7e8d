"""Speaking for others: Impersonate headers, constrained and legacy (KEP-5284; upstream: filters/impersonation)."""

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from urllib.parse import unquote

from sampan.api.errors import StatusError, bad_request
from sampan.api.meta import is_dns1123_label, is_dns1123_subdomain
from sampan.api.quote import go_quoted
from sampan.apiserver.authn.certificates import AUTHENTICATED
from sampan.apiserver.authn.legacy_tokens import PREFIX
from sampan.apiserver.authorizer import attributes_of
from sampan.apiserver.authz.decision import Decision
from sampan.apiserver.context import ANONYMOUS, RequestInfo, UserInfo
from sampan.apiserver.filters.authz import refusal
from sampan.apiserver.rbac import MASTERS, Attributes
from sampan.net.http import Request
from sampan.resources.validation.paths import check_domain_prefixed

Decide = Callable[[UserInfo, Attributes], Awaitable[Decision]]
EXTRA, UNAUTHENTICATED, GROUP = "impersonate-extra-", "system:unauthenticated", "authentication.k8s.io"
NODE, NODES, NODE_NAME = "system:node:", "system:nodes", "authentication.kubernetes.io/node-name"
NODE_KEYS = "authentication.kubernetes.io/associated-node-keys"
MANY = 4
"""From so many groups or extra values on, leave for all of them is asked for first."""
REMEMBERED = 10_000
BAD_ESCAPE = re.compile("%(?![0-9A-Fa-f]{2})")


@dataclass(frozen=True, slots=True)
class Mode:
    """A way to speak for somebody: its verb is `impersonate:NAME`, the legacy one's is `impersonate`."""

    name: str
    applies: Callable[[UserInfo, UserInfo], bool]
    """Whether this is the way for (who is wanted, who asks)."""

    @property
    def verb(self) -> str:
        """What somebody must be allowed to do to the user that they want to be."""
        return f"impersonate:{self.name}" if self.name else "impersonate"


class Impersonation:
    """Turns askers into whom they claim to be, if they may."""

    def __init__(self, may: Decide) -> None:
        self._may = may
        self._last: dict[str, Mode] = {}
        """The way that worked last, by the asker's name: it is tried first."""

    async def become(self, request: Request, asker: UserInfo) -> UserInfo:
        """Whom the headers name, or the asker if they name nobody. Raises 400 and 403."""
        wanted = claimed_user(request)
        if wanted is None:
            return asker
        info: RequestInfo = request.context["info"]
        last = self._last.get(asker.name)
        first: StatusError | None = None
        for mode in MODES if last is None else (last, *(mode for mode in MODES if mode is not last)):
            if not mode.applies(wanted, asker):
                continue
            try:
                await self._check(mode, wanted, asker, attributes_of(info))
            except StatusError as error:
                first = first or error
                continue
            if len(self._last) >= REMEMBERED:
                self._last.clear()
            self._last[asker.name] = mode
            return granted_user(wanted, mode)
        assert first is not None  # the legacy way is for everybody
        raise first

    def constraint(self, asker: UserInfo) -> str:
        """The verb of the way that worked last for this asker; empty for the legacy one."""
        mode = self._last.get(asker.name)
        return mode.verb if mode is not None and mode.name else ""

    async def _check(self, mode: Mode, wanted: UserInfo, asker: UserInfo, request: Attributes) -> None:
        if mode is ASSOCIATED_NODE:
            asker = replace(asker, extra={NODE_KEYS: tuple(sorted(asker.extra))})
        if mode.name:
            await self._need(asker, replace(request, verb=f"impersonate-on:{mode.name}:{request.verb}"))
        await self._need(asker, name_attributes(wanted.name, mode))
        if wanted.uid:
            await self._need(asker, Attributes(mode.verb, GROUP, "uids", name=wanted.uid))
        await self._check_groups(mode, wanted.groups, asker)
        if wanted.extra:
            await self._check_extra(mode, wanted, asker)

    async def _check_groups(self, mode: Mode, groups: Sequence[str], asker: UserInfo) -> None:
        asked = Attributes(mode.verb, GROUP if mode.name else "", "groups")
        if mode.name:
            if "" in groups:
                raise refusal(asker, asked, "impersonating the empty string group is not allowed")
            if MASTERS in groups:
                why = "impersonating the system:masters group is not allowed"
                raise refusal(asker, replace(asked, name=MASTERS), why)
            if len(groups) >= MANY and (await self._may(asker, replace(asked, name="*"))).allowed:
                return
        for group in groups:
            await self._need(asker, replace(asked, name=group))

    async def _check_extra(self, mode: Mode, wanted: UserInfo, asker: UserInfo) -> None:
        asked = Attributes(mode.verb, GROUP, "userextras")
        if mode.name:
            why = extra_trouble(wanted)
            if why:
                raise refusal(asker, asked, why)
            if sum(map(len, wanted.extra.values())) >= MANY:
                every = replace(asked, subresource="*", name="*")
                if (await self._may(asker, every)).allowed:
                    return
        for key, values in wanted.extra.items():
            for value in values:
                await self._need(asker, replace(asked, subresource=key, name=value))

    async def _need(self, asker: UserInfo, asked: Attributes) -> None:
        decision = await self._may(asker, asked)
        if not decision.allowed:
            raise refusal(asker, asked, decision.reason)


# ---- what the headers say


def claimed_user(request: Request) -> UserInfo | None:
    """Exactly what the Impersonate headers say, None if nothing; raises 400 if they claim things but name no user."""
    named, uids = _values(request, "impersonate-user"), _values(request, "impersonate-uid")
    extra: dict[str, tuple[str, ...]] = {}
    for header in request.headers:
        if header.startswith(EXTRA):
            key = _unescaped(header.removeprefix(EXTRA))
            extra[key] = (*extra.get(key, ()), *_values(request, header))
    groups = _values(request, "impersonate-group")
    claimed = UserInfo(named[0] if named else "", uids[0] if uids else "", groups, extra)
    if claimed.name:
        return claimed
    if claimed.uid or groups or extra:
        raise bad_request(f"requested {_printed(claimed)} without impersonating a user name")
    return None


def _values(request: Request, name: str) -> tuple[str, ...]:
    """Header values are bytes that are read as Latin-1; names of users are UTF-8."""
    return tuple(text.encode("latin-1").decode("utf-8", "replace") for text in request.values(name))


def _unescaped(key: str) -> str:
    return key if BAD_ESCAPE.search(key) else unquote(key)


def _printed(user: UserInfo) -> str:
    """As Go prints the record with %#v."""
    groups = f"{{{', '.join(map(go_quoted, user.groups))}}}" if user.groups else "(nil)"
    pairs = (f"{go_quoted(key)}:[]string{{{', '.join(map(go_quoted, user.extra[key]))}}}" for key in sorted(user.extra))
    extra = f"{{{', '.join(pairs)}}}" if user.extra else "(nil)"
    return (
        f'&user.DefaultInfo{{Name:"", UID:{go_quoted(user.uid)}, Groups:[]string{groups}, '
        f"Extra:map[string][]string{extra}}}"
    )


# ---- rules


def name_attributes(name: str, mode: Mode) -> Attributes:
    """What an asker must be allowed to do to bear that name."""
    asked = Attributes(mode.verb, GROUP if mode.name else "", "users", name=name)
    account, node = account_of(name), node_named(name)
    if account is not None:
        return replace(asked, resource="serviceaccounts", namespace=account[0], name=account[1])
    if node and mode.name:
        # Leave to be one's own node holds wherever one runs, so no node is named.
        return replace(asked, resource="nodes", name="*" if mode is ASSOCIATED_NODE else node)
    return asked


def granted_user(wanted: UserInfo, mode: Mode) -> UserInfo:
    """With the groups that such a user always has."""
    groups = wanted.groups
    account = account_of(wanted.name)
    if account is not None and not groups:
        groups = ("system:serviceaccounts", f"system:serviceaccounts:{account[0]}")
    elif mode.name and node_named(wanted.name):
        groups = (NODES,)
    usual = UNAUTHENTICATED if wanted.name == ANONYMOUS.name else AUTHENTICATED
    if usual not in groups and UNAUTHENTICATED not in groups:
        groups = (*groups, usual)
    return replace(wanted, groups=groups)


def extra_trouble(wanted: UserInfo) -> str:
    """Why these extra values are not for the constrained ways, or nothing."""
    for key, values in wanted.extra.items():
        if not key:
            return "impersonating the empty string key in extra is not allowed"
        errors = [f"{error.field}: {error.message}" for error in check_domain_prefixed(key, "extra.key")]
        if errors:
            text = errors[0] if len(errors) == 1 else f"[{', '.join(errors)}]"
            return f"impersonating an invalid key in extra is not allowed: {text}"
        if key != key.lower():
            return f"impersonating a non-lowercase key in extra is not allowed: {go_quoted(key)}"
        if "" in values:
            return "impersonating the empty string value in extra is not allowed"
    return ""


def account_of(name: str) -> tuple[str, str] | None:
    """Namespace and name of the service account that a user name stands for, if it does."""
    if not name.startswith(PREFIX):
        return None
    namespace, colon, account = name.removeprefix(PREFIX).partition(":")
    if not colon or is_dns1123_label(namespace) or is_dns1123_subdomain(account):
        return None
    return namespace, account


def node_named(name: str) -> str:
    """The node that a user name stands for, or nothing."""
    node = name.removeprefix(NODE) if name.startswith(NODE) else ""
    return "" if is_dns1123_subdomain(node) else node


def _only_named(wanted: UserInfo) -> bool:
    return not (wanted.uid or wanted.groups or wanted.extra)


def _on_node(wanted: UserInfo, asker: UserInfo) -> bool:
    node = node_named(wanted.name)
    return bool(node) and account_of(asker.name) is not None and asker.extra.get(NODE_NAME) == (node,)


ASSOCIATED_NODE = Mode("associated-node", lambda wanted, asker: _only_named(wanted) and _on_node(wanted, asker))
MODES = (
    ASSOCIATED_NODE,
    Mode("arbitrary-node", lambda wanted, _: _only_named(wanted) and bool(node_named(wanted.name))),
    Mode("serviceaccount", lambda wanted, _: _only_named(wanted) and account_of(wanted.name) is not None),
    Mode("user-info", lambda wanted, _: not node_named(wanted.name) and account_of(wanted.name) is None),
    Mode("", lambda wanted, asker: True),
)
"""In the order in which they are tried; the last is the legacy one."""
