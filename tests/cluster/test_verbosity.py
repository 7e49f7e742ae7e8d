"""Verbosity while a cluster runs."""

import logging

import pytest

from sampan import Cluster
from sampan.apiserver.context import UserInfo
from sampan.net.http import Request
from sampan.obs.log import setup


@pytest.mark.parametrize(
    ("method", "body", "status", "said"),
    [
        ("PUT", b"4", 200, b"successfully set klog.logging.verbosity to 4"),
        ("PUT", b"much", 400, b'strconv.ParseUint: parsing "much": invalid syntax'),
        ("GET", b"", 406, b"unsupported http method"),
    ],
)
async def test_put(method: str, body: bytes, status: int, said: bytes) -> None:
    root, own = logging.getLogger(), logging.getLogger("sampan")
    kept = list(root.handlers), root.level, own.level
    try:
        async with Cluster(runtime="simulated", nodes=0) as cluster:
            setup("text", 0)
            assert cluster._plane is not None
            request = Request(method, "/debug/flags/v", body=body)
            request.context["user"] = UserInfo("admin", groups=("system:masters", "system:authenticated"))
            answer = await cluster._plane.app(request)
            assert (answer.status, answer.body) == (status, said)
    finally:
        root.handlers[:] = kept[0]
        root.setLevel(kept[1])
        own.setLevel(kept[2])
