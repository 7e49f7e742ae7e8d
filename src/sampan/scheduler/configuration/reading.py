"""A document to a whole, checked configuration; upstream's texts for what is wrong with it."""

from collections.abc import Sequence
from typing import Any

from sampan.api import json
from sampan.api.json import Obj
from sampan.api.quote import go_quoted
from sampan.api.schema.decode import DecodeError, decode
from sampan.api.schema.strict import strict_message, strict_problems
from sampan.api.times import parse_duration
from sampan.scheduler.configuration.defaults import with_defaults
from sampan.scheduler.configuration.types import API_VERSION, CONFIGURATION, KIND, arguments
from sampan.scheduler.configuration.validation import check

SCHEME = "k8s.io/kubernetes/pkg/scheduler/apis/config/scheme/scheme.go:30"

TYPE_META = r"""struct { APIVersion string "json:\"apiVersion,omitempty\""; Kind string "json:\"kind,omitempty\"" }"""


class ConfigurationError(Exception):
    """A KubeSchedulerConfiguration that cannot be used; the text is upstream's, all errors in it."""


def read(document: Any, repeated: Sequence[str] = ()) -> Obj:
    """The configuration with its defaults. `repeated`: what the parser says of keys that stand twice.

    Raises ConfigurationError.
    """
    config, problems = _decoded(document, KIND, CONFIGURATION)
    problems = [*repeated, *problems]
    profiles = []
    for index, profile in enumerate(config.get("profiles") or ()):
        given = profile.get("pluginConfig")
        if given is not None:
            at = f"decoding .profiles[{index}].pluginConfig"
            profile = {
                **profile,
                "pluginConfig": [_arguments(one, f"{at}[{n}]", problems) for n, one in enumerate(given)],
            }
        profiles.append(profile)
    if problems:
        raise ConfigurationError(strict_message(problems))
    if profiles:
        config = {**config, "profiles": profiles}
    _durations(config)
    whole = with_defaults(config)
    if errors := check(whole):
        raise ConfigurationError(aggregate(errors))
    return whole


def aggregate(errors: Sequence[str]) -> str:
    """Errors as Go's aggregate prints them."""
    told = list(dict.fromkeys(errors))
    return told[0] if len(told) == 1 else f"[{', '.join(told)}]"


def _decoded(document: Any, kind: str, node: Any, version: str = API_VERSION) -> tuple[Obj, list[str]]:
    """One object of that kind, and its unknown fields; raises ConfigurationError for another one."""
    if not isinstance(document, dict):
        what = {str: "string", int: "number", float: "number", bool: "bool", list: "array"}.get(type(document), "null")
        told = f"json: cannot unmarshal {what} into Go value of type {TYPE_META}"
        raise ConfigurationError(f"couldn't get version/kind; json parse error: {told}")
    for field, name in (("kind", "Kind"), ("apiVersion", "apiVersion")):
        if not document.get(field):
            raise ConfigurationError(f"Object '{name}' is missing in '{json.dumps(document).decode()}'")
    if (document["kind"], document["apiVersion"]) != (kind, version):
        raise ConfigurationError(
            f'no kind "{document["kind"]}" is registered for version "{document["apiVersion"]}" in scheme "{SCHEME}"'
        )
    try:
        made, unknown = decode(document, node)
    except DecodeError as error:
        raise ConfigurationError(str(error)) from None
    return made, strict_problems((), unknown)


def _arguments(given: Obj, at: str, problems: list[str]) -> Obj:
    """One pluginConfig entry with its arguments decoded; those of plugins that are not known stay as they are."""
    name = given.get("name", "")
    node = arguments().get(name)
    if node is None:
        return given
    args = given.get("args")
    args = {} if args is None else args
    kind = f"{name}Args"
    if isinstance(args, dict):
        args = {**args, "kind": args.get("kind") or kind, "apiVersion": args.get("apiVersion") or API_VERSION}
        told = args["kind"]
        if told != kind and told.removesuffix("Args") in arguments() and args["apiVersion"] == API_VERSION:
            text = f"args for plugin {name} were not of type {kind}.kubescheduler.config.k8s.io, got {told}"
            raise ConfigurationError(f"{at}: {text}.kubescheduler.config.k8s.io")
    try:
        made, unknown = _decoded(args, kind, node)
    except ConfigurationError as error:
        raise ConfigurationError(f"{at}: decoding args for plugin {name}: {error}") from None
    if unknown:
        inner = f"decoding args for plugin {name}: {strict_message(unknown)}"
        problems.append(f"{at}: {strict_message([inner])}")
    return {**given, "args": made}


def _durations(config: Obj) -> None:
    """Raises ConfigurationError for a duration that is none."""
    leader = config.get("leaderElection") or {}
    found = [leader.get(name) for name in ("leaseDuration", "renewDeadline", "retryPeriod")]
    found += [one.get("httpTimeout") for one in config.get("extenders") or ()]
    for profile in config.get("profiles") or ():
        for one in profile.get("pluginConfig") or ():
            if one.get("name") == "DynamicResources":
                args = one.get("args") or {}
                found += [args.get("filterTimeout"), args.get("bindingTimeout")]
    for text in found:
        if text is None:
            continue
        try:
            parse_duration(text)
        except ValueError:
            raise ConfigurationError(f"time: invalid duration {go_quoted(text)}") from None
