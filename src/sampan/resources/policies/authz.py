"""CEL's `authorizer`: may the user of the request do something else as well (apiserver: cel/library authz)?"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import ClassVar

from sampan.api.cel.function import Overload, member
from sampan.api.cel.types import Type
from sampan.api.cel.values import EvalError, Opaque
from sampan.api.meta import is_dns1123_label, is_dns1123_subdomain

PREFIX = "kubernetes.authorization."


@dataclass(frozen=True, slots=True)
class Query:
    """What is asked. `account` is namespace and name of a service account that is asked about instead of the user."""

    verb: str = ""
    path: str = ""
    group: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""
    account: tuple[str, str] | None = None
    fields: str = ""
    labels: str = ""


Decide = Callable[[Query], tuple[bool, str, str]]
"""Whether it is allowed, why, and what went wrong on the way."""


@dataclass(frozen=True, slots=True)
class Authorizer(Opaque):
    """`decide` answers whether it is allowed, and why."""

    cel_type: ClassVar[Type] = Type("opaque", (), PREFIX + "Authorizer")
    decide: Decide
    query: Query = Query()


@dataclass(frozen=True, slots=True)
class PathCheck(Opaque):
    cel_type: ClassVar[Type] = Type("opaque", (), PREFIX + "PathCheck")
    decide: Decide
    query: Query


@dataclass(frozen=True, slots=True)
class GroupCheck(Opaque):
    cel_type: ClassVar[Type] = Type("opaque", (), PREFIX + "GroupCheck")
    decide: Decide
    query: Query


@dataclass(frozen=True, slots=True)
class ResourceCheck(Opaque):
    cel_type: ClassVar[Type] = Type("opaque", (), PREFIX + "ResourceCheck")
    decide: Decide
    query: Query


@dataclass(frozen=True, slots=True)
class Verdict(Opaque):
    cel_type: ClassVar[Type] = Type("opaque", (), PREFIX + "Decision")
    allowed: bool
    reason: str
    wrong: str


def _path(one: Authorizer, path: str) -> PathCheck:
    if not path.strip():
        raise EvalError("path must not be empty")
    return PathCheck(one.decide, replace(one.query, path=path))


def _account(one: Authorizer, namespace: str, name: str) -> Authorizer:
    if is_dns1123_subdomain(name):
        raise EvalError("Invalid service account name")
    if is_dns1123_label(namespace):
        raise EvalError("Invalid service account namespace")
    return Authorizer(one.decide, replace(one.query, account=(namespace, name)))


def _resource(one: GroupCheck, resource: str) -> ResourceCheck:
    if not resource.strip():
        raise EvalError("resource must not be empty")
    return ResourceCheck(one.decide, replace(one.query, resource=resource))


def _with(field: str) -> Callable[[ResourceCheck, str], ResourceCheck]:
    return lambda one, value: ResourceCheck(one.decide, replace(one.query, **{field: value}))  # type: ignore[arg-type]


def _check(one: PathCheck | ResourceCheck, verb: str) -> Verdict:
    return Verdict(*one.decide(replace(one.query, verb=verb)))


def _types(signature: str) -> str:
    for name in ("Authorizer", "PathCheck", "GroupCheck", "ResourceCheck", "Decision"):
        signature = signature.replace(name, PREFIX + name)
    return signature


FUNCTIONS: tuple[Overload, ...] = (
    member("path", _types("(Authorizer, string) -> PathCheck"), _path),
    member(
        "group", _types("(Authorizer, string) -> GroupCheck"),
        lambda one, group: GroupCheck(one.decide, replace(one.query, group=group)),
    ),
    member("serviceAccount", _types("(Authorizer, string, string) -> Authorizer"), _account),
    member("resource", _types("(GroupCheck, string) -> ResourceCheck"), _resource),
    member("subresource", _types("(ResourceCheck, string) -> ResourceCheck"), _with("subresource")),
    member("namespace", _types("(ResourceCheck, string) -> ResourceCheck"), _with("namespace")),
    member("name", _types("(ResourceCheck, string) -> ResourceCheck"), _with("name")),
    member("fieldSelector", _types("(ResourceCheck, string) -> ResourceCheck"), _with("fields")),
    member("labelSelector", _types("(ResourceCheck, string) -> ResourceCheck"), _with("labels")),
    member("check", _types("(PathCheck, string) -> Decision"), _check),
    member("check", _types("(ResourceCheck, string) -> Decision"), _check),
    member("allowed", _types("(Decision) -> bool"), lambda one: one.allowed),
    member("reason", _types("(Decision) -> string"), lambda one: one.reason),
    member("errored", _types("(Decision) -> bool"), lambda one: bool(one.wrong)),
    member("error", _types("(Decision) -> string"), lambda one: one.wrong),
)  # fmt: skip
