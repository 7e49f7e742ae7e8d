"""RBAC: roles and bindings against a request's attributes (upstream: plugin/pkg/auth/authorizer/rbac). Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from sampan.api.json import Obj
from sampan.apiserver.context import UserInfo

MASTERS = "system:masters"


@dataclass(frozen=True, slots=True)
class Attributes:
    """What somebody wants to do. `path` alone for non-resource requests."""

    verb: str
    group: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""
    path: str = ""

    @property
    def full_resource(self) -> str:
        """`pods` or `pods/log`."""
        return f"{self.resource}/{self.subresource}" if self.subresource else self.resource


@dataclass(frozen=True, slots=True)
class Rule:
    """A PolicyRule."""

    verbs: frozenset[str]
    groups: frozenset[str]
    resources: frozenset[str]
    names: frozenset[str]
    paths: tuple[str, ...]

    def allows(self, wanted: Attributes) -> bool:
        """Whether this rule allows it."""
        if wanted.verb not in self.verbs and "*" not in self.verbs:
            return False
        if wanted.path:
            return any(_path_matches(pattern, wanted.path) for pattern in self.paths)
        if wanted.group not in self.groups and "*" not in self.groups:
            return False
        if not self._has_resource(wanted):
            return False
        return not self.names or wanted.name in self.names

    def _has_resource(self, wanted: Attributes) -> bool:
        if "*" in self.resources or wanted.full_resource in self.resources:
            return True
        return bool(wanted.subresource) and f"*/{wanted.subresource}" in self.resources


def _path_matches(pattern: str, path: str) -> bool:
    return pattern in ("*", path) or (pattern.endswith("*") and path.startswith(pattern[:-1]))


def read_rules(rules: Iterable[Obj] | None) -> tuple[Rule, ...]:
    """The rules of a Role or ClusterRole."""
    return tuple(
        Rule(
            frozenset(rule.get("verbs") or ()),
            frozenset(rule.get("apiGroups") or ()),
            frozenset(rule.get("resources") or ()),
            frozenset(rule.get("resourceNames") or ()),
            tuple(rule.get("nonResourceURLs") or ()),
        )
        for rule in rules or ()
    )


@dataclass(frozen=True, slots=True)
class Grant:
    """Rules that a binding gives, in one namespace or (empty) everywhere."""

    namespace: str
    rules: tuple[Rule, ...]
    missing: str = ""
    """A role that the binding names and that does not exist."""


@dataclass(slots=True)
class Book:
    """All grants by subject: `user:NAME` and `group:NAME`."""

    grants: dict[str, list[Grant]] = field(default_factory=dict)
    _decisions: dict[tuple[str, tuple[str, ...], Attributes], bool] = field(default_factory=dict)

    def of(self, user: UserInfo) -> Iterable[Grant]:
        """Everything that the user and their groups were given."""
        yield from self.grants.get(f"user:{user.name}", ())
        for group in user.groups:
            yield from self.grants.get(f"group:{group}", ())

    def allows(self, user: UserInfo, wanted: Attributes) -> bool:
        """The decision, remembered as long as no role or binding changes."""
        if MASTERS in user.groups:
            return True
        key = (user.name, user.groups, wanted)
        known = self._decisions.get(key)
        if known is None:
            if len(self._decisions) > 50_000:
                self._decisions.clear()
            known = self._decisions[key] = any(
                rule.allows(wanted)
                for grant in self.of(user)
                if not grant.namespace or grant.namespace == wanted.namespace
                for rule in grant.rules
            )
        return known

    def trouble(self, user: UserInfo, namespace: str) -> str:
        """Bindings of the user that name roles which do not exist, as a 403's reason lists them."""
        grants = [g for g in self.of(user) if g.missing and g.namespace in ("", namespace)]
        texts = list(dict.fromkeys(g.missing for g in grants))
        if not texts:
            return ""
        return f"RBAC: {texts[0]}" if len(texts) == 1 else f"RBAC: [{', '.join(texts)}]"


def subject_key(subject: Mapping[str, str], namespace: str) -> str:
    """A binding's subject as a key of the book."""
    match subject.get("kind"):
        case "User":
            return f"user:{subject.get('name', '')}"
        case "Group":
            return f"group:{subject.get('name', '')}"
    where = subject.get("namespace") or namespace
    return f"user:system:serviceaccount:{where}:{subject.get('name', '')}"


def make_book(
    cluster_roles: Sequence[Obj], cluster_bindings: Sequence[Obj], roles: Sequence[Obj], bindings: Sequence[Obj]
) -> Book:
    """The book of a cluster's RBAC objects."""
    everywhere = {obj["metadata"]["name"]: read_rules(obj.get("rules")) for obj in cluster_roles}
    local = {
        (obj["metadata"].get("namespace", ""), obj["metadata"]["name"]): read_rules(obj.get("rules")) for obj in roles
    }
    book = Book()
    for binding in (*cluster_bindings, *bindings):
        namespace = binding["metadata"].get("namespace", "")
        ref = binding.get("roleRef") or {}
        name = ref.get("name", "")
        rules = everywhere.get(name) if ref.get("kind") == "ClusterRole" else local.get((namespace, name))
        kind = str(ref.get("kind", "")).lower()
        missing = "" if rules is not None else f'{kind}.rbac.authorization.k8s.io "{name}" not found'
        grant = Grant(namespace, rules or (), missing)
        for subject in binding.get("subjects") or ():
            book.grants.setdefault(subject_key(subject, namespace), []).append(grant)
    return book
