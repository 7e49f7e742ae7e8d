"""KubeletConfiguration: upstream's names and defaults, flags over files, what is refused and what is only told."""

from typing import Any

import pytest

from sampan.kubelet.configuration import (
    ConfigurationError,
    load,
    parse_gates,
    parse_taints,
    resolv_conf,
)
from sampan.kubelet.door import Access

HEAD = {"apiVersion": "kubelet.config.k8s.io/v1beta1", "kind": "KubeletConfiguration"}


def test_nothing_given() -> None:
    loaded = load(None)
    assert (loaded.at("port"), loaded.at("healthzPort"), loaded.at("maxPods")) == (10250, 10248, 110)
    assert loaded.access() == Access()
    assert loaded.evented
    assert loaded.warnings == ()
    assert loaded.values["kind"] == "KubeletConfiguration"


def test_fields_go_over_defaults_and_flags_over_both() -> None:
    given = {**HEAD, "port": 1, "maxPods": 20, "authentication": {"webhook": {"cacheTTL": "5s"}}}
    loaded = load(given, {"port": 2, "authentication": {"anonymous": {"enabled": True}}})
    assert (loaded.at("port"), loaded.at("maxPods")) == (2, 20)
    assert loaded.access() == Access(anonymous=True, token_ttl=5.0)


def test_the_gate_of_evented_pleg() -> None:
    assert not load({"featureGates": {"EventedPLEG": False}}).evented
    assert load({"featureGates": {"EventedPLEG": True, "Other": False}}).evented
    assert not load({}, {"featureGates": parse_gates("EventedPLEG=false,X=true")}).evented


def test_what_is_told() -> None:
    loaded = load({**HEAD, "nonsense": 1, "cpuManagerPolicy": "static", "cgroupDriver": "cgroupfs"})
    assert loaded.warnings == ("cpuManagerPolicy is not acted upon", "unknown field 'nonsense' is ignored")


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ([], "expected a KubeletConfiguration"),
        ({**HEAD, "kind": "Pod"}, "no kind 'Pod' is registered for version 'kubelet.config.k8s.io/v1beta1'"),
        ({"port": "10250"}, "port: '10250': expected a number"),
        ({"serverTLSBootstrap": 1}, "serverTLSBootstrap: 1: expected true or false"),
        ({"authentication": True}, "authentication: True: expected an object"),
        ({"enforceNodeAllocatable": "pods"}, "enforceNodeAllocatable: 'pods': expected a list"),
    ],
)
def test_what_is_refused(given: Any, text: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        load(given)
    assert str(refused.value) == text


@pytest.mark.parametrize(
    "given",
    [{"authorization": {"mode": "RBAC"}}, {"authentication": {"webhook": {"cacheTTL": "soon"}}}],
)
def test_access_that_is_refused(given: Any) -> None:
    with pytest.raises(ConfigurationError):
        load(given).access()


def test_taints_of_a_flag() -> None:
    assert parse_taints("a=b:NoSchedule,c:NoExecute") == [
        {"key": "a", "value": "b", "effect": "NoSchedule"},
        {"key": "c", "effect": "NoExecute"},
    ]
    with pytest.raises(ConfigurationError):
        parse_taints("a=b")
    with pytest.raises(ConfigurationError):
        parse_gates("A=maybe")


def test_a_resolv_conf() -> None:
    text = "# x\nnameserver 10.0.0.1\nsearch a b\nnameserver 10.0.0.2\nsearch c .\noptions ndots:2 edns0\n"
    assert resolv_conf(text) == (("10.0.0.1", "10.0.0.2"), ("c",), ("ndots:2", "edns0"))
