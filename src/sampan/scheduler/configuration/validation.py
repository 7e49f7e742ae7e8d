"""What is wrong with a configuration that has its defaults: upstream's checks, texts and order."""

from collections.abc import Iterable

from sampan.api.errors import FieldError
from sampan.api.json import Obj
from sampan.api.meta import is_qualified_name
from sampan.api.times import parse_duration
from sampan.resources.strategies.checks import Errors, duplicate, invalid, named, required
from sampan.scheduler.configuration.arguments import CHECKS
from sampan.scheduler.configuration.types import API_VERSION, POINTS

GONE = ("AzureDiskLimits", "CinderLimits", "EBSLimits", "GCEPDLimits")
"""Plugins that v1 does not have any more."""
CHECKED_POINTS = tuple(p for p in POINTS if p not in ("multiPoint", "placementGenerate", "placementScore"))


def check(config: Obj) -> list[str]:
    """All errors as texts, `field: message`."""
    errors = [*_client(config["clientConnection"]), *_leader(config["leaderElection"])]
    if config["parallelism"] <= 0:
        errors.append(invalid("parallelism", config["parallelism"], "should be an integer value greater than zero"))
    errors += _profiles(config["profiles"])
    errors += _percentage("percentageOfNodesToScore", config["percentageOfNodesToScore"])
    first, most = config["podInitialBackoffSeconds"], config["podMaxBackoffSeconds"]
    if first <= 0:
        errors.append(invalid("podInitialBackoffSeconds", first, "must be greater than 0"))
    if most < first:
        errors.append(
            invalid("podMaxBackoffSeconds", most, "must be greater than or equal to PodInitialBackoffSeconds")
        )
    errors += _extenders(config["extenders"])
    return [f"{error.field}: {error.message}" for error in errors]


def _client(client: Obj) -> Errors:
    burst = client["burst"]
    return [invalid("clientConnection.burst", burst, "must be non-negative")] if burst < 0 else []


def _leader(leader: Obj) -> Errors:
    if not leader["leaderElect"]:
        return []
    errors: Errors = []
    at = "leaderElection"
    lasts = {name: parse_duration(leader[name]) for name in ("leaseDuration", "renewDeadline", "retryPeriod")}
    for name, seconds in lasts.items():
        if seconds <= 0:
            errors.append(invalid(f"{at}.{name}", leader[name], "must be greater than zero"))
    if lasts["leaseDuration"] <= lasts["renewDeadline"]:
        errors.append(invalid(f"{at}.leaseDuration", leader["renewDeadline"], "must be greater than `RenewDeadline`"))
    if leader["resourceLock"] != "leases":
        errors.append(invalid(f"{at}.resourceLock", leader["resourceLock"], 'resourceLock value must be "leases"'))
    return errors


def _percentage(at: str, value: int | None) -> Errors:
    return [] if value is None or 0 <= value <= 100 else [invalid(at, value, "not in valid range [0-100]")]


def _profiles(profiles: list[Obj]) -> Errors:
    errors: Errors = []
    known: dict[str, int] = {}
    for index, profile in enumerate(profiles):
        at, name = f"profiles[{index}]", profile["schedulerName"]
        if not name:
            errors.append(required(f"{at}.schedulerName"))
        errors += _percentage(f"{at}.percentageOfNodesToScore", profile.get("percentageOfNodesToScore"))
        errors += _plugins(profile["plugins"], f"{at}.plugins")
        errors += _plugin_config(profile["pluginConfig"], f"{at}.pluginConfig")
        if name in known:  # upstream shows a path where the value would stand, as JSON: a struct without public fields
            errors.append(FieldError("FieldValueDuplicate", f"{at}.schedulerName", "Duplicate value: {}"))
        known[name] = index
    return errors + _queue_sort(profiles)


def _plugins(plugins: Obj, at: str) -> Errors:
    return [
        _gone(f"{at}.{point}.enabled[{index}]", one["name"])
        for point in CHECKED_POINTS
        for index, one in enumerate(plugins[point]["enabled"])
        if one.get("name") in GONE
    ]


def _gone(at: str, name: str) -> FieldError:
    why = f'was invalid in version "{API_VERSION}" (KubeSchedulerConfiguration is version "{API_VERSION}")'
    return invalid(at, name, why)


def _plugin_config(given: list[Obj], at: str) -> Errors:
    errors: Errors = []
    seen: set[str] = set()
    for index, one in enumerate(given):
        name, here = one.get("name", ""), f"{at}[{index}]"
        if name in seen:
            errors.append(duplicate(here, name))
        seen.add(name)
        if name in GONE:
            errors.append(_gone(here, name))
        elif name in CHECKS:
            errors += CHECKS[name](one["args"], f"{here}.args.")
    return errors


def _queue_sort(profiles: list[Obj]) -> Errors:
    """All profiles share one queue, so they sort it in one way."""
    errors: Errors = []
    canon = profiles[0]["plugins"]["queueSort"]
    if len(canon["enabled"]) > 1:
        why = "only one queue sort plugin can be enabled"
        errors.append(invalid("profiles[0].plugins.queueSort.Enabled", len(canon["enabled"]), why))
    name = canon["enabled"][0].get("name", "") if canon["enabled"] else ""
    args = next((one.get("args") for one in profiles[0]["pluginConfig"] if name and one.get("name") == name), None)
    for index, profile in enumerate(profiles[1:], 1):
        mine = profile["plugins"]["queueSort"]
        if mine != canon:
            at = f"profiles[{index}].plugins.queueSort"
            errors.append(invalid(at, _go_set(mine), "must be the same for all profiles"))
        for one in profile["pluginConfig"]:
            if name and one.get("name") == name and one.get("args") != args:
                at = f"profiles[{index}].pluginConfig.args"
                errors.append(invalid(at, one.get("args"), "queueSort must be the same for all profiles"))
    return errors


def _go_set(plugin_set: Obj) -> Obj:
    """A PluginSet under the names of Go's internal type."""

    def rows(given: Iterable[Obj]) -> list[Obj] | None:
        return [{"Name": one.get("name", ""), "Weight": one.get("weight", 0)} for one in given] or None

    return {"Enabled": rows(plugin_set["enabled"]), "Disabled": rows(plugin_set["disabled"])}


def _extenders(extenders: list[Obj]) -> Errors:
    errors: Errors = []
    managed: set[str] = set()
    for index, extender in enumerate(extenders):
        at = f"extenders[{index}]"
        weight = extender.get("weight", 0)
        if extender.get("prioritizeVerb") and weight <= 0:
            errors.append(invalid(f"{at}.weight", weight, "must have a positive weight applied to it"))
        for number, resource in enumerate(extender.get("managedResources") or ()):
            name, here = resource.get("name", ""), f"{at}.managedResources[{number}].name"
            errors += _extended(name, here)
            if name in managed:
                errors.append(invalid(here, name, "duplicate extender managed resource name"))
            managed.add(name)
    binders = sum(bool(extender.get("bindVerb")) for extender in extenders)
    if binders > 1:
        found = f"found {binders} extenders implementing bind"
        errors.append(invalid("extenders", found, "only one extender can implement bind"))
    return errors


def _extended(name: str, at: str) -> Errors:
    """What is wrong with the name of an extended resource."""
    if problems := is_qualified_name(name):
        return [invalid(at, named(name), problem) for problem in problems]
    native = "/" not in name or "kubernetes.io/" in name
    if native or name.startswith("requests.") or is_qualified_name(f"requests.{name}"):
        return [invalid(at, name, "is an invalid extended resource name")]
    return []
