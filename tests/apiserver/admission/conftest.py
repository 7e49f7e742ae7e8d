"""Reviews of objects, and plugins asked about them."""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import pytest

from sampan.api.resource import Resource
from sampan.apiserver.admission.plugin import Facts, Need, Plugin
from sampan.apiserver.admission.review import Review
from sampan.apiserver.context import UserInfo
from sampan.resources.build import builtin_resources

Obj = dict[str, Any]
JANE = UserInfo("jane")


@cache
def resources() -> dict[tuple[str, str], Resource]:
    """The built-in kinds by group and plural."""
    return {(r.mapping.group, r.mapping.plural): r for r in reversed(list(builtin_resources("1.36")))}


def make_review(operation: Any, plural: str, obj: Obj | None = None, old: Obj | None = None, **more: Any) -> Review:
    """`plural` may carry a group (`ingresses.networking.k8s.io`) and a subresource (`pods/status`)."""
    resource, _, subresource = plural.partition("/")
    name, _, group = resource.partition(".")
    meta = ((obj or old or {}).get("metadata")) or {}
    return Review(
        operation,
        resources()[group, name],
        subresource,
        more.get("namespace", "ns"),
        more.get("name", meta.get("name", "")),
        obj,
        old,
        more.get("user", JANE),
    )


class Stored:
    """What a plugin's needs find: objects by plural."""

    def __init__(self, **objects: Sequence[Obj]) -> None:
        self.objects = objects

    def facts(self, plugin: Plugin, review: Review) -> Facts:
        found = {
            need: [one for one in self.objects.get(need.plural, ()) if fits(one, need)] for need in plugin.needs(review)
        }
        return Facts(found, lambda: "abcde")

    def mutate(self, plugin: Plugin, review: Review) -> Obj:
        """The object as the plugin leaves it; the given one is checked to be untouched."""
        assert plugin.handles(review)
        before = repr(review.obj)
        made = plugin.mutate(review, self.facts(plugin, review))
        assert repr(review.obj) == before
        return made

    def validate(self, plugin: Plugin, review: Review) -> None:
        assert plugin.handles(review)
        plugin.validate(review, self.facts(plugin, review))


def fits(obj: Obj, need: Need) -> bool:
    meta = obj["metadata"]
    return need.name in ("", meta["name"]) and need.namespace in ("", meta.get("namespace", ""))


@pytest.fixture
def review() -> Callable[..., Review]:
    """`make_review`."""
    return make_review


@pytest.fixture
def stored() -> type[Stored]:
    """`Stored`."""
    return Stored
