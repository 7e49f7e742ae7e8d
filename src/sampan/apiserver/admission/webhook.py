"""A webhook of a configuration as a record, and which requests it is asked about."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sampan.api.json import Obj
from sampan.api.names import GVK
from sampan.api.resource import Resource
from sampan.api.selectors import LabelSelector, label_selector
from sampan.apiserver.webhook_client import ClientConfig, client_config
from sampan.resources.policies.compile import Expression, match_conditions

GROUP = "admissionregistration.k8s.io"
EXEMPT = frozenset((
    "ValidatingWebhookConfiguration", "MutatingWebhookConfiguration", "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding", "MutatingAdmissionPolicy", "MutatingAdmissionPolicyBinding",
))  # fmt: skip
"""Kinds that no webhook is asked about: a bad configuration could not be mended otherwise."""


class Rule(NamedTuple):
    """One rule: what of a request must be named, `*` naming everything."""

    operations: tuple[str, ...]
    groups: tuple[str, ...]
    versions: tuple[str, ...]
    resources: tuple[tuple[str, str], ...]
    """Resource and subresource."""
    scope: str


class Asked(NamedTuple):
    """What rules look at in a request; `namespace` is a Namespace's own name in requests for it."""

    operation: str
    resource: Resource
    subresource: str
    namespace: str


class Target(NamedTuple):
    """What a webhook is asked about: the resource that its rule names, and the kind of its body."""

    resource: Resource
    kind: GVK


@dataclass(frozen=True, slots=True, eq=False)
class Hook:
    """One webhook."""

    configuration: str
    name: str
    rules: tuple[Rule, ...]
    namespaces: LabelSelector
    objects: LabelSelector
    equivalent: bool
    ignore: bool
    """failurePolicy Ignore: a failed call is no refusal."""
    timeout: float
    quiet: bool
    """No side effects, or none in a dry run."""
    again: bool
    """reinvocationPolicy IfNeeded."""
    versions: tuple[str, ...]
    """AdmissionReview versions, the most wanted first."""
    client: ClientConfig
    conditions: tuple[Expression, ...] = ()
    """matchConditions."""


def read_hooks(configuration: Obj) -> tuple[Hook, ...]:
    """The webhooks of a configuration, as they are ordered in it."""
    name = configuration["metadata"]["name"]
    return tuple(_hook(name, given) for given in configuration.get("webhooks") or ())


def _hook(configuration: str, given: Obj) -> Hook:
    return Hook(
        configuration,
        given["name"],
        tuple(read_rule(rule) for rule in given.get("rules") or ()),
        label_selector(given.get("namespaceSelector") or {}),
        label_selector(given.get("objectSelector") or {}),
        given.get("matchPolicy", "Equivalent") == "Equivalent",
        given.get("failurePolicy", "Fail") == "Ignore",
        float(given.get("timeoutSeconds") or 10),
        given.get("sideEffects") in ("None", "NoneOnDryRun"),
        given.get("reinvocationPolicy", "Never") == "IfNeeded",
        tuple(given.get("admissionReviewVersions") or ()),
        client_config(given["clientConfig"]),
        tuple(match_conditions(given["matchConditions"])) if given.get("matchConditions") else (),
    )


def read_rule(given: Obj) -> Rule:
    parts = tuple((name, sub) for name, _, sub in (text.partition("/") for text in given.get("resources") or ()))
    operations, groups = tuple(given.get("operations") or ()), tuple(given.get("apiGroups") or ())
    return Rule(operations, groups, tuple(given.get("apiVersions") or ()), parts, given.get("scope") or "*")


def matches(rule: Rule, asked: Asked) -> bool:
    """Whether a rule names the request."""
    mapping = asked.resource.mapping
    return (
        _named(rule.operations, asked.operation)
        and _named(rule.groups, mapping.group)
        and _named(rule.versions, mapping.version)
        and any(res in ("*", mapping.plural) and sub in ("*", asked.subresource) for res, sub in rule.resources)
        and _in_scope(rule.scope, asked)
    )


def _named(items: Sequence[str], wanted: str) -> bool:
    return wanted in items or "*" in items


def _in_scope(scope: str, asked: Asked) -> bool:
    if scope == "*":
        return True
    mapping = asked.resource.mapping
    cluster = not asked.namespace or (mapping.plural == "namespaces" and not mapping.group)
    return cluster == (scope == "Cluster")


def target_of(hook: Hook, asked: Asked, equivalents: Callable[[], Iterable[Resource]]) -> Target | None:
    """What the webhook is asked about, or None: as requested, or as an equivalent version that a rule names."""
    if any(matches(rule, asked) for rule in hook.rules):
        return Target(asked.resource, kind_of(asked.resource, asked.subresource))
    if not hook.equivalent:
        return None
    for rule in hook.rules:
        for other in equivalents():
            if matches(rule, asked._replace(resource=other)):
                return Target(other, kind_of(other, asked.subresource))
    return None


def kind_of(resource: Resource, subresource: str) -> GVK:
    """The kind of a request's body."""
    found = resource.subresources.get(subresource) if subresource else None
    return found.kind if found is not None and found.kind is not None else resource.gvk
