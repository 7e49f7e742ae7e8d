"""The authorizer over a store: what is written decides the next request."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from sampan.apiserver.authorizer import KINDS, Authorizer
from sampan.apiserver.authz.decision import Decision
from sampan.apiserver.context import UserInfo
from sampan.apiserver.encode import encode, prefix_of
from sampan.apiserver.objects import StoredObjects
from sampan.apiserver.rbac import Attributes
from sampan.store.memory import MemoryStore

GROUP = "rbac.authorization.k8s.io"
JANE = UserInfo("jane", groups=("system:authenticated",))
NODE = UserInfo("system:node:n1", groups=("system:nodes",))
GET = Attributes("get", "", "pods", namespace="ns", name="p")


class World:
    """A store, and an authorizer that follows it."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.authorizer = Authorizer(self.store, StoredObjects(self.store))

    async def put(self, key: str, obj: dict[str, Any]) -> None:
        *_, namespace, name = key.split("/")
        meta = {"name": name, **({"namespace": namespace} if key.count("/") == 4 else {})}
        await self.store.put(key, encode(prefix_of("v1", "X"), {"metadata": meta, **obj}))

    async def delete(self, key: str) -> None:
        await self.store.delete(key, encode(prefix_of("v1", "X"), {"metadata": {}}))

    async def grant(self, verb: str = "get") -> None:
        await self.put(
            f"/{GROUP}/clusterroles/r", {"rules": [{"verbs": [verb], "apiGroups": [""], "resources": ["*"]}]}
        )
        subjects = [{"kind": "User", "name": "jane"}]
        binding = {"roleRef": {"kind": "ClusterRole", "name": "r"}, "subjects": subjects}
        await self.put(f"/{GROUP}/clusterrolebindings/b", binding)


@pytest.fixture
async def world() -> AsyncIterator[World]:
    """Running."""
    made = World()
    tasks = [asyncio.create_task(made.authorizer.run(plural)) for plural in KINDS]
    await asyncio.sleep(0)
    yield made
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await made.store.close()


async def test_masters_may_everything(world: World) -> None:
    user = UserInfo("x", groups=("system:masters",))
    assert await world.authorizer.authorize(user, Attributes("x", "y", "z")) == Decision(True, "")


async def test_a_binding_counts_from_the_moment_it_is_written(world: World) -> None:
    assert await world.authorizer.authorize(JANE, GET) == Decision(False, "")
    await world.grant()
    reason = 'RBAC: allowed by ClusterRoleBinding "b" of ClusterRole "r" to User "jane"'
    assert await world.authorizer.authorize(JANE, GET) == Decision(True, reason)
    await world.grant("list")
    assert not await world.authorizer.allows(JANE, GET)
    await world.grant()
    await world.delete(f"/{GROUP}/clusterrolebindings/b")
    assert not await world.authorizer.allows(JANE, GET)


async def test_a_role_that_is_missing_is_told(world: World) -> None:
    await world.grant()
    await world.delete(f"/{GROUP}/clusterroles/r")
    why = 'RBAC: clusterrole.rbac.authorization.k8s.io "r" not found'
    assert await world.authorizer.authorize(JANE, GET) == Decision(False, why)


async def test_the_book_is_made_once_as_long_as_no_role_changes(world: World) -> None:
    await world.grant()
    await world.authorizer.allows(JANE, GET)
    await asyncio.sleep(0)
    first = await world.authorizer.book()
    await world.put("/core/configmaps/ns/c", {})
    assert await world.authorizer.book() is first
    await world.grant()
    assert await world.authorizer.book() is not first


async def test_without_running_nothing_is_remembered() -> None:
    world = World()
    assert not await world.authorizer.allows(JANE, GET)
    await world.grant()
    assert await world.authorizer.allows(JANE, GET)
    await world.store.close()


async def test_a_node_reaches_its_pods_from_the_moment_they_are_bound(world: World) -> None:
    unrelated = "no relationship found between node 'n1' and this object"
    await world.put("/core/pods/ns/p", {"spec": {"serviceAccountName": "a"}})
    assert await world.authorizer.authorize(NODE, GET) == Decision(False, unrelated)
    await world.put("/core/pods/ns/p", {"spec": {"nodeName": "n1", "serviceAccountName": "a"}})
    assert await world.authorizer.authorize(NODE, GET) == Decision(True, "")
    token = Attributes("create", "", "serviceaccounts", "token", "ns", "a")
    assert await world.authorizer.allows(NODE, token)
    await world.delete("/core/pods/ns/p")
    await asyncio.sleep(0)
    assert await world.authorizer.authorize(NODE, GET) == Decision(False, unrelated)
    assert not await world.authorizer.allows(NODE, token)


async def test_what_was_there_before_the_first_node_asked_is_known(world: World) -> None:
    claim = {"namespace": "ns", "name": "c"}
    await world.put("/core/persistentvolumes/v", {"spec": {"claimRef": claim}})
    volumes = [{"name": "v", "persistentVolumeClaim": {"claimName": "c"}}]
    await world.put("/core/pods/ns/p", {"spec": {"nodeName": "n1", "volumes": volumes}})
    assert await world.authorizer.allows(NODE, Attributes("get", "", "persistentvolumes", name="v"))


async def test_a_node_may_also_be_given_more_by_a_role(world: World) -> None:
    await world.grant()
    subjects = [{"kind": "Group", "name": "system:nodes"}]
    await world.put(
        f"/{GROUP}/clusterrolebindings/n", {"roleRef": {"kind": "ClusterRole", "name": "r"}, "subjects": subjects}
    )
    decision = await world.authorizer.authorize(NODE, GET)
    assert decision.allowed
    assert decision.reason.startswith("RBAC: allowed by")


async def test_reasons_of_both_are_told(world: World) -> None:
    subjects = [{"kind": "Group", "name": "system:nodes"}]
    await world.put(
        f"/{GROUP}/clusterrolebindings/n", {"roleRef": {"kind": "ClusterRole", "name": "x"}, "subjects": subjects}
    )
    wanted = Attributes("list", "", "secrets", namespace="ns")
    text = 'No Object name found\nRBAC: clusterrole.rbac.authorization.k8s.io "x" not found'
    assert await world.authorizer.authorize(NODE, wanted) == Decision(False, text)


async def test_a_node_without_a_name_is_nobody(world: World) -> None:
    user = UserInfo("system:node:", groups=("system:nodes",))
    assert await world.authorizer.authorize(user, GET) == Decision(False, 'unknown node for user "system:node:"')
