"""What is wrong with amounts and names of resources (core validation; pkg/apis/core/helper)."""

from sampan.api.meta import is_qualified_name
from sampan.api.quantity import canonical, milli_value, number
from sampan.resources.strategies.checks import Errors, Shown, invalid, marshalled

NOT_NEGATIVE, NOT_INTEGER = "must be greater than or equal to 0", "must be an integer"
HUGE, HUGE_REQUESTS = "hugepages-", "requests.hugepages-"
COMPUTE = frozenset(
    f"{prefix}{name}" for prefix in ("", "requests.", "limits.") for name in ("cpu", "memory", "ephemeral-storage")
)
COUNTED = frozenset(
    (
        "pods", "resourcequotas", "services", "replicationcontrollers", "secrets", "configmaps",
        "persistentvolumeclaims", "services.nodeports", "services.loadbalancers",
    )
)  # fmt: skip
"""Names of resources that are counted in whole numbers."""
QUOTA_NAMES = COMPUTE | COUNTED | {"requests.storage"}
STANDARD_NAMES = QUOTA_NAMES | {"storage"}
CONTAINER_NAMES = frozenset(("cpu", "memory", "ephemeral-storage"))


def is_native(name: str) -> bool:
    """Whether it is one of Kubernetes' own resources."""
    return "/" not in name or "kubernetes.io/" in name


def is_extended(name: str) -> bool:
    """Whether it is a resource that others define, and that a quota can name."""
    return not is_native(name) and not name.startswith("requests.") and not is_qualified_name(f"requests.{name}")


def is_quota_name(name: str) -> bool:
    """Whether quotas know it."""
    return name in QUOTA_NAMES or name.startswith((HUGE, HUGE_REQUESTS))


def _named(name: str) -> Shown:
    return Shown(marshalled(name))


def check_resource_name(name: str, at: str) -> Errors:
    """A name of a resource, of whatever use."""
    errors = [invalid(at, _named(name), text) for text in is_qualified_name(name)]
    if not errors and "/" not in name and name not in STANDARD_NAMES and not name.startswith((HUGE, HUGE_REQUESTS)):
        errors.append(invalid(at, _named(name), "must be a standard resource type or fully qualified"))
    return errors


def check_container_resource_name(name: str, at: str) -> Errors:
    """A name of what a container can use."""
    errors = check_resource_name(name, at)
    if "/" not in name:
        if name not in CONTAINER_NAMES and not name.startswith(HUGE):
            errors.append(invalid(at, _named(name), "must be a standard resource for containers"))
    elif not is_native(name) and not is_extended(name):
        errors.append(invalid(at, _named(name), "doesn't follow extended resource name standard"))
    return errors


def check_quota_resource_name(name: str, at: str) -> Errors:
    """A name of what a quota limits."""
    errors = check_resource_name(name, at)
    if "/" not in name and not is_quota_name(name):
        errors.append(invalid(at, _named(name), "must be a standard resource for quota"))
    return errors


def check_amount(name: str, amount: str, at: str) -> Errors:
    """An amount of a resource: not negative, and whole if it is counted."""
    errors: Errors = []
    if number(amount) < 0:
        errors.append(invalid(at, canonical(str(amount)), NOT_NEGATIVE))
    if (name in COUNTED or is_extended(name)) and milli_value(amount) % 1000:
        errors.append(invalid(at, canonical(str(amount)), NOT_INTEGER))
    return errors
