"""What printers share: ages, label texts, and columns whose description is a field's documentation."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

from sampan.api.json import Obj
from sampan.api.resource import Column

Cells = list[object]
Printer = tuple[tuple[Column, ...], Callable[[Obj, str], Cells]]
NONE: Final = "<none>"
UNSET: Final = "<unset>"
UNKNOWN: Final = "<unknown>"
_META: Final = "=io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"


def col(name: str, about: str, kind: str = "string", wide: bool = False) -> Column:
    """A column. `about` is its description, or `=core.v1.PodSpec.nodeName` for the documentation of that field."""
    if about.startswith("=") and not about.startswith("=io."):
        about = f"=io.k8s.api.{about[1:]}"
    return Column(name, kind, description=about, priority=1 if wide else 0)


NAME: Final = Column("Name", "string", "name", f"{_META}.name")
AGE: Final = Column("Age", "string", description=f"{_META}.creationTimestamp")
CREATED_AT: Final = Column("Created At", "date", description=f"{_META}.creationTimestamp")
CONTAINERS: Final = col("Containers", "Names of each container in the template.", wide=True)
IMAGES: Final = col("Images", "Images referenced by each container in the template.", wide=True)


def meta(obj: Obj) -> Mapping[str, Any]:
    return obj.get("metadata") or {}


def name(obj: Obj) -> str:
    return str(meta(obj).get("name", ""))


def part(obj: Mapping[str, Any], *path: str) -> Any:
    """The value at a path, None when something on the way is missing."""
    value: Any = obj
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def text(value: object, missing: str = "") -> str:
    return missing if value is None or value == "" else str(value)


def number(obj: Mapping[str, Any], *path: str) -> int:
    return int(part(obj, *path) or 0)


@lru_cache(maxsize=1024)
def moment(stamp: str) -> datetime:
    """An RFC 3339 text as a time."""
    return datetime.fromisoformat(stamp)


def since(stamp: object, now: str) -> str:
    """The age of a timestamp, `<unknown>` without one."""
    if not stamp:
        return UNKNOWN
    return human_duration((moment(now) - moment(str(stamp))).total_seconds())


def age(obj: Obj, now: str) -> str:
    return since(meta(obj).get("creationTimestamp"), now)


def human_duration(length: float) -> str:
    """Seconds as kubectl writes them (apimachinery util/duration: HumanDuration)."""
    seconds = int(length)
    if seconds < -1:
        return "<invalid>"
    if seconds < 120:
        return f"{max(seconds, 0)}s"
    minutes, hours = seconds // 60, seconds // 3600
    if minutes < 10:
        return _two(minutes, "m", seconds % 60, "s")
    if minutes < 180:
        return f"{minutes}m"
    if hours < 8:
        return _two(hours, "h", minutes % 60, "m")
    if hours < 48:
        return f"{hours}h"
    if hours < 24 * 8:
        return _two(hours // 24, "d", hours % 24, "h")
    days = hours // 24
    if days < 365 * 2:
        return f"{days}d"
    if days < 365 * 8:
        return _two(days // 365, "y", days % 365, "d")
    return f"{days // 365}y"


def _two(large: int, unit: str, small: int, small_unit: str) -> str:
    return f"{large}{unit}{small}{small_unit}" if small else f"{large}{unit}"


def labels_text(labels: Mapping[str, str] | None) -> str:
    """`a=b,c=d`, `<none>` for no labels."""
    return ",".join(f"{key}={value}" for key, value in sorted((labels or {}).items())) or NONE


def selector_text(selector: Mapping[str, Any] | None) -> str:
    """A LabelSelector in selector syntax, ordered by key; empty for one that is missing or empty."""
    if not selector:
        return ""
    parts = [(key, f"{key}={value}") for key, value in sorted((selector.get("matchLabels") or {}).items())]
    for wanted in selector.get("matchExpressions") or ():
        key, values = wanted.get("key", ""), ",".join(sorted(wanted.get("values") or ()))
        forms = {"In": f"{key} in ({values})", "NotIn": f"{key} notin ({values})", "Exists": key}
        parts.append((key, forms.get(wanted.get("operator", ""), f"!{key}")))
    return ",".join(shown for _, shown in sorted(parts, key=lambda pair: pair[0]))


def containers_text(template: Mapping[str, Any] | None) -> list[object]:
    """Names and images of a pod template's containers."""
    containers = part(template or {}, "spec", "containers") or ()
    names = ",".join(str(one.get("name", "")) for one in containers)
    return [names, ",".join(str(one.get("image", "")) for one in containers)]


def first_few(items: Sequence[str], most: int = 3, empty: str = UNSET) -> str:
    """The first three, and how many more there are."""
    shown = ",".join(items[:most])
    if len(items) > most:
        return f"{shown} + {len(items) - most} more..."
    return shown or empty


def condition(conditions: Iterable[Mapping[str, Any]] | None, kind: str) -> Mapping[str, Any] | None:
    return next((one for one in conditions or () if one.get("type") == kind), None)


def plain(obj: Obj, now: str) -> Cells:
    """Name and age."""
    return [name(obj), age(obj, now)]


def created(obj: Obj, now: str) -> Cells:
    """Name and creation time."""
    return [name(obj), meta(obj).get("creationTimestamp")]


PLAIN: Final[Printer] = ((NAME, AGE), plain)
DEFAULT: Final[Printer] = ((NAME, CREATED_AT), created)
"""What kinds without a printer of their own print."""
