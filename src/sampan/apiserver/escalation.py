"""Which rules of a role go beyond what its writer holds (upstream: component-helpers/auth/rbac/validation). Pure."""

from collections.abc import Iterable, Iterator, Sequence

from sampan.apiserver.context import UserInfo
from sampan.apiserver.rbac import Rule, aggregate


def missing(held: Sequence[Rule], wanted: Iterable[Rule]) -> list[Rule]:
    """The parts of the wanted rules that no held rule covers, each of one verb and one resource or path."""
    return [part for rule in wanted for part in _parts(rule) if not any(_covers(owner, part) for owner in held)]


def _parts(rule: Rule) -> Iterator[Rule]:
    for group in rule.groups:
        for resource in rule.resources:
            for verb in rule.verbs:
                for name in rule.names or ("",):
                    yield Rule((verb,), (group,), (resource,), (name,) if name else ())
    for path in rule.paths:
        for verb in rule.verbs:
            yield Rule((verb,), paths=(path,))


def _covers(owner: Rule, part: Rule) -> bool:
    if "*" not in owner.verbs and part.verbs[0] not in owner.verbs:
        return False
    if part.paths:
        return any(_path_covers(path, part.paths[0]) for path in owner.paths)
    if "*" not in owner.groups and part.groups[0] not in owner.groups:
        return False
    if owner.names and (not part.names or part.names[0] not in owner.names):
        return False
    resource = part.resources[0]
    _, slash, subresource = resource.partition("/")
    return (
        "*" in owner.resources or resource in owner.resources or bool(slash and f"*/{subresource}" in owner.resources)
    )


def _path_covers(owner: str, path: str) -> bool:
    return owner == path or (owner.endswith("*") and path.startswith(owner.rstrip("*")))


def refusal_text(user: UserInfo, lacking: Sequence[Rule], unresolved: Sequence[str]) -> str:
    """Why the user may not grant that: rules of one resource are shown as one."""
    verbs: dict[Rule, list[str]] = {}
    shown: set[str] = set()
    for part in lacking:
        if part.paths:
            shown.add(_shown(part, part.verbs))
        else:
            verbs.setdefault(Rule((), part.groups, part.resources, part.names), []).append(part.verbs[0])
    shown |= {_shown(rule, found) for rule, found in verbs.items()}
    who = f'user "{user.name}" (groups={_quoted(user.groups)})'
    text = f"{who} is attempting to grant RBAC permissions not currently held:\n" + "\n".join(sorted(shown))
    return f"{text}; resolution errors: [{aggregate(unresolved)}]" if unresolved else text


def _quoted(items: Sequence[str]) -> str:
    return "[" + " ".join(f'"{item}"' for item in items) + "]"


def _shown(rule: Rule, verbs: Sequence[str]) -> str:
    parts = (
        ("APIGroups", rule.groups), ("Resources", rule.resources), ("NonResourceURLs", rule.paths),
        ("ResourceNames", rule.names), ("Verbs", verbs),
    )  # fmt: skip
    return "{" + ", ".join(f"{name}:{_quoted(items)}" for name, items in parts if items) + "}"
