"""Fill the Secrets that ask for a service account's token, and delete them with their account."""

import base64
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from sampan.api.json import Obj
from sampan.api.meta import annotations_of, is_deleting, name_of, namespace_of, uid_of, with_meta
from sampan.api.names import Key, ObjectRef
from sampan.reconcile.controller import Controller, Lookup, Watches
from sampan.reconcile.plan import NOTHING, Ask, Delete, Plan, Update
from sampan.resources.account_tokens import (
    ACCOUNT_NAME,
    ACCOUNT_UID,
    CA,
    NAMESPACE,
    TOKEN,
    belongs_to,
    is_token,
    refers_to,
)
from sampan.resources.kinds import SECRETS, SERVICEACCOUNTS

ACCOUNT, SECRET = "account", "secret"
Issue = Callable[[Obj, Obj], str]
"""From an account and a Secret to a token."""


@dataclass(frozen=True, slots=True)
class Orphans:
    """Secrets of an account that is gone."""

    secrets: tuple[Obj, ...]


@dataclass(frozen=True, slots=True)
class Asking:
    """A Secret that asks for a token, and its account as it is known and as it was found when asked for."""

    secret: Obj
    account: Obj | None
    asked: bool
    ca: str
    issue: Issue


@dataclass(frozen=True, slots=True)
class Gone:
    """An account whose Secret is gone, as it is known and as it was found when asked for."""

    name: str
    account: Obj
    asked: bool


def of_account(look: Lookup, account: Obj) -> Iterable[Key]:
    yield Key(namespace_of(account), "\0".join((ACCOUNT, name_of(account), uid_of(account))))


def of_secret(look: Lookup, secret: Obj) -> Iterable[Key]:
    """The key says all that must be known when the Secret is gone."""
    notes = annotations_of(secret)
    if is_token(secret) and notes.get(ACCOUNT_NAME):
        parts = (SECRET, name_of(secret), uid_of(secret), notes[ACCOUNT_NAME], notes.get(ACCOUNT_UID, ""))
        yield Key(namespace_of(secret), "\0".join(parts))


def observe(ca: str, issue: Issue, look: Lookup, key: Key, now: datetime) -> Orphans | Asking | Gone | None:
    kind, name, uid, *account = key.name.split("\0")
    if kind == ACCOUNT:
        if _same(look.get(SERVICEACCOUNTS, key.namespace, name), uid):
            return None
        return Orphans(tuple(one for one in look.list(SECRETS, key.namespace) if belongs_to(one, name, uid)))
    secret = look.get(SECRETS, key.namespace, name)
    ref = ObjectRef(SERVICEACCOUNTS, key.namespace, account[0])
    asked = look.asked(ref)
    found = _same(look.live(ref) if asked else look.get(SERVICEACCOUNTS, key.namespace, account[0]), account[1])
    if secret is not None and uid_of(secret) == uid:
        return Asking(secret, found, asked, ca, issue)
    return Gone(name, found, asked) if found is not None and refers_to(found, name) else None


def _same(obj: Obj | None, uid: str) -> Obj | None:
    """The object, if it has that uid (empty: any)."""
    return obj if obj is not None and (not uid or uid_of(obj) == uid) else None


def decide(seen: Orphans | Asking | Gone) -> Plan:
    match seen:
        case Orphans(secrets):
            return tuple(_delete(secret) for secret in secrets)
        case Gone(name, account, asked):
            if not asked:
                return (Ask(ObjectRef(SERVICEACCOUNTS, namespace_of(account), name_of(account))),)
            rest = [one for one in account["secrets"] if one.get("name") != name]
            return (Update(SERVICEACCOUNTS, {**account, "secrets": rest}),)
        case Asking(secret, None, asked):
            ref = ObjectRef(SERVICEACCOUNTS, namespace_of(secret), annotations_of(secret)[ACCOUNT_NAME])
            return (_delete(secret),) if asked else (Ask(ref),)
        case Asking():
            return _filled(seen)


def _delete(secret: Obj) -> Delete:
    return Delete(ObjectRef(SECRETS, namespace_of(secret), name_of(secret)), uid_of(secret))


def _filled(seen: Asking) -> Plan:
    secret, account = seen.secret, seen.account
    assert account is not None
    data = secret.get("data") or {}
    fresh = {}
    ca = _encoded(seen.ca)
    if ca and data.get(CA) != ca:
        fresh[CA] = ca
    if not data.get(NAMESPACE):
        fresh[NAMESPACE] = _encoded(namespace_of(secret))
    if not data.get(TOKEN):
        fresh[TOKEN] = _encoded(seen.issue(account, secret))
    if not fresh or is_deleting(secret):
        return NOTHING
    notes = {**annotations_of(secret), ACCOUNT_NAME: name_of(account), ACCOUNT_UID: uid_of(account)}
    return (Update(SECRETS, {**with_meta(secret, annotations=notes), "data": data | fresh}),)


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def controller(ca: str, issue: Issue) -> Controller:
    """The controller that signs by `issue` and puts this CA (PEM text) beside the token."""
    return Controller(
        "serviceaccount-token-controller",
        watches=(Watches(SERVICEACCOUNTS, of_account), Watches(SECRETS, of_secret)),
        observe=partial(observe, ca, issue),
        decide=decide,
    )
