"""Affected versions as an announcement's prose lists them: components and ranges out of Markdown."""

import re
from typing import NamedTuple

from sampan.advisories.versions import ZERO, Edge, Version

CORE = ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy", "kubectl")
ANY = "kubernetes"
"""Stands for every core component, where the text does not say which."""
NAMES = re.compile(
    r"(?<![\w/.-])(kube-apiserver|kube-controller-manager|kube-scheduler|kube-proxy|kubelet|kubectl|apiserver|"
    r"api server|controller-manager|scheduler)(?![\w-])",
    re.IGNORECASE,
)
FOREIGN = re.compile(r"(?<![\w-])((?:[a-z0-9]+-)+[a-z0-9]+|nginx|kops|minikube)\b", re.IGNORECASE)
FULL = {"apiserver": "kube-apiserver", "api server": "kube-apiserver"}
V = r"[vV]?(\d+\.\d+(?:\.(?:\d+|x))?)"
HEADING = re.compile(r"^\W*(?:affected|vulnerable)\s+(?:versions?|components?)\b.*$", re.IGNORECASE | re.MULTILINE)
NEXT = re.compile(r"^\s*(?:#{1,6}\s|\*\*[A-Z]|_\*?[A-Z]|(?:fixed|patched)\s+(?:in|versions?)\b)", re.I | re.MULTILINE)
RANGE = re.compile(rf"(?<![\w.]){V}\s*(?:-|–|—|to|through|until)\s*{V}(?![\w])", re.IGNORECASE)
BELOW = re.compile(rf"(?:<=|≤|&lt;=)\s*{V}|(?<![\w.]){V}\s+and\s+(?:earlier|prior|below|older)", re.IGNORECASE)
UNDER = re.compile(rf"(?:<|&lt;|prior to|before|earlier than|older than)\s*{V}", re.IGNORECASE)
SINCE = re.compile(rf"(?:>=|≥|&gt;=)\s*{V}|(?<![\w.]){V}\s+and\s+(?:later|newer|above)", re.IGNORECASE)
SINGLE = re.compile(rf"(?<![\w.]){V}(?![\w.])")
ONLY = re.compile(rf"[\s*•-]*(?:[a-z][a-z -]*[: ])?\s*{V}(?:(?:\s|,|and|&)+{V})*\s*\.?", re.IGNORECASE)
FIXED = re.compile(r"^\W*(?:fixed|patched)\s+versions?\b.*$", re.IGNORECASE | re.MULTILINE)
ALL = re.compile(r"\ball\b[^.\n]{0,40}\bversions?\b", re.IGNORECASE)
BLAMED = re.compile(r"(?:this\s+(?:bug|issue)\s+affects\s+|/area\s+)(kube\S*|apiserver)", re.IGNORECASE)


class Affected(NamedTuple):
    """A component (or ANY) and one range of it."""

    component: str
    edges: tuple[Edge, ...]


def affected_in(text: str) -> list[Affected]:
    """What the sections on affected versions say; empty when there are none that can be understood."""
    text = text.replace("\r\n", "\n")[:200_000]
    default = _blamed(text)
    found: list[Affected] = []
    for heading in HEADING.finditer(text):
        end = NEXT.search(text, heading.end())
        for line in text[heading.end() : end.start() if end else len(text)].splitlines():
            found += _line(line[:500], default)
    return list(dict.fromkeys(found))


def fixed_in(text: str) -> list[Version]:
    """The versions that the section on fixed versions names; full ones only."""
    text = text.replace("\r\n", "\n")[:200_000]
    found: list[Version] = []
    for heading in FIXED.finditer(text):
        end = re.compile(r"^\s*(?:#{1,6}\s|\*\*[A-Z])", re.MULTILINE).search(text, heading.end())
        section = text[heading.end() : end.start() if end else len(text)]
        found += [_low(one) for one in SINGLE.findall(section) if one.count(".") == 2 and not one.endswith("x")]
    return found


def _line(line: str, default: str) -> list[Affected]:
    component = _component(line, default)
    if not component:
        return []
    return [Affected(component, edges) for edges in _edges(line)]


def _component(line: str, default: str) -> str:
    """The component that a line is about; empty for other people's."""
    named = NAMES.search(line)
    if named:
        return _full(named[1])
    if re.match(r"\W*all kubernetes versions", line, re.IGNORECASE):
        return default
    return "" if FOREIGN.search(re.sub(V, " ", line)) else default


def _full(name: str) -> str:
    name = name.lower()
    return FULL.get(name) or (name if name.startswith("kube") else f"kube-{name}")


def _blamed(text: str) -> str:
    """The one component that the text as a whole blames, else ANY."""
    blamed = {_full(m[1].strip(".,")) for m in BLAMED.finditer(text)} & set(CORE)
    return blamed.pop() if len(blamed) == 1 else ANY


def _edges(line: str) -> list[tuple[Edge, ...]]:
    found: list[tuple[Edge, ...]] = []
    spans = [(m[1], m[2]) for m in RANGE.finditer(line)]
    found += [(Edge("introduced", _low(a)), _last(b)) for a, b in spans]
    rest = RANGE.sub(" ", line)
    for match in BELOW.finditer(rest):
        found.append((Edge("introduced", ZERO), _last(match[1] or match[2])))
    rest = BELOW.sub(" ", rest)
    since = SINCE.search(rest)
    rest = SINCE.sub(" ", rest)
    under = UNDER.search(rest)
    start = Edge("introduced", _low(since[1] or since[2]) if since else ZERO)
    if under:
        found.append((start, Edge("fixed", _low(under[1]))))
    elif since:
        found.append((start,))
    if not found and ONLY.fullmatch(line):
        found = [(Edge("introduced", _low(one)), _last(one)) for one in SINGLE.findall(line)]
    if not found and ALL.search(line):
        found = [(Edge("introduced", ZERO),)]
    return found


def _parts(text: str) -> list[str]:
    return text.split(".")


def _low(text: str) -> Version:
    """The first version that `1.3`, `1.3.x` or `1.3.2` means."""
    major, minor, *patch = _parts(text)
    return Version(int(major), int(minor), int(patch[0]) if patch and patch[0] != "x" else 0)


def _last(text: str) -> Edge:
    """The end of a range that includes what is named: all of a minor for `1.6.x` and `1.6`."""
    low = _low(text)
    if len(_parts(text)) == 3 and not text.endswith("x"):
        return Edge("last_affected", low)
    return Edge("fixed", Version(low.major, low.minor + 1, 0))
