"""What is wrong with CSIDrivers (storage validation: ValidateCSIDriver)."""

from collections.abc import Sequence
from typing import Any

from sampan.api.json import Obj
from sampan.resources.strategies.checks import (
    IMMUTABLE,
    Errors,
    Shown,
    duplicate,
    invalid,
    marshalled,
    not_among,
    not_supported,
    required,
    spec_of,
)
from sampan.resources.strategies.rules import metadata_again

DEMANDED = (("attachRequired", "attachedRequired"), ("podInfoOnMount", "podInfoOnMount"),
            ("storageCapacity", "storageCapacity"))  # fmt: skip
"""Fields, and the names by which errors call them."""
GROUP_POLICIES = ("File", "None", "ReadWriteOnceWithFSType")
LIFECYCLES = ("Persistent", "Ephemeral")
SHORTEST, LONGEST, FASTEST = 600, 2**32, 10
IN_SECRETS = "spec.serviceAccountTokenInSecrets"
NO_REQUESTS = "serviceAccountTokenInSecrets is set but no tokenRequests are specified"
UNSET = f"{IN_SECRETS} is unset; if supported by this CSI driver, set to true to prevent possible logging of tokens in volume attributes"  # noqa: E501


def check_driver(obj: Obj) -> Errors:
    """A driver's spec."""
    spec = spec_of(obj)
    errors: Errors = [required(f"spec.{shown}") for key, shown in DEMANDED if spec.get(key) is None]
    policy, period = spec.get("fsGroupPolicy"), spec.get("nodeAllocatableUpdatePeriodSeconds")
    if policy is not None and policy not in GROUP_POLICIES:
        errors.append(not_supported("spec.fsGroupPolicy", policy, GROUP_POLICIES))
    errors += _tokens(spec.get("tokenRequests") or ())
    for mode in spec.get("volumeLifecycleModes") or ():
        if mode not in LIFECYCLES:
            errors.append(not_among("spec.volumeLifecycleModes", mode, LIFECYCLES))
    if spec.get("seLinuxMount") is None:
        errors.append(required("spec.seLinuxMount"))
    if period is not None and period < FASTEST:
        why = "must be greater than or equal to 10 seconds"
        errors.append(invalid("spec.nodeAllocatableUpdatePeriodSeconds", period, why))
    if spec.get("serviceAccountTokenInSecrets") is not None and not spec.get("tokenRequests"):
        errors.append(invalid(IN_SECRETS, spec["serviceAccountTokenInSecrets"], NO_REQUESTS))
    return errors


def _tokens(requests: Sequence[Obj]) -> Errors:
    errors: Errors = []
    seen: set[str] = set()
    for index, request in enumerate(requests):
        at, audience, seconds = f"spec.tokenRequests[{index}]", request.get("audience") or "", request.get(EXPIRY)
        if audience in seen:
            errors.append(duplicate(f"{at}.audience", audience))
            continue
        seen.add(audience)
        if seconds is not None and seconds < SHORTEST:
            errors.append(invalid(f"{at}.{EXPIRY}", seconds, "may not specify a duration less than 10 minutes"))
        if seconds is not None and seconds > LONGEST:
            why = "may not specify a duration larger than 2^32 seconds"
            errors.append(invalid(f"{at}.{EXPIRY}", seconds, why))
    return errors


EXPIRY = "expirationSeconds"


def check_driver_update(new: Obj, old: Obj) -> Errors:
    """A changed driver."""
    errors = metadata_again(new, old) + check_driver(new)
    after, before = spec_of(new), spec_of(old)
    for key, shown in (DEMANDED[0], ("volumeLifecycleModes", "volumeLifecycleModes")):
        value: Any = after.get(key)
        if value != before.get(key):
            errors.append(invalid(f"spec.{shown}", Shown(marshalled(value)), IMMUTABLE))
    return errors


def warn_driver(obj: Obj) -> list[str]:
    """Of tokens that logs may show."""
    spec = spec_of(obj)
    return [UNSET] if spec.get("tokenRequests") and spec.get("serviceAccountTokenInSecrets") is None else []


def warn_driver_update(new: Obj, old: Obj) -> list[str]:
    """As of a new one, if what tokens are asked for changed."""
    same = (spec_of(new).get("tokenRequests") or []) == (spec_of(old).get("tokenRequests") or [])
    return [] if same else warn_driver(new)
