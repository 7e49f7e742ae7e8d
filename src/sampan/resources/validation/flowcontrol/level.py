"""What is wrong with PriorityLevelConfigurations (flowcontrol validation: ValidatePriorityLevelConfiguration)."""

import math

from sampan.api.json import Obj
from sampan.api.meta import annotations_of, is_dns1123_subdomain, name_of
from sampan.resources.strategies.checks import Errors, forbidden, invalid, named, not_supported, required, spec_of
from sampan.resources.validation.flowcontrol.schema import check_flow_status
from sampan.resources.validation.flowcontrol.shown import FIXED_LEVELS, LEVEL, same
from sampan.resources.validation.go_struct import shown_struct
from sampan.resources.validation.metadata import check_own_meta

ZERO_SHARES = "flowcontrol.k8s.io/v1beta3-preserve-zero-concurrency-shares"
"""An annotation of versions that are served no more."""
MOST_QUEUES, HASH_BITS = 10_000_000, 60
TYPES, RESPONSES = ("Exempt", "Limited"), ("Queue", "Reject")
NOT_NEGATIVE, PERCENT = "must be a non-negative integer", "must be between 0 and 100, inclusive"


def check_level(obj: Obj) -> Errors:
    """A PriorityLevelConfiguration."""
    spec, name = spec_of(obj), name_of(obj)
    errors: Errors = []
    if ZERO_SHARES in annotations_of(obj):
        errors.append(forbidden("metadata.annotations", f"annotation '{ZERO_SHARES}' is forbidden"))
    return errors + _spec(spec, name) + _fixed(spec, name) + check_flow_status(obj)


def check_level_update(new: Obj, old: Obj) -> Errors:
    """A changed PriorityLevelConfiguration."""
    return check_own_meta(new["metadata"], False, is_dns1123_subdomain) + check_level(new)


def _fixed(spec: Obj, name: str) -> Errors:
    fixed = FIXED_LEVELS.get(name)
    if fixed is None:
        return []
    have, why = spec, f"spec of '{name}' must equal the fixed value"
    if name == "exempt":
        have = {key: value for key, value in spec.items() if key != "exempt"}
        why = f"spec of '{name}' except the 'spec.exempt' field must equal the fixed value"
    return [] if same(have, fixed, LEVEL) else [invalid("spec", shown_struct(spec, LEVEL), why)]


def _spec(spec: Obj, name: str) -> Errors:
    kind, limited, exempt = spec.get("type") or "", spec.get("limited"), spec.get("exempt")
    errors: Errors = []
    if (name == "exempt") != (kind == "Exempt"):
        errors.append(invalid("spec.type", named(kind), "must be 'Exempt' if and only if `name` is 'exempt'"))
    if kind == "Exempt":
        if limited is not None:
            errors.append(forbidden("spec.limited", "must be nil if the type is not Limited"))
        if exempt is not None:
            errors += _shares(exempt, "spec.exempt")
    elif kind == "Limited":
        if exempt is not None:
            errors.append(forbidden("spec.exempt", "must be nil if the type is Limited"))
        if limited is None:
            errors.append(required("spec.limited", "must not be empty when type is Limited"))
        else:
            errors += _limited(limited)
    else:
        errors.append(not_supported("spec.type", kind, TYPES))
    return errors


def _shares(part: Obj, at: str) -> Errors:
    shares = part.get("nominalConcurrencyShares")
    errors: Errors = []
    if shares is not None and shares < 0:
        errors.append(invalid(f"{at}.nominalConcurrencyShares", shares, NOT_NEGATIVE))
    return errors + _lendable(part, at)


def _lendable(part: Obj, at: str) -> Errors:
    percent = part.get("lendablePercent")
    return [] if percent is None or 0 <= percent <= 100 else [invalid(f"{at}.lendablePercent", percent, PERCENT)]


def _limited(limited: Obj) -> Errors:
    at, errors = "spec.limited", Errors()
    shares, borrowed = limited.get("nominalConcurrencyShares") or 0, limited.get("borrowingLimitPercent")
    if shares < 0:
        errors.append(invalid(f"{at}.nominalConcurrencyShares", shares, NOT_NEGATIVE))
    errors += _response(limited.get("limitResponse") or {}, f"{at}.limitResponse") + _lendable(limited, at)
    if borrowed is not None and borrowed < 0:
        why = "if specified, must be a non-negative integer"
        errors.append(invalid(f"{at}.borrowingLimitPercent", borrowed, why))
    return errors


def _response(response: Obj, at: str) -> Errors:
    kind, queuing = response.get("type") or "", response.get("queuing")
    if kind == "Reject":
        why = "must be nil if limited.limitResponse.type is not Limited"
        return [] if queuing is None else [forbidden(f"{at}.queuing", why)]
    if kind != "Queue":
        return [not_supported(f"{at}.type", kind, RESPONSES)]
    if queuing is None:
        return [required(f"{at}.queuing", "must not be empty if limited.limitResponse.type is Limited")]
    return _queuing(queuing, f"{at}.queuing")


def _queuing(queuing: Obj, at: str) -> Errors:
    length, queues, hand = (queuing.get(key) or 0 for key in ("queueLengthLimit", "queues", "handSize"))
    errors: Errors = [] if length > 0 else [invalid(f"{at}.queueLengthLimit", length, "must be positive")]
    if queues <= 0:
        errors.append(invalid(f"{at}.queues", queues, "must be positive"))
    elif queues > MOST_QUEUES:
        errors.append(invalid(f"{at}.queues", queues, f"must not be greater than {MOST_QUEUES}"))
    if hand <= 0:
        errors.append(invalid(f"{at}.handSize", hand, "must be positive"))
    elif hand > queues:
        errors.append(invalid(f"{at}.handSize", hand, f"should not be greater than queues ({queues})"))
    elif math.ceil(math.log2(queues) * hand) > HASH_BITS:
        why = f"required entropy bits of deckSize {queues} and handSize {hand} should not be greater than {HASH_BITS}"
        errors.append(invalid(f"{at}.handSize", hand, why))
    return errors
