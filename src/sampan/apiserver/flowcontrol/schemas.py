"""FlowSchemas: which one a request belongs to, and which of its flows. Pure functions."""

from collections.abc import Sequence
from dataclasses import dataclass

from sampan.api.json import Obj
from sampan.apiserver.context import RequestInfo, UserInfo

ANY = "*"
ACCOUNT = "system:serviceaccount:"


@dataclass(frozen=True, slots=True)
class Schema:
    """A FlowSchema as it is looked at for each request."""

    name: str
    uid: str
    level: str
    """The PriorityLevelConfiguration it names."""
    precedence: int
    distinguisher: str
    """ByUser, ByNamespace, or empty: all requests are one flow."""
    rules: tuple[Obj, ...]

    def matches(self, user: UserInfo, info: RequestInfo) -> bool:
        """Whether one of the rules is for this user and this request."""
        return any(_subject_matches(rule, user) and _what_matches(rule, info) for rule in self.rules)

    def flow(self, user: UserInfo, info: RequestInfo) -> str:
        """What tells the request's flow from the others of the schema."""
        if self.distinguisher == "ByUser":
            return user.name
        return info.namespace if self.distinguisher == "ByNamespace" else ""


def schema_of(obj: Obj) -> Schema:
    """A FlowSchema object as a record."""
    spec, meta = obj.get("spec") or {}, obj["metadata"]
    return Schema(
        meta["name"],
        meta.get("uid") or "",
        (spec.get("priorityLevelConfiguration") or {}).get("name") or "",
        spec.get("matchingPrecedence") or 0,
        (spec.get("distinguisherMethod") or {}).get("type") or "",
        tuple(spec.get("rules") or ()),
    )


def in_order(schemas: Sequence[Schema]) -> list[Schema]:
    """As they are tried: the lowest number first, then by name."""
    return sorted(schemas, key=lambda one: (one.precedence, one.name))


def _subject_matches(rule: Obj, user: UserInfo) -> bool:
    for subject in rule.get("subjects") or ():
        kind = subject.get("kind")
        if kind == "User":
            wanted = (subject.get("user") or {}).get("name")
            if wanted in (ANY, user.name):
                return True
        elif kind == "Group":
            wanted = (subject.get("group") or {}).get("name")
            if wanted == ANY or wanted in user.groups:
                return True
        elif kind == "ServiceAccount":
            account = subject.get("serviceAccount") or {}
            start = f"{ACCOUNT}{account.get('namespace')}:"
            if user.name.startswith(start) and account.get("name") in (ANY, user.name.removeprefix(start)):
                return True
    return False


def _what_matches(rule: Obj, info: RequestInfo) -> bool:
    if not info.is_resource:
        return any(_path_matches(one, info) for one in rule.get("nonResourceRules") or ())
    return any(_resource_matches(one, info) for one in rule.get("resourceRules") or ())


def _path_matches(rule: Obj, info: RequestInfo) -> bool:
    if not _has(rule.get("verbs"), info.verb):
        return False
    for url in rule.get("nonResourceURLs") or ():
        if url in (ANY, info.path) or (url.endswith("*") and info.path.startswith(url[:-1])):
            return True
    return False


def _resource_matches(rule: Obj, info: RequestInfo) -> bool:
    named = f"{info.resource}/{info.subresource}" if info.subresource else info.resource
    if not (
        _has(rule.get("verbs"), info.verb)
        and _has(rule.get("apiGroups"), info.group)
        and _has(rule.get("resources"), named)
    ):
        return False
    if not info.namespace:
        return bool(rule.get("clusterScope"))
    return _has(rule.get("namespaces"), info.namespace)


def _has(listed: Sequence[str] | None, wanted: str) -> bool:
    return bool(listed) and (ANY in listed or wanted in listed)  # type: ignore[operator]
