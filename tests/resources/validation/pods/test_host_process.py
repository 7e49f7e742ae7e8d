"""Windows host processes: all or none, and on the host's network."""

from typing import Any

import pytest

from sampan.resources.validation.pods.host_process import check_host_process

YES = {"securityContext": {"windowsOptions": {"hostProcess": True}}}
NO = {"securityContext": {"windowsOptions": {"hostProcess": False}}}
ALL = "If pod contains any hostProcess containers then all containers must be HostProcess containers"


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ({"containers": [{}]}, []),
        ({"hostNetwork": True, "containers": [{}], **YES}, []),
        ({"hostNetwork": True, "containers": [YES], "initContainers": [YES]}, []),
        ({"containers": [NO], "hostNetwork": False}, []),
        ({"hostNetwork": True, "containers": [YES, {}]}, [("s", f'Invalid value: "": {ALL}')]),
        (
            {"containers": [{}], **YES},
            [
                (
                    "s.hostNetwork",
                    "Invalid value: false: hostNetwork must be true if pod contains any hostProcess containers",
                )
            ],
        ),
        (
            {"containers": [YES], **NO, "hostNetwork": True},
            [
                (
                    "s.containers[0].securityContext.windowsOptions.hostProcess",
                    "Invalid value: true: pod hostProcess value must be identical if both are specified, was false",
                )
            ],
        ),
    ],
)
def test_host_processes(spec: dict[str, Any], says: list[tuple[str, str]]) -> None:
    assert [(error.field, error.message) for error in check_host_process(spec, "s")] == says
