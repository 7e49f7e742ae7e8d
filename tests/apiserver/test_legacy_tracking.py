"""The ConfigMap that says since when uses of tokens are written down, and the labels on their Secrets."""

import asyncio
from datetime import UTC, datetime
from typing import Any

from sampan import Cluster
from sampan.api.json import Obj
from sampan.api.names import ObjectRef
from sampan.client.api import Api
from sampan.client.http import HttpTransport
from sampan.client.kubeconfig import Access, load_kubeconfig
from sampan.resources.account_tokens import LAST_USED, SINCE, TRACKING
from sampan.resources.bootstrap_tokens import data_of
from sampan.resources.kinds import CONFIGMAPS, SECRETS, SELFSUBJECTREVIEWS, SERVICEACCOUNTS

CONFIG = ObjectRef(CONFIGMAPS, "kube-system", TRACKING)


async def wait(api: Api, ref: ObjectRef, wanted: Any) -> Obj:
    """The object as soon as it is as wanted."""
    async with asyncio.timeout(10):
        async for event in api.watch(ref.mapping, ref.namespace, fields=f"metadata.name={ref.name}"):
            if event.type in ("ADDED", "MODIFIED") and wanted(event.obj):
                return event.obj
    raise AssertionError("the watch has ended")


async def test_the_day_is_kept_and_repaired() -> None:
    async with Cluster(nodes=0, runtime="simulated") as cluster:
        api, today = cluster.api(), datetime.now(UTC).strftime("%Y-%m-%d")
        await wait(api, CONFIG, lambda obj: obj["data"][SINCE] == today)
        await api.patch(CONFIG, {"data": {SINCE: "2020-01-01"}})
        await api.patch(CONFIG, {"data": {SINCE: "once", "more": "kept"}})
        repaired = await wait(api, CONFIG, lambda obj: obj["data"][SINCE] == today)
        assert repaired["data"]["more"] == "kept"


async def test_a_secret_gets_its_token_and_says_when_that_was_used() -> None:
    async with Cluster(nodes=0, runtime="simulated") as cluster:
        api, access = cluster.api(), load_kubeconfig(cluster.kubeconfig)
        await api.create(SERVICEACCOUNTS, {"metadata": {"name": "robot", "namespace": "default"}})
        notes = {"kubernetes.io/service-account.name": "robot"}
        meta = {"name": "tok", "namespace": "default", "annotations": notes}
        await api.create(SECRETS, {"metadata": meta, "type": "kubernetes.io/service-account-token"})
        ref = ObjectRef(SECRETS, "default", "tok")
        secret = await wait(api, ref, lambda obj: (obj.get("data") or {}).get("token"))
        assert data_of(secret, "ca.crt").encode() == access.ca
        assert data_of(secret, "namespace") == "default"
        robot = Api(HttpTransport(Access(access.server, access.ca, token=data_of(secret, "token"))))
        review = await robot.call("POST", SELFSUBJECTREVIEWS.path(), {"kind": "SelfSubjectReview"})
        assert review["status"]["userInfo"]["username"] == "system:serviceaccount:default:robot"
        labelled = await api.get(ref)
        assert labelled["metadata"]["labels"] == {LAST_USED: datetime.now(UTC).strftime("%Y-%m-%d")}
        managers = {entry["manager"] for entry in labelled["metadata"]["managedFields"]}
        assert managers == {"kubernetes-admin", "kube-controller-manager", "kube-apiserver"}
        await robot.transport.close()
