"""PodSecurityConfiguration (pod-security.admission.config.k8s.io): defaults for namespaces, and exemptions."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from sampan.api.errors import FieldError
from sampan.api.json import Obj
from sampan.api.meta import is_dns1123_label, is_dns1123_subdomain
from sampan.api.pod_security.levels import (
    BAD_LEVEL,
    BAD_VERSION,
    LATEST,
    LevelVersion,
    Mode,
    Policy,
    parse_level,
    parse_version,
)
from sampan.api.pod_security.seen import go_quoted

GROUP = "pod-security.admission.config.k8s.io"
KIND = "PodSecurityConfiguration"
VERSIONS = ("v1", "v1beta1", "v1alpha1")
"""All have the same fields."""
_DEFAULTS = tuple(f"{mode}{end}" for mode in ("enforce", "audit", "warn") for end in ("", "-version"))
_LISTS = ("usernames", "namespaces", "runtimeClasses")


class Exemptions(NamedTuple):
    """Who is not checked: requests by these users, in these namespaces, pods of these runtime classes."""

    usernames: frozenset[str] = frozenset()
    namespaces: frozenset[str] = frozenset()
    runtime_classes: frozenset[str] = frozenset()


class Configuration(NamedTuple):
    """What a server is told of Pod Security."""

    defaults: Policy = Policy()
    exemptions: Exemptions = Exemptions()


class BadConfiguration(ValueError):
    """It cannot be read; the text says why."""


def configuration_of(obj: Any) -> Configuration:
    """The configuration of a decoded file. Raises BadConfiguration, with all that is wrong."""
    if not isinstance(obj, dict):
        raise BadConfiguration(f"expected a {KIND}")
    if obj.get("kind") != KIND or obj.get("apiVersion") not in [f"{GROUP}/{version}" for version in VERSIONS]:
        raise BadConfiguration(f"expected {KIND} of {GROUP}/v1, not {obj.get('kind')} of {obj.get('apiVersion')}")
    _known(obj, ("apiVersion", "kind", "defaults", "exemptions"), "")
    defaults, exemptions = obj.get("defaults") or {}, obj.get("exemptions") or {}
    _known(defaults, _DEFAULTS, "defaults.")
    _known(exemptions, _LISTS, "exemptions.")
    _check_texts(defaults, exemptions)
    errors = [*_level_errors(defaults), *_exemption_errors(exemptions)]
    if errors:
        texts = [f"{error.field}: {error.message}" for error in errors]
        raise BadConfiguration(texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]")
    policy = Policy(_mode(defaults, "enforce"), _mode(defaults, "audit"), _mode(defaults, "warn"))
    return Configuration(policy, Exemptions(*(frozenset(exemptions.get(field) or ()) for field in _LISTS)))


def _known(obj: Any, fields: Sequence[str], path: str) -> None:
    if not isinstance(obj, dict):
        raise BadConfiguration(f"{path.rstrip('.')}: expected fields")
    unknown = next((str(key) for key in obj if key not in fields), None)
    if unknown is not None:
        raise BadConfiguration(f'unknown field "{path}{unknown}"')


def _check_texts(defaults: Obj, exemptions: Obj) -> None:
    """All values are texts, or lists of texts."""
    for key, value in defaults.items():
        if value is not None and not isinstance(value, str):
            raise BadConfiguration(f"defaults.{key}: expected a text")
    for key, value in exemptions.items():
        if not isinstance(value or [], list) or not all(isinstance(one, str) for one in value or []):
            raise BadConfiguration(f"exemptions.{key}: expected a list of texts")


def _mode(defaults: Obj, mode: Mode) -> LevelVersion:
    level = parse_level(defaults.get(mode) or "privileged")
    version = parse_version(defaults.get(f"{mode}-version") or "latest")
    return LevelVersion(level or "privileged", LATEST if version is None else version)


def _level_errors(defaults: Obj) -> Iterator[FieldError]:
    for mode in ("enforce", "warn", "audit"):
        level, version = defaults.get(mode), defaults.get(f"{mode}-version")
        if level and parse_level(level) is None:
            yield _invalid(f"defaults.{mode}", level, BAD_LEVEL)
        if version and parse_version(version) is None:
            yield _invalid(f"defaults.{mode}-version", version, BAD_VERSION)


def _exemption_errors(exemptions: Obj) -> Iterator[FieldError]:
    checks: tuple[tuple[str, Callable[[str], list[str]]], ...] = (
        ("namespaces", is_dns1123_label),
        ("runtimeClasses", is_dns1123_subdomain),
        ("usernames", lambda name: [] if name else ["username must not be empty"]),
    )
    for field, check in checks:
        seen: set[str] = set()
        for index, name in enumerate(exemptions.get(field) or ()):
            path = f"exemptions.{field}[{index}]"
            if wrong := check(name):
                yield _invalid(path, name, ", ".join(wrong))
            elif name in seen:
                yield FieldError("FieldValueDuplicate", path, f"Duplicate value: {go_quoted(name)}")
            seen.add(name)


def _invalid(path: str, value: str, why: str) -> FieldError:
    return FieldError("FieldValueInvalid", path, f"Invalid value: {go_quoted(value)}: {why}")
