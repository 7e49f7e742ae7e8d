"""Mark, and a year later delete, tokens of old that controllers made by themselves and nobody uses (KEP-2799)."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sampan.api.json import Obj
from sampan.api.meta import annotations_of, is_deleting, labels_of, name_of, namespace_of, uid_of
from sampan.api.names import Key, ObjectRef
from sampan.api.times import parse_time
from sampan.controllers.names import spec
from sampan.reconcile.controller import Controller, Lookup, Watches
from sampan.reconcile.plan import NOTHING, Ask, Delete, Patch, Plan
from sampan.resources.account_tokens import (
    ACCOUNT_NAME,
    ACCOUNT_UID,
    INVALID_SINCE,
    LAST_USED,
    SINCE,
    TRACKING,
    date_of,
    is_date,
    is_token,
    refers_to,
)
from sampan.resources.kinds import CONFIGMAPS, PODS, SECRETS, SERVICEACCOUNTS

KEPT = timedelta(days=365)
DAY = timedelta(days=1)
NAMED = ("secretRef", "secretKeyRef", "nodePublishSecretRef", "secret")
"""Fields of pods whose `name` is a Secret's."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A token that its account lists and no pod mounts; and as it is now, if that was asked."""

    secret: Obj
    now: datetime
    asked: bool
    live: Obj | None


def tokens(look: Lookup, secret: Obj) -> Iterable[Key]:
    if is_token(secret):
        yield Key(namespace_of(secret), name_of(secret))


def observe(look: Lookup, key: Key, now: datetime) -> Seen | None:
    secret = look.get(SECRETS, *key)
    if secret is None or not is_token(secret) or not is_unused(secret, now) or not tracked_for_long(look, now):
        return None
    notes = annotations_of(secret)
    account = look.get(SERVICEACCOUNTS, key.namespace, notes.get(ACCOUNT_NAME, ""))
    if account is None or (notes.get(ACCOUNT_UID) or uid_of(account)) != uid_of(account):
        return None
    if not refers_to(account, key.name) or key.name in mounted(look.list(PODS, key.namespace)):
        return None
    ref = ObjectRef(SECRETS, *key)
    return Seen(secret, now, look.asked(ref), look.live(ref) if look.asked(ref) else None)


def is_unused(secret: Obj, now: datetime) -> bool:
    """Whether it was neither made nor used within the last year. A date that is none says nothing."""
    if is_deleting(secret) or parse_time(secret["metadata"]["creationTimestamp"]) >= now - KEPT:
        return False
    used = labels_of(secret).get(LAST_USED)
    return used is None or (is_date(used) and used < date_of(now - KEPT))


def tracked_for_long(look: Lookup, now: datetime) -> bool:
    """Whether uses have been written down for a year, the first day not counted."""
    config = look.get(CONFIGMAPS, "kube-system", TRACKING)
    since = ((config or {}).get("data") or {}).get(SINCE, "")
    return is_date(since) and now >= datetime.fromisoformat(since).replace(tzinfo=UTC) + DAY + KEPT


def mounted(pods: Iterable[Obj]) -> set[str]:
    """The names of all Secrets that pods use in any way."""
    return {name for pod in pods for name in _secrets(spec(pod)) if name}


def _secrets(part: Any) -> Iterator[str]:
    if isinstance(part, list):
        for one in part:
            yield from _secrets(one)
    elif isinstance(part, dict):
        for key, value in part.items():
            if key in NAMED and isinstance(value, dict):
                yield value.get("name", "")
            elif key == "secretName" and isinstance(value, str):
                yield value
            elif key == "imagePullSecrets":
                yield from (one.get("name", "") for one in value or ())
            yield from _secrets(value)


def decide(seen: Seen) -> Plan:
    """First the mark, by which it is refused; when that is a year old, and nobody has used it since, the end."""
    secret, ref = seen.secret, ObjectRef(SECRETS, namespace_of(seen.secret), name_of(seen.secret))
    since = labels_of(secret).get(INVALID_SINCE, "")
    if not is_date(since):
        patch = {"metadata": {"uid": uid_of(secret), "labels": {INVALID_SINCE: date_of(seen.now)}}}
        return (Patch(ref, patch, missing_ok=True),)
    if since >= date_of(seen.now - KEPT):
        return NOTHING
    if not seen.asked:
        return (Ask(ref),)
    same = seen.live is not None and seen.live["metadata"]["resourceVersion"] == secret["metadata"]["resourceVersion"]
    return (Delete(ref, uid_of(secret)),) if same else NOTHING


CONTROLLER = Controller(
    "legacy-serviceaccount-token-cleaner-controller",
    watches=(Watches(SECRETS, tokens),),
    observe=observe,
    decide=decide,
    reads=(SERVICEACCOUNTS, PODS, CONFIGMAPS),
    workers=1,
    resync=DAY.total_seconds(),
)
