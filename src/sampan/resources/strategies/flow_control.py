"""The kinds of flowcontrol.apiserver.k8s.io: which requests are one flow, and how many seats flows have."""

from functools import partial

from sampan.api.json import Obj
from sampan.resources.strategies.checks import Errors
from sampan.resources.strategies.rules import Rules, fill_absent, fill_zero, within
from sampan.resources.validation.flowcontrol.level import check_level, check_level_update
from sampan.resources.validation.flowcontrol.schema import check_flow_status, check_schema, check_schema_update


def _schema(obj: Obj) -> Obj:
    return within(obj, "spec", partial(fill_zero, matchingPrecedence=1000), absent={})


QUEUE = partial(fill_zero, handSize=8, queues=64, queueLengthLimit=50)


def _limited(value: Obj) -> Obj:
    value = fill_absent(value, nominalConcurrencyShares=30, lendablePercent=0)
    return within(value, "limitResponse", lambda r: within(r, "queuing", QUEUE))


def _level(obj: Obj) -> Obj:
    def spec(value: Obj) -> Obj:
        value = within(value, "limited", _limited)
        return within(value, "exempt", partial(fill_absent, nominalConcurrencyShares=0, lendablePercent=0))

    return within(obj, "spec", spec)


def _check_status(new: Obj, old: Obj) -> Errors:
    return check_flow_status(new)


FLOW_SCHEMAS = Rules(
    True, defaults=_schema, check=check_schema, check_change=check_schema_update, check_status=_check_status
)
PRIORITY_LEVELS = Rules(
    True, defaults=_level, check=check_level, check_change=check_level_update, check_status=_check_status
)
