"""Delete bootstrap tokens when their time is over."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sampan.api.json import Obj
from sampan.api.meta import name_of, namespace_of, uid_of
from sampan.api.names import Key, ObjectRef
from sampan.reconcile.controller import Controller, Lookup, Watches
from sampan.reconcile.plan import NOTHING, Delete, Plan, Requeue
from sampan.resources.bootstrap_tokens import is_token, seconds_left
from sampan.resources.kinds import SECRETS


@dataclass(frozen=True, slots=True)
class Seen:
    """A token that expires at some time."""

    secret: Obj
    left: float


def tokens(look: Lookup, secret: Obj) -> Iterable[Key]:
    """The keys of Secrets that keep bootstrap tokens."""
    if is_token(secret):
        yield Key(namespace_of(secret), name_of(secret))


def observe(look: Lookup, key: Key, now: datetime) -> Seen | None:
    secret = look.get(SECRETS, *key)
    if secret is None or not is_token(secret):
        return None
    left = seconds_left(secret, now)
    return None if left is None else Seen(secret, left)


def decide(seen: Seen) -> Plan:
    if seen.left > 0:
        return (Requeue(seen.left),)
    if seen.secret["metadata"].get("deletionTimestamp"):
        return NOTHING
    ref = ObjectRef(SECRETS, namespace_of(seen.secret), name_of(seen.secret))
    return (Delete(ref, uid_of(seen.secret)),)


CONTROLLER = Controller("token-cleaner-controller", watches=(Watches(SECRETS, tokens),), observe=observe, decide=decide)
