"""Read and write object metadata without changing the object: owners, finalizers, conditions, names."""

import re
from collections.abc import Mapping, Sequence
from functools import cache, lru_cache
from typing import Any, Protocol

from sampan.api.json import Obj

LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
SUBDOMAIN = rf"{LABEL}(\.{LABEL})*"
LABEL_1035 = r"[a-z]([-a-z0-9]*[a-z0-9])?"
QUALIFIED = r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
LABEL_VALUE = rf"({QUALIFIED})?"
CONFIG_KEY = r"[-._a-zA-Z0-9]+"
LABEL_RE, SUBDOMAIN_RE, LABEL_VALUE_RE = re.compile(LABEL), re.compile(SUBDOMAIN), re.compile(LABEL_VALUE)


def _examples(*examples: str) -> str:
    """As apimachinery's RegexError lists them: 'a',  or 'b', ."""
    return "".join(f"{' or ' if index else ''}'{example}', " for index, example in enumerate(examples))


@cache
def regex_error(what: str, pattern: str, *examples: str) -> str:
    """The text of apimachinery's validation.RegexError."""
    return f"{what} (e.g. {_examples(*examples)}regex used for validation is '{pattern}')"


def max_length_error(length: int) -> str:
    """Too long."""
    return f"must be no more than {length} characters"


DNS_LABEL_TEXT = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character"  # noqa: E501
SUBDOMAIN_TEXT = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character"  # noqa: E501
DNS_1035_TEXT = "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character"  # noqa: E501
QUALIFIED_TEXT = "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character"  # noqa: E501
LABEL_VALUE_TEXT = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character"  # noqa: E501
CONFIG_KEY_TEXT = "a valid config key must consist of alphanumeric characters, '-', '_' or '.'"


def _check(value: str, length: int, pattern: str, error: str) -> list[str]:
    problems = [max_length_error(length)] if len(value) > length else []
    return problems if re.fullmatch(pattern, value) else [*problems, error]


@lru_cache(maxsize=4096)
def _label(value: str) -> tuple[str, ...]:
    problems = [max_length_error(63)] if len(value) > 63 else []
    if LABEL_RE.fullmatch(value):
        return tuple(problems)
    if SUBDOMAIN_RE.fullmatch(value):
        return (*problems, "must not contain dots")
    return (*problems, regex_error(DNS_LABEL_TEXT, LABEL, "my-name", "123-abc"))


def is_dns1123_label(value: str) -> list[str]:
    """What is wrong with a DNS label (RFC 1123); nothing if it is one."""
    return list(_label(value))


@lru_cache(maxsize=4096)
def _subdomain(value: str) -> tuple[str, ...]:
    return tuple(_check(value, 253, SUBDOMAIN, regex_error(SUBDOMAIN_TEXT, SUBDOMAIN, "example.com")))


def is_dns1123_subdomain(value: str) -> list[str]:
    """What is wrong with a DNS subdomain (RFC 1123): most objects' names."""
    return list(_subdomain(value))


WILDCARD = rf"\*\.{SUBDOMAIN}"
WILDCARD_TEXT = "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character"  # noqa: E501


def is_wildcard_subdomain(value: str) -> list[str]:
    """What is wrong with a DNS subdomain that starts with `*.`: hosts of Ingresses."""
    return _check(value, 253, WILDCARD, regex_error(WILDCARD_TEXT, WILDCARD, "*.example.com"))


def is_dns1035_label(value: str) -> list[str]:
    """What is wrong with a DNS label (RFC 1035): Services' names."""
    return _check(value, 63, LABEL_1035, regex_error(DNS_1035_TEXT, LABEL_1035, "my-name", "abc-123"))


@lru_cache(maxsize=4096)
def _qualified(value: str) -> tuple[str, ...]:
    problems: list[str] = []
    prefix, slash, name = value.rpartition("/")
    if slash:
        if "/" in prefix:
            text = "a valid label key must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character"  # noqa: E501
            full = regex_error(text, QUALIFIED, "MyName", "my.name", "123-abc")
            return (f"{full} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')",)
        if not prefix:
            problems.append("prefix part must be non-empty")
        else:
            problems += [f"prefix part {text.replace('253 characters', '253 bytes')}" for text in _subdomain(prefix)]
    if not name:
        problems.append("name part must be non-empty")
    elif len(name) > 63:
        problems.append("name part must be no more than 63 bytes")
    if not re.fullmatch(QUALIFIED, name):
        problems.append(regex_error(QUALIFIED_TEXT, QUALIFIED, "MyName", "my.name", "123-abc"))
    return tuple(problems)


def is_qualified_name(value: str) -> list[str]:
    """What is wrong with a label key or the like: `[prefix/]name`."""
    return list(_qualified(value))


@lru_cache(maxsize=4096)
def _label_value(value: str) -> tuple[str, ...]:
    problems = ("must be no more than 63 bytes",) if len(value) > 63 else ()
    if LABEL_VALUE_RE.fullmatch(value):
        return problems
    return (*problems, regex_error(LABEL_VALUE_TEXT, LABEL_VALUE, "MyValue", "my_value", "12345"))


def is_label_value(value: str) -> list[str]:
    """What is wrong with a label's value."""
    return list(_label_value(value))


ENV_TEXT = "a valid environment variable name must consist only of printable ASCII characters other than '='"
ENV_RE = re.compile("[ -<>-~]+")


