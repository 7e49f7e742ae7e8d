"""Delete certificate requests that have served: judged ones after an hour, pending ones after a day."""

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from sampan.api.json import Obj
from sampan.api.meta import name_of
from sampan.api.names import Key, ObjectRef
from sampan.api.times import parse_time
from sampan.controllers.csr_request import conditions
from sampan.controllers.names import status
from sampan.reconcile.controller import Controller, Lookup, Watches
from sampan.reconcile.owners import self_key
from sampan.reconcile.plan import NOTHING, Delete, Plan, Requeue
from sampan.resources.kinds import CSRS

JUDGED, PENDING = timedelta(hours=1), timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Seen:
    """A request, and when its time is over (None: nothing says when)."""

    csr: Obj
    due: datetime | None
    now: datetime


def observe(look: Lookup, key: Key, now: datetime) -> Seen | None:
    csr = look.get(CSRS, "", key.name)
    return None if csr is None else Seen(csr, min(_ends(csr), default=None), now)


def _ends(csr: Obj) -> Iterator[datetime]:
    """Every time after which the request is of no use."""
    certificate, stand = status(csr).get("certificate"), conditions(csr)
    if not stand:
        yield parse_time(csr["metadata"]["creationTimestamp"]) + PENDING
    for one in stand:
        approved = one["type"] == "Approved"
        if approved and certificate:
            end = _end_of(base64.b64decode(certificate))
            if end is not None:
                yield end
        if one.get("lastUpdateTime") and one["type"] in ("Approved", "Denied", "Failed"):
            yield parse_time(one["lastUpdateTime"]) + (PENDING if approved and not certificate else JUDGED)


def _end_of(pem: bytes) -> datetime | None:
    from cryptography import x509

    try:
        return x509.load_pem_x509_certificate(pem).not_valid_after_utc
    except ValueError:
        return None


def decide(seen: Seen) -> Plan:
    if seen.due is None:
        return NOTHING
    left = (seen.due - seen.now).total_seconds()
    return (Requeue(left + 1),) if left >= 0 else (Delete(ObjectRef(CSRS, "", name_of(seen.csr))),)


CONTROLLER = Controller(
    "certificatesigningrequest-cleaner-controller",
    watches=(Watches(CSRS, self_key),),
    observe=observe,
    decide=decide,
)
