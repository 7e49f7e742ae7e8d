"""RBAC: roles and bindings against a request's attributes (upstream: plugin/pkg/auth/authorizer/rbac). Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from sampan.api.json import Obj
from sampan.apiserver.context import UserInfo
from sampan.apiserver.selected import NOTHING_SELECTED, Selected

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
    version: str = field(default="", compare=False)
    """Of the resource; webhooks are told, nobody else looks at it."""
    selected: Selected = NOTHING_SELECTED
    """What selectors say of it; RBAC does not look at that, others do."""

    @property
    def full_resource(self) -> str:
        """`pods` or `pods/log`."""
        return f"{self.resource}/{self.subresource}" if self.subresource else self.resource


@dataclass(frozen=True, slots=True)
class Rule:
    """A PolicyRule."""

    verbs: tuple[str, ...]
    groups: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()

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


EVERYTHING = (Rule(("*",), ("*",), ("*",)), Rule(("*",), paths=("*",)))


def read_rules(rules: Iterable[Obj] | None) -> tuple[Rule, ...]:
    """The rules of a Role or ClusterRole."""
    return tuple(
        Rule(
            tuple(rule.get("verbs") or ()),
            tuple(rule.get("apiGroups") or ()),
            tuple(rule.get("resources") or ()),
            tuple(rule.get("resourceNames") or ()),
            tuple(rule.get("nonResourceURLs") or ()),
        )
        for rule in rules or ()
    )


@dataclass(frozen=True, slots=True)
class Grant:
    """Rules that a binding gives, in one namespace or (empty) everywhere."""

    namespace: str
    rules: tuple[Rule, ...]
    source: str = ""
    """The binding, its role and its subject, as the reason of a yes names them."""
    missing: str = ""
    """A role that the binding names and that does not exist."""


@dataclass(slots=True)
class Book:
    """All grants by subject: `user:NAME` and `group:NAME`."""

    grants: dict[str, list[Grant]] = field(default_factory=dict)
    roles: dict[tuple[str, str, str], tuple[Rule, ...]] = field(default_factory=dict)
    """The rules of all roles by kind, namespace and name."""
    _decisions: dict[tuple[str, tuple[str, ...], Attributes], Grant | None] = field(default_factory=dict)

    def of(self, user: UserInfo) -> Iterable[Grant]:
        """Everything that the user and their groups were given."""
        yield from self.grants.get(f"user:{user.name}", ())
        for group in user.groups:
            yield from self.grants.get(f"group:{group}", ())

    def grant(self, user: UserInfo, wanted: Attributes) -> Grant | None:
        """The grant that allows it, remembered as long as no role or binding changes."""
        key = (user.name, user.groups, wanted)
        if key in self._decisions:
            return self._decisions[key]
        if len(self._decisions) > 50_000:
            self._decisions.clear()
        found = None
        for grant in self.of(user):
            if grant.namespace in ("", wanted.namespace) and any(rule.allows(wanted) for rule in grant.rules):
                found = grant
                break
        self._decisions[key] = found
        return found

    def rules(self, user: UserInfo, namespace: str) -> list[Rule]:
        """Everything that the user may do in a namespace (empty: at the cluster scope)."""
        return list(EVERYTHING) if MASTERS in user.groups else self.granted(user, namespace)

    def granted(self, user: UserInfo, namespace: str) -> list[Rule]:
        """What roles say that the user may do."""
        return [rule for grant in self.of(user) if grant.namespace in ("", namespace) for rule in grant.rules]

    def unresolved(self, user: UserInfo, namespace: str) -> list[str]:
        """The user's bindings that name roles which do not exist."""
        grants = [g for g in self.of(user) if g.missing and g.namespace in ("", namespace)]
        return list(dict.fromkeys(g.missing for g in grants))

    def trouble(self, user: UserInfo, namespace: str) -> str:
        """`unresolved` as a 403's reason lists it."""
        texts = self.unresolved(user, namespace)
        return f"RBAC: {aggregate(texts)}" if texts else ""


def aggregate(texts: Sequence[str]) -> str:
    """Several errors as upstream writes them in one."""
    return texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"


def subject_key(subject: Mapping[str, str], namespace: str) -> str:
    """A binding's subject as a key of the book."""
    match subject.get("kind"):
        case "User":
            return f"user:{subject.get('name', '')}"
        case "Group":
            return f"group:{subject.get('name', '')}"
    where = subject.get("namespace") or namespace
    return f"user:system:serviceaccount:{where}:{subject.get('name', '')}"


def _source(binding: Obj, subject: Mapping[str, str], namespace: str) -> str:
    ref, name = binding["roleRef"], binding["metadata"]["name"]
    kind = f'RoleBinding "{name}/{namespace}"' if namespace else f'ClusterRoleBinding "{name}"'
    who = subject.get("name", "")
    if subject.get("kind") == "ServiceAccount":
        who += f"/{subject.get('namespace') or namespace}"
    return f'{kind} of {ref["kind"]} "{ref["name"]}" to {subject.get("kind", "")} "{who}"'


def make_book(
    cluster_roles: Sequence[Obj], cluster_bindings: Sequence[Obj], roles: Sequence[Obj], bindings: Sequence[Obj]
) -> Book:
    """The book of a cluster's RBAC objects."""
    book = Book()
    for kind, objects in (("ClusterRole", cluster_roles), ("Role", roles)):
        for obj in objects:
            meta = obj["metadata"]
            book.roles[kind, meta.get("namespace", ""), meta["name"]] = read_rules(obj.get("rules"))
    for binding in (*cluster_bindings, *bindings):
        namespace = binding["metadata"].get("namespace", "")
        ref = binding.get("roleRef") or {}
        kind, name = str(ref.get("kind", "")), ref.get("name", "")
        rules = book.roles.get((kind, "" if kind == "ClusterRole" else namespace, name))
        missing = "" if rules is not None else f'{kind.lower()}.rbac.authorization.k8s.io "{name}" not found'
        for subject in binding.get("subjects") or ():
            grant = Grant(namespace, rules or (), "" if missing else _source(binding, subject, namespace), missing)
            book.grants.setdefault(subject_key(subject, namespace), []).append(grant)
    return book
