"""What nodes join by: kubeadm's objects, and tokens that come, sign and go."""

import asyncio

import pytest

from sampan import Cluster
from sampan.api.errors import StatusError
from sampan.api.names import ObjectRef
from sampan.client.api import Api
from sampan.client.http import HttpTransport
from sampan.client.kubeconfig import Access, load_kubeconfig
from sampan.cluster import joining
from sampan.cluster.config import ClusterError
from sampan.resources.bootstrap_tokens import DEFAULT_GROUP, BootstrapToken, is_signed
from sampan.resources.kinds import CONFIGMAPS, SELFSUBJECTREVIEWS

TOKEN = BootstrapToken("abcdef", "0123456789abcdef", "", "", ("authentication", "signing"), (DEFAULT_GROUP,))
INFO = ObjectRef(CONFIGMAPS, "kube-public", "cluster-info")


async def signature(api: Api, there: bool) -> str:
    """The token's signature, as soon as there is one or none."""
    async with asyncio.timeout(10):
        async for event in api.watch(CONFIGMAPS, "kube-public", fields="metadata.name=cluster-info"):
            found = str((event.obj.get("data") or {}).get("jws-kubeconfig-abcdef", ""))
            if event.type in ("ADDED", "MODIFIED") and bool(found) is there:
                return found
    raise AssertionError("the watch has ended")


async def test_a_token_signs_and_authenticates_until_it_is_deleted() -> None:
    async with Cluster(nodes=0, runtime="simulated") as cluster:
        access = load_kubeconfig(cluster.kubeconfig)
        assert access.ca is not None
        api = cluster.api()
        await joining.prepare(api, access.server, access.ca)
        await joining.create_token(api, TOKEN)
        with pytest.raises(ClusterError, match='a token with id "abcdef" already exists'):
            await joining.create_token(api, TOKEN)
        anybody = Api(HttpTransport(Access(access.server, access.ca)))
        signed = await signature(api, there=True)
        content = (await anybody.get(INFO))["data"]["kubeconfig"]
        assert is_signed(content, signed, "abcdef", "0123456789abcdef")
        with pytest.raises(StatusError, match="cannot list resource"):
            await anybody.list(CONFIGMAPS, "kube-public")
        node = Api(HttpTransport(Access(access.server, access.ca, token=TOKEN.text)))
        review = await node.call("POST", SELFSUBJECTREVIEWS.path(), {"kind": "SelfSubjectReview"})
        assert review["status"]["userInfo"]["username"] == "system:bootstrap:abcdef"
        await joining.delete_token(api, "abcdef")
        await signature(api, there=False)
        await anybody.transport.close()
        await node.transport.close()


async def test_preparing_again_changes_nothing_but_the_address() -> None:
    async with Cluster(nodes=0, runtime="simulated", controllers="namespace-controller") as cluster:
        api, first = cluster.api(), "https://a:1"
        await joining.prepare(api, first, b"CA")
        before = await api.get(INFO)
        await joining.prepare(api, first, b"CA")
        assert await api.get(INFO) == before
        await joining.prepare(api, "https://b:2", b"CA")
        assert "https://b:2" in (await api.get(INFO))["data"]["kubeconfig"]


async def test_without_bootstrap_tokens() -> None:
    async with Cluster(nodes=0, runtime="simulated", enable_bootstrap_token_auth=False) as cluster:
        await joining.create_token(cluster.api(), TOKEN)
        access = load_kubeconfig(cluster.kubeconfig)
        node = Api(HttpTransport(Access(access.server, access.ca, token=TOKEN.text)))
        with pytest.raises(StatusError, match="Unauthorized"):
            await node.call("POST", SELFSUBJECTREVIEWS.path(), {"kind": "SelfSubjectReview"})
        await node.transport.close()
