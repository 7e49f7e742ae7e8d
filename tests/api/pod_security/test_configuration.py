"""PodSecurityConfiguration: versions, defaults, exemptions, and what is wrong with one."""

from typing import Any

import pytest

from sampan.api.pod_security.configuration import BadConfiguration, Configuration, configuration_of

GROUP = "pod-security.admission.config.k8s.io"


def written(version: str = "v1", **fields: Any) -> dict[str, Any]:
    return {"apiVersion": f"{GROUP}/{version}", "kind": "PodSecurityConfiguration", **fields}


@pytest.mark.parametrize("version", ["v1", "v1beta1", "v1alpha1"])
def test_versions_and_defaults(version: str) -> None:
    assert configuration_of(written(version)) == Configuration()
    assert configuration_of(written(version, defaults=None, exemptions={"usernames": None})) == Configuration()


def test_all_fields() -> None:
    made = configuration_of(
        written(
            defaults={"enforce": "baseline", "enforce-version": "v1.9", "warn": "restricted", "audit": ""},
            exemptions={"usernames": ["a"], "namespaces": ["b"], "runtimeClasses": ["c.d"]},
        )
    )
    assert " ".join(map(str, made.defaults)) == "baseline:v1.9 privileged:latest restricted:latest"
    assert made.exemptions == (frozenset("a"), frozenset("b"), frozenset({"c.d"}))


@pytest.mark.parametrize(
    ("obj", "says"),
    [
        (None, "expected a PodSecurityConfiguration"),
        ({"kind": "X"}, f"expected PodSecurityConfiguration of {GROUP}/v1, not X of None"),
        (written("v2"), f"not PodSecurityConfiguration of {GROUP}/v2"),
        (written(default={}), 'unknown field "default"'),
        (written(defaults={"enforced": "x"}), 'unknown field "defaults.enforced"'),
        (written(defaults=[]), ""),
        (written(defaults=[1]), "defaults: expected fields"),
        (written(defaults={"warn": 1}), "defaults.warn: expected a text"),
        (written(exemptions={"namespaces": "a"}), "exemptions.namespaces: expected a list of texts"),
        (written(exemptions={"usernames": [1]}), "exemptions.usernames: expected a list of texts"),
        (
            written(defaults={"warn": "x", "audit-version": "v2"}, exemptions={"usernames": ["", "a", "a"]}),
            '[defaults.warn: Invalid value: "x": must be one of privileged, baseline, restricted, '
            'defaults.audit-version: Invalid value: "v2": must be "latest" or "v1.x", '
            'exemptions.usernames[0]: Invalid value: "": username must not be empty, '
            'exemptions.usernames[2]: Duplicate value: "a"]',
        ),
        (
            written(exemptions={"namespaces": ["A"]}),
            'exemptions.namespaces[0]: Invalid value: "A": a lowercase RFC 1123',
        ),
        (written(exemptions={"runtimeClasses": ["a", "a"]}), 'exemptions.runtimeClasses[1]: Duplicate value: "a"'),
    ],
)
def test_what_is_wrong(obj: Any, says: str) -> None:
    if not says:
        assert configuration_of(obj) == Configuration()
        return
    with pytest.raises(BadConfiguration) as caught:
        configuration_of(obj)
    assert says in str(caught.value)
