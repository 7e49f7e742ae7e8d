"""Sign approved certificate requests of the cluster's four signers."""

import base64
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from sampan.api.json import Obj
from sampan.api.names import Key
from sampan.api.times import format_time
from sampan.controllers.csr_certificate import Order
from sampan.controllers.csr_request import SIGNERS, conditions, has_failed, is_approved, read_request, usages_of
from sampan.controllers.names import spec, status
from sampan.reconcile.controller import Controller, Lookup, Watches
from sampan.reconcile.owners import self_key
from sampan.reconcile.plan import NOTHING, Plan, Update
from sampan.resources.kinds import CSRS

Sign = Callable[[Order], bytes]
"""The cluster's CA at work: a certificate in PEM, or ValueError."""


@dataclass(frozen=True, slots=True)
class Seen:
    """An approved request without a certificate, and who signs."""

    csr: Obj
    sign: Sign
    now: datetime


def observe(sign: Sign, look: Lookup, key: Key, now: datetime) -> Seen | None:
    csr = look.get(CSRS, "", key.name)
    if csr is None or status(csr).get("certificate") or not is_approved(csr) or has_failed(csr):
        return None
    return Seen(csr, sign, now) if spec(csr)["signerName"] in SIGNERS else None


def decide(seen: Seen) -> Plan:
    """The certificate, or why its signer gives none. A request with a wrong signature stays as it is."""
    csr = seen.csr
    request, usages = base64.b64decode(spec(csr)["request"]), usages_of(csr)
    try:
        wrong = SIGNERS[spec(csr)["signerName"]](read_request(request), usages)
        if wrong:
            return (_failed(seen, wrong),)
        made = seen.sign(Order(request, usages, spec(csr).get("expirationSeconds"), seen.now))
    except ValueError:
        return NOTHING
    certificate = base64.b64encode(made).decode()
    return (Update(CSRS, {**csr, "status": {**status(csr), "certificate": certificate}}, "status"),)


def _failed(seen: Seen, message: str) -> Update:
    made = {
        "type": "Failed",
        "status": "True",
        "reason": "SignerValidationFailure",
        "message": message,
        "lastUpdateTime": format_time(seen.now),
    }
    fresh = {**status(seen.csr), "conditions": [*conditions(seen.csr), made]}
    return Update(CSRS, {**seen.csr, "status": fresh}, "status")


def controller(sign: Sign) -> Controller:
    """The signer that works with this CA."""
    return Controller(
        "certificatesigningrequest-signing-controller",
        watches=(Watches(CSRS, self_key),),
        observe=partial(observe, sign),
        decide=decide,
    )
