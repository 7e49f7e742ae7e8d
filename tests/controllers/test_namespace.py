"""Namespaces: what each is given, and how it goes."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

from sampan.resources.kinds import CONFIGMAPS, EVENTS, NAMESPACES, PODS, SECRETS, SERVICEACCOUNTS

Worlds = Callable[..., AbstractAsyncContextManager[Any]]
NAMESPACE, ACCOUNTS, ROOT_CA = (
    "namespace-controller", "serviceaccount-controller", "root-ca-certificate-publisher-controller",
)  # fmt: skip
SPACE = {"metadata": {"name": "team"}}


async def test_every_namespace_has_a_default_account_again_and_again(worlds: Worlds) -> None:
    async with worlds(ACCOUNTS) as world:
        await world.create(NAMESPACES, SPACE)
        first = await world.get(SERVICEACCOUNTS, "default", "team")
        await world.delete(SERVICEACCOUNTS, "default", "team")
        again = await world.get(SERVICEACCOUNTS, "default", "team")
        assert again["metadata"]["uid"] != first["metadata"]["uid"]
        assert await world.exists(SERVICEACCOUNTS, "default", "kube-system")


async def test_every_namespace_has_the_root_ca_as_it_is(worlds: Worlds) -> None:
    async with worlds(ROOT_CA) as world:
        await world.create(NAMESPACES, SPACE)
        made = await world.get(CONFIGMAPS, "kube-root-ca.crt", "team")
        assert made["data"] == {"ca.crt": "CA"}
        assert made["metadata"]["annotations"]["kubernetes.io/description"].startswith("Contains a CA bundle")
        await world.patch(CONFIGMAPS, "kube-root-ca.crt", {"data": {"ca.crt": "forged", "x": "y"}}, namespace="team")
        made = await world.get(CONFIGMAPS, "kube-root-ca.crt", "team")
        assert made["data"] == {"ca.crt": "CA"}
        await world.delete(CONFIGMAPS, "kube-root-ca.crt", "team")
        assert await world.exists(CONFIGMAPS, "kube-root-ca.crt", "team")


async def test_an_empty_namespace_goes(worlds: Worlds) -> None:
    async with worlds(NAMESPACE) as world:
        await world.create(NAMESPACES, SPACE)
        await world.delete(NAMESPACES, "team")
        await world.pass_time(1)
        assert not await world.exists(NAMESPACES, "team")


async def test_a_namespace_goes_with_all_that_is_in_it(worlds: Worlds) -> None:
    async with worlds(NAMESPACE, ACCOUNTS, ROOT_CA) as world:
        await world.create(NAMESPACES, SPACE)
        for number in range(5):
            await world.create(SECRETS, {"metadata": {"name": f"s{number}", "namespace": "team"}})
        spec = {"containers": [{"name": "c", "image": "i"}]}
        await world.create(PODS, {"metadata": {"name": "p", "namespace": "team"}, "spec": spec})
        await world.delete(NAMESPACES, "team")
        await world.pass_time(5)
        assert not await world.exists(NAMESPACES, "team")
        for mapping in (SECRETS, PODS, CONFIGMAPS, SERVICEACCOUNTS, EVENTS):
            assert await world.all(mapping, "team") == []
        await world.create(NAMESPACES, SPACE)
        assert await world.exists(SERVICEACCOUNTS, "default", "team"), "a new one begins anew"


async def test_what_holds_it_is_said(worlds: Worlds) -> None:
    async with worlds(NAMESPACE) as world:
        await world.create(NAMESPACES, SPACE)
        held = {"metadata": {"name": "held", "namespace": "team", "finalizers": ["example.com/hold"]}}
        await world.create(SECRETS, held)
        await world.delete(NAMESPACES, "team")
        await world.pass_time(2)
        status = (await world.get(NAMESPACES, "team"))["status"]
        assert status["phase"] == "Terminating"
        found = {c["type"]: (c["status"], c["reason"], c["message"]) for c in status["conditions"]}
        assert found == {
            "NamespaceDeletionDiscoveryFailure": (
                "False", "ResourcesDiscovered", "All resources successfully discovered",
            ),
            "NamespaceDeletionGroupVersionParsingFailure": (
                "False", "ParsedGroupVersions", "All legacy kube types successfully parsed",
            ),
            "NamespaceDeletionContentFailure": (
                "False", "ContentDeleted", "All content successfully deleted, may be waiting on finalization",
            ),
            "NamespaceContentRemaining": (
                "True", "SomeResourcesRemain", "Some resources are remaining: secrets. has 1 resource instances",
            ),
            "NamespaceFinalizersRemaining": (
                "True", "SomeFinalizersRemain",
                "Some content in the namespace has finalizers remaining: example.com/hold in 1 resource instances",
            ),
        }  # fmt: skip
        await world.patch(SECRETS, "held", {"metadata": {"finalizers": None}}, namespace="team")
        await world.pass_time(2)
        assert not await world.exists(NAMESPACES, "team")


async def test_other_finalizers_of_the_namespace_are_respected(worlds: Worlds) -> None:
    async with worlds(NAMESPACE) as world:
        await world.create(NAMESPACES, {**SPACE, "spec": {"finalizers": ["kubernetes", "example.com/mine"]}})
        await world.delete(NAMESPACES, "team")
        await world.pass_time(2)
        left = await world.get(NAMESPACES, "team")
        assert left["spec"]["finalizers"] == ["example.com/mine"]


async def test_pods_with_grace_are_waited_for(worlds: Worlds) -> None:
    async with worlds(NAMESPACE) as world:
        await world.create(NAMESPACES, SPACE)
        await world.api.create(SERVICEACCOUNTS, {"metadata": {"name": "default", "namespace": "team"}})
        spec = {"containers": [{"name": "c", "image": "i"}], "nodeName": "n"}
        await world.create(PODS, {"metadata": {"name": "p", "namespace": "team"}, "spec": spec})
        await world.delete(NAMESPACES, "team")
        await world.pass_time(5)
        assert (await world.get(PODS, "p", "team"))["metadata"]["deletionTimestamp"]
        assert await world.exists(NAMESPACES, "team")
        await world.delete(PODS, "p", "team", grace_seconds=0)
        await world.pass_time(20)
        assert not await world.exists(NAMESPACES, "team")
