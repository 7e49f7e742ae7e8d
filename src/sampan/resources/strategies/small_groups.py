"""Kinds of the small groups: events, leases, disruption budgets and runtime classes."""

from sampan.api.json import Obj
from sampan.api.meta import is_dns1123_subdomain
from sampan.resources.strategies.checks import Errors
from sampan.resources.strategies.rules import Rules, metadata_again, within, without
from sampan.resources.validation.coordination.lease import check_lease
from sampan.resources.validation.events.event import check_core_event, check_event, check_event_update
from sampan.resources.validation.metadata import check_meta
from sampan.resources.validation.node.runtime_class import (
    check_handler_kept,
    check_runtime_class,
    warn_runtime_class,
)
from sampan.resources.validation.policy.budget import check_budget, check_budget_status, check_budget_update


def _change_event(new: Obj, old: Obj) -> Errors:
    return metadata_again(new, old) + check_event_update(new, old)


def _change_class(new: Obj, old: Obj) -> Errors:
    errors = check_meta(new["metadata"], False, is_dns1123_subdomain) + check_runtime_class(new)
    return errors + metadata_again(new, old) + check_handler_kept(new, old)


def _drop_election(new: Obj, old: Obj) -> Obj:
    """Without what belongs to coordinated leader election, a gate that is off, unless the lease has it already."""
    before = old.get("spec") or {}
    gone = [key for key in ("strategy", "preferredHolder") if before.get(key) is None]
    return within(new, "spec", lambda spec: without(spec, *gone))


CORE_EVENTS = Rules(check=check_core_event, check_change=lambda new, old: check_core_event(new))
EVENTS = Rules(check=check_event, check_change=_change_event)
LEASES = Rules(on_create=lambda obj: _drop_election(obj, {}), on_update=_drop_election, check=check_lease)
BUDGETS = Rules(True, check=check_budget, check_change=check_budget_update, check_status=check_budget_status)
RUNTIME_CLASSES = Rules(check=check_runtime_class, check_change=_change_class, warn=warn_runtime_class)
