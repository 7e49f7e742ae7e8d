"""What the Service of an extension API server says before anybody asks it."""

from typing import Any

import pytest

from sampan.apiserver.aggregation.check import LOCAL, PASSED, before_asking, of_service, with_condition
from sampan.apiserver.aggregation.records import local_services, remote_of
from sampan.resources.build import builtin_resources

SPEC = {"group": "g.io", "version": "v1", "groupPriorityMinimum": 100, "versionPriority": 10,
        "service": {"namespace": "ns", "name": "s", "port": 8443}}  # fmt: skip
API_SERVICE: dict[str, Any] = {"metadata": {"name": "v1.g.io"}, "spec": SPEC}
PORTS = [{"name": "https", "port": 8443}]
SERVICE = {"spec": {"type": "ClusterIP", "ports": PORTS}}
SLICE = {"metadata": {"labels": {"kubernetes.io/service-name": "s"}}, "ports": [{"name": "https", "port": 1}],
         "endpoints": [{"addresses": ["10.0.0.1"], "conditions": {"ready": True}}]}  # fmt: skip


@pytest.mark.parametrize(
    ("service", "slices", "reason", "message"),
    [
        (None, [], "ServiceNotFound", 'service/s in "ns" is not present'),
        ({"spec": {"ports": [{"port": 1}]}}, [], "ServicePortError", 'service/s in "ns" is not listening on port 8443'),
        (SERVICE, [], "EndpointsNotFound", 'cannot find endpointslices for service/s in "ns"'),
        (
            SERVICE, [{**SLICE, "endpoints": [{"addresses": ["10.0.0.1"], "conditions": {"ready": False}}]}],
            "MissingEndpoints", 'endpointslices for service/s in "ns" have no addresses with port name "https"',
        ),
        (
            SERVICE, [{**SLICE, "ports": [{"name": "other"}]}],
            "MissingEndpoints", 'endpointslices for service/s in "ns" have no addresses with port name "https"',
        ),
    ],
)  # fmt: skip
def test_what_is_missing(service: Any, slices: list[Any], reason: str, message: str) -> None:
    remote = remote_of(API_SERVICE)
    assert remote is not None
    assert before_asking(remote, service, slices) == ("False", reason, message)


@pytest.mark.parametrize("service", [SERVICE, {"spec": {"type": "ExternalName"}}])
def test_then_the_server_is_asked(service: Any) -> None:
    remote = remote_of(API_SERVICE)
    assert remote is not None
    assert before_asking(remote, service, [SLICE]) is None


def test_the_time_of_a_condition_changes_with_its_status() -> None:
    one = with_condition(API_SERVICE, PASSED, "t1")
    assert one["status"]["conditions"] == [
        {"type": "Available", "status": "True", "lastTransitionTime": "t1", "reason": "Passed",
         "message": "all checks passed"}
    ]  # fmt: skip
    assert with_condition(one, PASSED, "t2") is one
    assert with_condition(one, LOCAL, "t2")["status"]["conditions"][0]["lastTransitionTime"] == "t1"
    gone = with_condition(one, PASSED._replace(status="False"), "t3")
    assert gone["status"]["conditions"][0]["lastTransitionTime"] == "t3"


def test_slices_of_a_service() -> None:
    other = {"metadata": {"labels": {"kubernetes.io/service-name": "x"}}}
    assert of_service([other, SLICE, {"metadata": {}}], "s") == [SLICE]


def test_every_group_version_of_the_tree_has_its_own() -> None:
    found = local_services(builtin_resources("1.36"))
    assert found["v1."]["spec"] == {"version": "v1", "groupPriorityMinimum": 18000, "versionPriority": 1}
    assert found["v2.autoscaling"]["spec"] == {
        "group": "autoscaling", "version": "v2", "groupPriorityMinimum": 17500, "versionPriority": 30,
    }  # fmt: skip
    assert all(one["spec"]["groupPriorityMinimum"] > 16000 for one in found.values())
    assert "v1.apiregistration.k8s.io" not in found
