"""Named formats: `format.dns1123Label().validate(text)`."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from sampan.api.cel.function import Overload, fn, member
from sampan.api.cel.types import Type
from sampan.api.cel.values import NONE, Opaque, Optional
from sampan.api.meta import (
    is_dns1035_label,
    is_dns1123_label,
    is_dns1123_subdomain,
    is_label_value,
    is_qualified_name,
)
from sampan.api.schema.formats import FORMATS

Check = Callable[[str], list[str]]


@dataclass(frozen=True, slots=True)
class NamedFormat(Opaque):
    """A format by its name."""

    cel_type: ClassVar[Type] = Type("opaque", (), "kubernetes.NamedFormat")
    name: str


def _prefix(check: Check) -> Check:
    """The check of the start of a name: more follows a dash at its end."""
    return lambda text: check(f"{text[:-1]}a" if len(text) > 1 and text.endswith("-") else text)


def _schema(name: str, problem: str) -> Check:
    return lambda text: [] if FORMATS[name](text) else [problem]


CHECKS: dict[str, Check] = {
    "dns1123Label": is_dns1123_label,
    "dns1123Subdomain": is_dns1123_subdomain,
    "dns1035Label": is_dns1035_label,
    "qualifiedName": is_qualified_name,
    "dns1123LabelPrefix": _prefix(is_dns1123_label),
    "dns1123SubdomainPrefix": _prefix(is_dns1123_subdomain),
    "dns1035LabelPrefix": _prefix(is_dns1035_label),
    "labelValue": is_label_value,
    "uri": _schema("uri", "invalid URI for request"),
    "uuid": _schema("uuid", "does not match the UUID format"),
    "byte": _schema("byte", "invalid base64"),
    "date": _schema("date", "invalid date"),
    "datetime": _schema("datetime", "invalid datetime"),
}


def _validate(one: NamedFormat, text: str) -> Optional:
    problems = CHECKS[one.name](text)
    return Optional(True, problems) if problems else NONE


def _constant(name: str) -> Callable[[], NamedFormat]:
    made = NamedFormat(name)
    return lambda: made


FUNCTIONS: tuple[Overload, ...] = (
    *(fn(f"format.{name}", "() -> kubernetes.NamedFormat", _constant(name)) for name in CHECKS),
    fn(
        "format.named", "(string) -> optional_type(kubernetes.NamedFormat)",
        lambda name: Optional(True, NamedFormat(name)) if name in CHECKS else NONE,
    ),
    member("validate", "(kubernetes.NamedFormat, string) -> optional_type(list(string))", _validate),
)  # fmt: skip