def is_env_name(value: str) -> list[str]:
    """What is wrong with the name of an environment variable (RelaxedEnvironmentVariableValidation)."""
    if ENV_RE.fullmatch(value):
        return []
    return [ENV_TEXT] if value else ["environment variable name must be non-empty"]


PORT_NAME_RE, HEADER = re.compile("[-a-z0-9]+"), "[-A-Za-z0-9]+"
HEADER_RE = re.compile(HEADER)


@lru_cache(maxsize=1024)
def _port_name(value: str) -> tuple[str, ...]:
    problems = [max_length_error(15)] if len(value) > 15 else []
    if not PORT_NAME_RE.fullmatch(value):
        problems.append("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)")
    if not re.search("[a-z]", value):
        problems.append("must contain at least one letter (a-z)")
    if "--" in value:
        problems.append("must not contain consecutive hyphens")
    if value and "-" in (value[0], value[-1]):
        problems.append("must not begin or end with a hyphen")
    return tuple(problems)


def is_port_name(value: str) -> list[str]:
    """What is wrong with the name of a port (RFC 6335, lower case)."""
    return list(_port_name(value))


def is_port(value: int) -> list[str]:
    """What is wrong with a port number."""
    return [] if 1 <= value <= 65535 else ["must be between 1 and 65535, inclusive"]


def is_header_name(value: str) -> list[str]:
    """What is wrong with the name of an HTTP header."""
    text = "a valid HTTP header must consist of alphanumeric characters or '-'"
    return [] if HEADER_RE.fullmatch(value) else [regex_error(text, HEADER, "X-Header-Name")]


def is_config_key(value: str) -> list[str]:
    """What is wrong with a key of a ConfigMap or Secret."""
    problems = _check(
        value, 253, CONFIG_KEY, regex_error(CONFIG_KEY_TEXT, CONFIG_KEY, "key.name", "KEY_NAME", "key-name")
    )
    if value in (".", ".."):
        problems.append(f"must not be '{value}'")
    elif value.startswith(".."):
        problems.append("must not start with '..'")
    return problems


def is_path_segment(value: str) -> list[str]:
    """What is wrong with a name that may hold nearly anything (RBAC kinds)."""
    problems = [f"may not be '{value}'"] if value in (".", "..") else []
    return problems + [f"may not contain '{char}'" for char in "/%" if char in value]


# ---- metadata


def meta(obj: Obj) -> Obj:
    """The metadata, or an empty one."""
    return obj.get("metadata") or {}


def name_of(obj: Obj) -> str:
    return str(meta(obj).get("name", ""))


def namespace_of(obj: Obj) -> str:
    return str(meta(obj).get("namespace", ""))


def uid_of(obj: Obj) -> str:
    return str(meta(obj).get("uid", ""))


def labels_of(obj: Obj) -> Mapping[str, str]:
    return meta(obj).get("labels") or {}


def annotations_of(obj: Obj) -> Mapping[str, str]:
    return meta(obj).get("annotations") or {}


def finalizers_of(obj: Obj) -> Sequence[str]:
    return meta(obj).get("finalizers") or ()


def is_deleting(obj: Obj) -> bool:
    """Whether it has a deletionTimestamp."""
    return bool(meta(obj).get("deletionTimestamp"))


def controller_of(obj: Obj) -> Obj | None:
    """The owner reference that has controller: true."""
    for ref in (obj.get("metadata") or {}).get("ownerReferences") or ():
        if ref.get("controller"):
            found: Obj = ref
            return found
    return None


def owner_reference(owner: Obj, api_version: str, kind: str) -> Obj:
    """A controller owner reference to `owner`."""
    return {
        "apiVersion": api_version,
        "kind": kind,
        "name": name_of(owner),
        "uid": uid_of(owner),
        "controller": True,
        "blockOwnerDeletion": True,
    }


def with_meta(obj: Obj, **changes: Any) -> Obj:
    """The object with these metadata fields; None removes one."""
    made = {k: v for k, v in {**meta(obj), **changes}.items() if v is not None}
    return {**obj, "metadata": made}


def condition(obj: Obj, type_: str) -> Obj | None:
    """A condition of the object's status by type."""
    for one in (obj.get("status") or {}).get("conditions") or ():
        if one.get("type") == type_:
            found: Obj = one
            return found
    return None


def is_condition_true(obj: Obj, type_: str) -> bool:
    """Whether that condition is there and "True"."""
    return (condition(obj, type_) or {}).get("status") == "True"


def set_condition(conditions: Sequence[Obj] | None, new: Obj, now: str) -> list[Obj]:
    """The conditions with `new` in place of the one of its type; lastTransitionTime moves only when the status does."""
    made: list[Obj] = []
    placed = False
    for old in conditions or ():
        if old.get("type") != new["type"]:
            made.append(old)
            continue
        same = old.get("status") == new.get("status")
        made.append({**new, "lastTransitionTime": old.get("lastTransitionTime", now) if same else now})
        placed = True
    return made if placed else [*made, {**new, "lastTransitionTime": now}]


ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
"""The letters of generated names: no vowels, no look-alikes (apimachinery: util/rand)."""
MAX_GENERATED = 63 - 5


class Dice(Protocol):
    """What of `random.Random` generated names need."""

    def choice(self, seq: Sequence[str], /) -> str: ...


def suffix(rng: Dice, length: int = 5) -> str:
    """Random letters for a name."""
    return "".join(rng.choice(ALPHABET) for _ in range(length))


def generate_name(base: str, rng: Dice) -> str:
    """`base`, cut if need be, and five random letters."""
    return base[:MAX_GENERATED] + suffix(rng)
