"""Priority and fairness of a whole server."""

import asyncio
import json
from typing import Any

from sampan.apiserver.app import App
from sampan.apiserver.context import UserInfo
from sampan.apiserver.flowcontrol.level import Settings
from sampan.net.http import Request, Response

BOB = UserInfo("bob", groups=("system:authenticated",))
ADMIN = UserInfo("admin", groups=("system:masters", "system:authenticated"))


async def ask(app: App, user: UserInfo, path: str = "/apis/authorization.k8s.io/v1/selfsubjectreviews") -> Response:
    return await app(Request("GET", path, "", {}, context={"user": user}))


async def test_each_answer_says_where_its_request_belonged(served: App) -> None:
    found = {}
    for user, name in ((BOB, "global-default"), (ADMIN, "exempt")):
        headers = dict((await ask(served, user, "/version")).headers)
        found[name] = headers["X-Kubernetes-PF-FlowSchema-UID"], headers["X-Kubernetes-PF-PriorityLevel-UID"]
        root = "/apis/flowcontrol.apiserver.k8s.io/v1"
        schema = json.loads((await ask(served, ADMIN, f"{root}/flowschemas/{name}")).body)
        level = json.loads((await ask(served, ADMIN, f"{root}/prioritylevelconfigurations/{name}")).body)
        assert found[name] == (schema["metadata"]["uid"], level["metadata"]["uid"])


async def test_too_many_requests_are_turned_away(served: App) -> None:
    await ask(served, BOB, "/version")
    level = served.fairness._levels["global-default"]
    plain: dict[str, Any] = level.settings._asdict()
    level.settings = Settings(**{**plain, "seats": 0, "borrows": 0, "queues": 0})
    response = await asyncio.create_task(ask(served, BOB, "/version"))
    assert (response.status, response.body) == (429, b"Too many requests, please try again later.\n")
    assert dict(response.headers)["Retry-After"] == "1"
    assert (await ask(served, ADMIN, "/version")).status == 200
    text = served.parts.metrics.text().decode()
    assert 'apiserver_flowcontrol_rejected_requests_total{flow_schema="global-default"' in text
