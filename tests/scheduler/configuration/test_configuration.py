"""KubeSchedulerConfiguration: what is said of wrong ones, and what profiles right ones make."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from sampan.scheduler.configuration.arguments import CHECKS, check_fit
from sampan.scheduler.configuration.defaults import default_args
from sampan.scheduler.configuration.points import expanded, weights_of
from sampan.scheduler.configuration.profiles import Settings, settings_of
from sampan.scheduler.configuration.reading import ConfigurationError, read
from sampan.scheduler.plugins.fit import NodeResourcesFit
from sampan.scheduler.plugins.node_affinity import NodeAffinity
from sampan.scheduler.plugins.spread import PodTopologySpread
from sampan.scheduler.profile import DEFAULT

CASES = Path(__file__).parent / "cases"


def cases(name: str) -> list[dict[str, Any]]:
    """The cases of a file."""
    found: list[dict[str, Any]] = yaml.safe_load((CASES / f"{name}.yaml").read_text())
    return found


def whole(config: dict[str, Any]) -> dict[str, Any]:
    """A configuration with its apiVersion and kind."""
    return {"apiVersion": "kubescheduler.config.k8s.io/v1", "kind": "KubeSchedulerConfiguration", **config}


def made(**config: Any) -> Settings:
    """The settings of a configuration."""
    return settings_of(read(whole(config)))


def flat(text: str) -> str:
    """Without what YAML's folding changes: double spaces."""
    return " ".join(text.split())


@pytest.mark.parametrize("case", cases("wrong"), ids=lambda case: case["name"])
def test_what_is_said(case: dict[str, Any]) -> None:
    said = ""
    try:
        settings_of(read(whole(case["config"])))
    except ConfigurationError as error:
        said = str(error)
    assert flat(said) == flat(case.get("error", ""))


@pytest.mark.parametrize("case", cases("arguments"), ids=lambda case: case["plugin"])
def test_what_is_said_of_arguments(case: dict[str, Any]) -> None:
    check = {**CHECKS, "NodeResourcesFit": check_fit}[case["plugin"]]
    errors = check(default_args(case["plugin"], case["args"]), "")
    assert [flat(f"{e.field}: {e.message}") for e in errors] == [flat(text) for text in case.get("errors", [])]


@pytest.mark.parametrize("case", cases("points"), ids=lambda case: case["name"])
def test_plugins_are_spread_over_their_points(case: dict[str, Any]) -> None:
    profile = read(whole({"profiles": [{"plugins": case.get("plugins", {})}]}))["profiles"][0]
    args = {one["name"]: one["args"] for one in profile["pluginConfig"]}
    points, weights = expanded(profile["plugins"], args), weights_of(profile["plugins"])
    assert {point: list(points[point]) for point in case["expect"]} == case["expect"]
    assert {name: weights[name] for name in case.get("weights", {})} == case.get("weights", {})


def test_no_document_is_a_configuration() -> None:
    with pytest.raises(ConfigurationError, match=re.escape("Object 'Kind' is missing in '{\"a\":1}'")):
        read({"a": 1})
    with pytest.raises(ConfigurationError, match="couldn't get version/kind; json parse error"):
        read([])
    with pytest.raises(ConfigurationError, match='key "a" already set in map'):
        read(whole({}), ['line 3: key "a" already set in map'])


def test_an_empty_configuration_is_the_default() -> None:
    settings = made()
    profile = settings.profiles["default-scheduler"]
    assert (settings.first_backoff, settings.most_backoff, list(settings.extenders)) == (1, 10, [])
    assert [rule.name for rule in profile.filters] == [rule.name for rule in DEFAULT.filters]
    for mine, theirs in ((profile.scores, DEFAULT.scores), (profile.weighers, DEFAULT.weighers)):
        assert [(r.name, r.weight) for r in mine] == [(r.name, r.weight) for r in theirs]
    assert (profile.percentage, profile.preempts, profile.candidates) == (0, True, (10, 100))


def test_arguments_reach_their_plugins() -> None:
    term = {"matchExpressions": [{"key": "zone", "operator": "Exists"}]}
    affinity = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [term]}}
    constraint = {"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "ScheduleAnyway"}
    shape = [{"utilization": 0, "score": 0}, {"utilization": 100, "score": 10}]
    strategy = {
        "type": "RequestedToCapacityRatio", "resources": [{"name": "example.com/gpu", "weight": 3}],
        "requestedToCapacityRatio": {"shape": shape},
    }  # fmt: skip
    given = {
        "NodeResourcesFit": {"scoringStrategy": strategy, "ignoredResourceGroups": ["example.org"]},
        "NodeAffinity": {"addedAffinity": affinity},
        "PodTopologySpread": {"defaultingType": "List", "defaultConstraints": [constraint]},
        "DefaultPreemption": {"minCandidateNodesPercentage": 5},
        "VolumeBinding": {"bindTimeoutSeconds": 7},
    }
    config = [{"name": name, "args": args} for name, args in given.items()]
    settings = made(profiles=[{"percentageOfNodesToScore": 30, "pluginConfig": config}], percentageOfNodesToScore=60)
    profile = settings.profiles["default-scheduler"]
    fit = next(rule for rule in profile.scores if isinstance(rule, NodeResourcesFit))
    assert (fit.resources, fit.skips_zero, set(fit.ignored)) == ((("example.com/gpu", 3),), True, {"example.org"})
    assert fit.part(50, 100) == 50
    assert next(rule for rule in profile.filters if isinstance(rule, NodeAffinity)).added == affinity
    spread = next(rule for rule in profile.weighers if isinstance(rule, PodTopologySpread))
    assert (spread.defaults, spread.of_system) == ((constraint,), False)
    assert (profile.candidates, profile.bind_timeout, profile.percentage) == ((5, 100), 7.0, 30)


def test_what_extenders_look_after_is_not_counted() -> None:
    managed = [{"name": "example.com/a", "ignoredByScheduler": True}, {"name": "example.com/b"}]
    extenders = [{"urlPrefix": "u", "ignorable": True}, {"urlPrefix": "v", "managedResources": managed}]
    settings = made(extenders=extenders)
    fit = settings.profiles["default-scheduler"].filters[5]
    assert isinstance(fit, NodeResourcesFit)
    assert fit.ignored == {"example.com/a"}
    assert [one["urlPrefix"] for one in settings.extenders] == ["v", "u"]
