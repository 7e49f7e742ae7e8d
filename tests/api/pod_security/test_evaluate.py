"""Every check: cases with exact texts, and what must hold for any pod."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from sampan.api.pod_security.evaluate import CHECKS, NEWEST, Violation, evaluate
from sampan.api.pod_security.levels import LATEST, Level

Obj = dict[str, Any]
HERE = Path(__file__).parent
PLAIN = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
PLAIN_POD = {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
LEVELS: list[Level] = ["baseline", "restricted"]


def cases(level: Level) -> list[Any]:
    found = yaml.safe_load((HERE / "cases" / f"{level}.yaml").read_text())
    return [pytest.param(level, case, id=f"{level}: {case['about']}") for case in found]


@pytest.mark.parametrize(("level", "case"), [*cases("baseline"), *cases("restricted")])
def test_cases(level: Level, case: Obj) -> None:
    spec = case["spec"]
    if level == "restricted" and not case.get("bare"):
        laid = [{**one, "securityContext": {**PLAIN, **one.get("securityContext", {})}} for one in spec["containers"]]
        spec = {**spec, "containers": laid, "securityContext": {**PLAIN_POD, **spec.get("securityContext", {})}}
    result = evaluate(level, case.get("version", LATEST), {"annotations": case.get("annotations")}, spec)
    assert result.details == case["says"].replace("\n", " ")
    assert result.allowed == (not case["says"])


def test_checks_stand_in_order_and_rise() -> None:
    assert NEWEST == 35
    for level in LEVELS:
        ids = [check.id for check in CHECKS if check.level == level]
        assert ids == sorted(ids)
    for check in CHECKS:
        since = [version for version, _ in check.rules]
        assert since == sorted(set(since))


def test_privileged_allows_anything() -> None:
    assert evaluate("privileged", LATEST, {}, {"hostPID": True}).allowed


def test_a_violation_says_reason_and_detail() -> None:
    assert str(Violation("x", "reason", "")) == "reason"
    result = evaluate(
        "baseline", LATEST, {}, {"hostPID": True, "containers": [{"name": "a", "ports": [{"hostPort": 1}]}]}
    )
    assert result.reasons == "host namespaces, hostPort"
    assert [one.check for one in result.violations] == ["hostNamespaces", "hostPorts"]


def maybe(value: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | value


BOOL = maybe(st.booleans())
PROFILE = maybe(
    st.fixed_dictionaries({"type": st.sampled_from(["RuntimeDefault", "Localhost", "Unconfined", "", "X"])})
)
SELINUX = maybe(st.fixed_dictionaries({"type": st.sampled_from(["", "container_t", "x"]), "user": maybe(st.just("u"))}))
NAMES = st.lists(st.sampled_from(["ALL", "CHOWN", "NET_BIND_SERVICE", "NET_RAW"]), max_size=2)
WINDOWS = maybe(st.fixed_dictionaries({"hostProcess": BOOL}))
HANDLER = maybe(st.fixed_dictionaries({"httpGet": maybe(st.fixed_dictionaries({"host": maybe(st.just("h"))}))}))
CONTEXT = maybe(
    st.fixed_dictionaries(
        {},
        optional={
            "privileged": BOOL,
            "allowPrivilegeEscalation": BOOL,
            "runAsNonRoot": BOOL,
            "runAsUser": maybe(st.integers(0, 1)),
            "procMount": maybe(st.sampled_from(["Default", "Unmasked"])),
            "seccompProfile": PROFILE,
            "appArmorProfile": PROFILE,
            "seLinuxOptions": SELINUX,
            "windowsOptions": WINDOWS,
            "capabilities": maybe(st.fixed_dictionaries({"add": maybe(NAMES), "drop": maybe(NAMES)})),
        },
    )
)
GOOD = st.just({**PLAIN, "runAsNonRoot": True, "seccompProfile": {"type": "Localhost"}})
CONTAINER = st.fixed_dictionaries(
    {"name": st.sampled_from("ab"), "securityContext": CONTEXT | GOOD},
    optional={
        "ports": maybe(st.lists(st.fixed_dictionaries({"hostPort": maybe(st.integers(0, 2))}), max_size=1)),
        "livenessProbe": HANDLER,
        "lifecycle": maybe(st.fixed_dictionaries({"preStop": HANDLER})),
    },
)
SPEC = st.fixed_dictionaries(
    {"containers": st.lists(CONTAINER, min_size=1, max_size=2)},
    optional={
        "initContainers": maybe(st.lists(CONTAINER, max_size=1)),
        "ephemeralContainers": maybe(st.lists(CONTAINER, max_size=1)),
        "hostNetwork": BOOL,
        "hostUsers": BOOL,
        "os": maybe(st.just({"name": "linux"})),
        "securityContext": CONTEXT,
        "volumes": maybe(
            st.lists(st.sampled_from([{"name": "v", "hostPath": {}}, {"name": "w", "secret": {}}]), max_size=2)
        ),
    },
)
META = st.fixed_dictionaries(
    {},
    optional={
        "annotations": maybe(
            st.sampled_from(
                [
                    {},
                    {"container.apparmor.security.beta.kubernetes.io/a": "unconfined"},
                    {"seccomp.security.alpha.kubernetes.io/pod": "unconfined"},
                ]
            )
        )
    },
)


@given(META, SPEC, st.integers(0, NEWEST + 1))
def test_restricted_passes_means_baseline_passes_means_privileged_passes(meta: Obj, spec: Obj, version: int) -> None:
    """Not for Windows pods: there restricted leaves out capabilities and seccomp, which the API refuses for them."""
    for strict, loose in (("restricted", "baseline"), ("baseline", "privileged")):
        strict_level: Any = strict
        loose_level: Any = loose
        if evaluate(strict_level, version, meta, spec).allowed:
            assert evaluate(loose_level, version, meta, spec).allowed


@given(META, SPEC)
def test_versions_that_are_not_known_mean_the_newest(meta: Obj, spec: Obj) -> None:
    for level in LEVELS:
        assert (
            evaluate(level, LATEST, meta, spec)
            == evaluate(level, 99, meta, spec)
            == evaluate(level, NEWEST, meta, spec)
        )
