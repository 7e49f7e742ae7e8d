"""What an update may keep because the old object has it."""

from typing import Any

import pytest

from sampan.resources.validation.pods.options import POD, TEMPLATE
from sampan.resources.validation.pods.past import pod_options, template_options
from sampan.resources.validation.pods.template import check_pod_template

REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"


def _spec(container: dict[str, Any] | None = None, **spec: Any) -> dict[str, Any]:
    base = {"name": "c", "image": "i", "imagePullPolicy": "Always", "terminationMessagePolicy": "File"}
    return {
        "restartPolicy": "Always",
        "dnsPolicy": "ClusterFirst",
        "terminationGracePeriodSeconds": 30,
        "containers": [{**base, **(container or {})}],
        **spec,
    }


INIT = {**_spec()["containers"][0], "name": "i"}
BROKEN: dict[str, tuple[dict[str, Any], dict[str, str]]] = {
    "any_deletion_cost": (_spec(), {"controller.kubernetes.io/pod-deletion-cost": "+1"}),
    "any_selector_value": (
        _spec(
            affinity={
                "podAffinity": {
                    REQUIRED: [
                        {
                            "topologyKey": "k",
                            "labelSelector": {"matchExpressions": [{"key": "a", "operator": "In", "values": ["b c"]}]},
                        }
                    ]
                }
            }
        ),
        {},
    ),
    "any_node_value": (
        _spec(
            affinity={
                "nodeAffinity": {
                    REQUIRED: {
                        "nodeSelectorTerms": [{"matchExpressions": [{"key": "a", "operator": "In", "values": ["b c"]}]}]
                    }
                }
            }
        ),
        {},
    ),
    "any_spread_selector": (
        _spec(
            topologySpreadConstraints=[
                {
                    "maxSkew": 1,
                    "topologyKey": "k",
                    "whenUnsatisfiable": "DoNotSchedule",
                    "labelSelector": {"matchLabels": {"a": "b c"}},
                }
            ]
        ),
        {},
    ),
    "any_token_path": (
        _spec(
            volumes=[
                {
                    "name": "v",
                    "projected": {"sources": [{"serviceAccountToken": {"path": "../a", "expirationSeconds": 3600}}]},
                }
            ]
        ),
        {},
    ),
    "host_sysctls": (_spec(hostNetwork=True, securityContext={"sysctls": [{"name": "net.ipv4.x", "value": "1"}]}), {}),
    "indivisible_pages": (_spec({"resources": {"limits": {"hugepages-2Mi": "3Mi", "cpu": "1"}}}), {}),
    "any_selinux_policy": (_spec(securityContext={"seLinuxChangePolicy": "MountOption"}), {}),
    "comparing_tolerations": (_spec(tolerations=[{"key": "a", "operator": "Gt", "value": "5"}]), {}),
    "restarting_init": (
        _spec(
            initContainers=[{**INIT, "resizePolicy": [{"resourceName": "cpu", "restartPolicy": "RestartContainer"}]}]
        ),
        {},
    ),
    "devices_of_users": (
        _spec(
            {"volumeDevices": [{"name": "v", "devicePath": "/d"}]},
            hostUsers=False,
            volumes=[{"name": "v", "persistentVolumeClaim": {"claimName": "p"}}],
        ),
        {},
    ),
    "users_on_host": (_spec(hostUsers=False, hostNetwork=True), {}),
}


@pytest.mark.parametrize("allowance", BROKEN)
def test_what_old_objects_break_new_ones_may(allowance: str) -> None:
    spec, annotations = BROKEN[allowance]
    template = {"metadata": {"annotations": annotations}, "spec": spec}
    assert check_pod_template(template, "template", TEMPLATE)
    options = template_options(template)
    assert getattr(options, allowance)
    assert check_pod_template(template, "template", options) == []


def test_old_objects_that_break_nothing_allow_nothing() -> None:
    pod = {"metadata": {}, "spec": _spec()}
    assert pod_options(pod) is POD
    assert template_options(pod) is TEMPLATE
    assert template_options(None) is TEMPLATE


def test_label_keys_of_old_constraints_are_seen_by_the_old_rules() -> None:
    constraint = {
        "maxSkew": 1,
        "topologyKey": "k",
        "whenUnsatisfiable": "DoNotSchedule",
        "matchLabelKeys": ["a"],
        "labelSelector": {"matchLabels": {"a": "1"}, "matchExpressions": [{"key": "a", "operator": "Exists"}]},
    }
    template = {"metadata": {}, "spec": _spec(topologySpreadConstraints=[constraint])}
    options = template_options(template)
    assert options.legacy_match_keys
    (error,) = check_pod_template(template, "t", options)
    assert error.field == "t.spec.topologySpreadConstraints[0].matchLabelKeys[0]"
