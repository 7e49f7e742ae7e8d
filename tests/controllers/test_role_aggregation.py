"""ClusterRoles that gather rules from others."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

from sampan.resources.kinds import CLUSTERROLES

Worlds = Callable[..., AbstractAsyncContextManager[Any]]
NAME = "clusterrole-aggregation-controller"


def rule(resource: str) -> dict[str, Any]:
    return {"verbs": ["get"], "apiGroups": [""], "resources": [resource]}


def part(name: str, *resources: str, label: str = "yes") -> dict[str, Any]:
    return {"metadata": {"name": name, "labels": {"to-view": label}}, "rules": [rule(one) for one in resources]}


def whole(name: str = "whole", *labels: str) -> dict[str, Any]:
    selectors = [{"matchLabels": {"to-view": label}} for label in labels or ("yes",)]
    return {"metadata": {"name": name}, "aggregationRule": {"clusterRoleSelectors": selectors}}


async def rules(world: Any, name: str = "whole") -> list[str]:
    role = await world.get(CLUSTERROLES, name)
    return [resource for one in role.get("rules") or () for resource in one["resources"]]


async def test_gathers_in_the_order_of_names_and_each_rule_once(worlds: Worlds) -> None:
    async with worlds(NAME) as world:
        await world.create(CLUSTERROLES, whole())
        await world.create(CLUSTERROLES, part("b", "pods", "services"))
        await world.create(CLUSTERROLES, part("a", "secrets", "pods"))
        await world.create(CLUSTERROLES, part("c", "nodes", label="no"))
        assert await rules(world) == ["secrets", "pods", "services"]


async def test_follows_changes_of_rules_and_labels(worlds: Worlds) -> None:
    async with worlds(NAME) as world:
        await world.create(CLUSTERROLES, part("a", "pods"))
        await world.create(CLUSTERROLES, whole("whole", "yes", "maybe"))
        await world.patch(CLUSTERROLES, "a", {"rules": [rule("nodes")]})
        assert await rules(world) == ["nodes"]
        await world.patch(CLUSTERROLES, "a", {"metadata": {"labels": {"to-view": "maybe"}}})
        assert await rules(world) == ["nodes"]
        await world.patch(CLUSTERROLES, "a", {"metadata": {"labels": {"to-view": "no"}}})
        assert await rules(world) == []


async def test_what_is_written_by_hand_is_put_right(worlds: Worlds) -> None:
    async with worlds(NAME) as world:
        await world.create(CLUSTERROLES, part("a", "pods"))
        await world.create(CLUSTERROLES, whole())
        await world.patch(CLUSTERROLES, "whole", {"rules": [rule("secrets")]})
        assert await rules(world) == ["pods"]


async def test_gathered_roles_can_be_gathered(worlds: Worlds) -> None:
    async with worlds(NAME) as world:
        middle = whole("middle")
        middle["metadata"]["labels"] = {"to-view": "top"}
        await world.create(CLUSTERROLES, whole("top", "top"))
        await world.create(CLUSTERROLES, middle)
        await world.create(CLUSTERROLES, part("a", "pods"))
        assert await rules(world, "top") == ["pods"]
        await world.delete(CLUSTERROLES, "a")
        assert await rules(world, "top") == []


async def test_a_role_without_a_rule_of_aggregation_is_left_alone(worlds: Worlds) -> None:
    async with worlds(NAME) as world:
        made = await world.create(CLUSTERROLES, part("a", "pods"))
        await world.create(CLUSTERROLES, part("b", "nodes"))
        assert (await world.get(CLUSTERROLES, "a"))["metadata"]["resourceVersion"] == made["metadata"][
            "resourceVersion"
        ]
