"""The kinds of admissionregistration.k8s.io: webhook configurations, admission policies and their bindings."""

from collections.abc import Callable
from functools import partial
from typing import Any

from sampan.api.json import Obj
from sampan.resources.strategies.checks import Errors
from sampan.resources.strategies.rules import Rules, each, fill, metadata_again, within
from sampan.resources.validation.admission.bindings import check_mutating_binding, check_validating_binding
from sampan.resources.validation.admission.policies import (
    check_mutating_policy,
    check_mutating_policy_update,
    check_policy_status,
    check_validating_policy,
    check_validating_policy_update,
)
from sampan.resources.validation.admission.webhooks import (
    check_mutating,
    check_mutating_update,
    check_validating,
    check_validating_update,
)


def _rule(rule: Obj) -> Obj:
    return fill(rule, scope="*")


def _webhook(hook: Obj) -> Obj:
    hook = fill(hook, failurePolicy="Fail", matchPolicy="Equivalent", timeoutSeconds=10)
    hook = fill(hook, namespaceSelector={}, objectSelector={})
    hook = within(hook, "rules", partial(each, change=_rule))
    return within(hook, "clientConfig", lambda c: within(c, "service", partial(fill, port=443)))


def _mutating_webhook(hook: Obj) -> Obj:
    return fill(_webhook(hook), reinvocationPolicy="Never")


def _webhooks(change: Callable[[Any], Any]) -> Callable[[Obj], Obj]:
    return lambda obj: within(obj, "webhooks", partial(each, change=change))


def _match(match: Obj) -> Obj:
    match = fill(match, matchPolicy="Equivalent", namespaceSelector={}, objectSelector={})
    for key in ("resourceRules", "excludeResourceRules"):
        match = within(match, key, partial(each, change=_rule))
    return match


def _policy(obj: Obj) -> Obj:
    def spec(value: Obj) -> Obj:
        return within(fill(value, failurePolicy="Fail"), "matchConstraints", _match)

    return within(obj, "spec", spec)


def _policy_binding(obj: Obj) -> Obj:
    return within(obj, "spec", lambda s: within(s, "matchResources", _match))


def _again(check: Callable[[Obj, Obj], Errors]) -> Callable[[Obj, Obj], Errors]:
    """With the metadata, which updates look at twice."""
    return lambda new, old: metadata_again(new, old) + check(new, old)


VALIDATING_WEBHOOKS = Rules(
    defaults=_webhooks(_webhook), check=check_validating, check_change=_again(check_validating_update)
)
MUTATING_WEBHOOKS = Rules(
    defaults=_webhooks(_mutating_webhook), check=check_mutating, check_change=_again(check_mutating_update)
)
ADMISSION_POLICIES = Rules(
    True,
    defaults=_policy,
    check=check_validating_policy,
    check_change=_again(check_validating_policy_update),
    check_status=check_policy_status,
)
MUTATING_POLICIES = Rules(
    defaults=_policy, check=check_mutating_policy, check_change=_again(check_mutating_policy_update)
)
VALIDATING_BINDINGS = Rules(defaults=_policy_binding, check=check_validating_binding)
MUTATING_BINDINGS = Rules(defaults=_policy_binding, check=check_mutating_binding)
