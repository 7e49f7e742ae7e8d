"""What the checks look at: a pod with its containers laid out once, and how they say what they found."""

from collections.abc import Callable, Collection, Sequence
from typing import Any, NamedTuple

from sampan.api.json import Obj
from sampan.api.pod_security.levels import Level

EMPTY: Obj = {}
_ESCAPES = {7: "\\a", 8: "\\b", 9: "\\t", 10: "\\n", 11: "\\v", 12: "\\f", 13: "\\r", 34: '\\"', 92: "\\\\"}


class Part(NamedTuple):
    """A container of any sort: its name, itself, its security context."""

    name: str
    container: Obj
    context: Obj


class Seen(NamedTuple):
    """A pod as checks see it: annotations, spec, the pod's security context, containers of all three sorts."""

    annotations: Obj
    spec: Obj
    context: Obj
    parts: list[Part]


class Forbidden(NamedTuple):
    """What a check objects to: in short, and what exactly."""

    reason: str
    detail: str


Rule = Callable[[Seen], Forbidden | None]


class Check(NamedTuple):
    """One check: its rules with the minor version from which each holds, ascending; which checks it stands in for."""

    id: str
    level: Level
    rules: tuple[tuple[int, Rule], ...]
    overrides: tuple[str, ...] = ()


def look(metadata: Obj, spec: Obj) -> Seen:
    """Lay out a pod, or a pod template."""
    get = spec.get
    containers: list[Obj] = [*(get("initContainers") or ()), *(get("containers") or ())]
    ephemeral = get("ephemeralContainers")
    if ephemeral:
        containers += ephemeral
    parts = [Part(one.get("name") or "", one, one.get("securityContext") or EMPTY) for one in containers]
    return Seen(metadata.get("annotations") or EMPTY, spec, get("securityContext") or EMPTY, parts)


def windows(seen: Seen) -> bool:
    """Whether the pod says that it is for Windows."""
    return (seen.spec.get("os") or EMPTY).get("name") == "windows"


def own_users(seen: Seen) -> bool:
    """Whether the pod has a user namespace of its own."""
    return seen.spec.get("hostUsers") is False


def plural(word: str, things: Collection[Any]) -> str:
    """The word for that many things."""
    return word if len(things) == 1 else f"{word}s"


def quoted(texts: Sequence[str]) -> str:
    """All texts in quotes, with commas."""
    return '"' + '", "'.join(texts) + '"' if texts else ""


def containers(names: Sequence[str]) -> str:
    """`container "a"`, or `containers "a", "b"`."""
    return f"{plural('container', names)} {quoted(names)}"


def setters(pod: bool, names: Sequence[str]) -> str:
    """Who set something: the pod, containers, or both; empty when nobody did."""
    said = ["pod"] if pod else []
    if names:
        said.append(containers(names))
    return " and ".join(said)


def go_quoted(text: str) -> str:
    """A text as Go's %q writes it."""
    return '"' + "".join(_ESCAPES.get(ord(char)) or _plain(char) for char in text) + '"'


def _plain(char: str) -> str:
    if char.isprintable():
        return char
    code = ord(char)
    if code < 0x80:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
