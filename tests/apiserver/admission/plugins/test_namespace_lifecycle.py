"""NamespaceLifecycle."""

from collections.abc import Callable
from typing import Any

import pytest

from sampan.api.errors import StatusError
from sampan.apiserver.admission.plugins.namespace_lifecycle import NamespaceLifecycle
from sampan.apiserver.admission.review import Review

Reviews = Callable[..., Review]
PLUGIN = NamespaceLifecycle()
ACTIVE: dict[str, Any] = {"metadata": {"name": "ns"}, "status": {"phase": "Active"}}
GOING = {"metadata": {"name": "ns", "deletionTimestamp": "2030-01-01T00:00:00Z"}, "status": {"phase": "Terminating"}}
POD = {"metadata": {"name": "p"}}


def test_a_namespace_that_is_there_takes_objects(review: Reviews, stored: Any) -> None:
    stored(namespaces=[ACTIVE]).mutate(PLUGIN, review("CREATE", "pods", POD))


@pytest.mark.parametrize("operation", ["CREATE", "UPDATE"])
def test_a_missing_namespace_takes_nothing(review: Reviews, stored: Any, operation: str) -> None:
    with pytest.raises(StatusError) as caught:
        stored().mutate(PLUGIN, review(operation, "pods", POD, POD))
    assert (caught.value.code, caught.value.message) == (404, 'namespaces "ns" not found')


def test_a_namespace_that_is_going_takes_nothing_new(review: Reviews, stored: Any) -> None:
    world = stored(namespaces=[GOING])
    with pytest.raises(StatusError) as caught:
        world.mutate(PLUGIN, review("CREATE", "pods", POD))
    why = "unable to create new content in namespace ns because it is being terminated"
    assert caught.value.message == f'pods "p" is forbidden: {why}'
    (cause,) = (caught.value.details or {})["causes"]
    assert (cause["reason"], cause["field"]) == ("NamespaceTerminating", "metadata.namespace")
    world.mutate(PLUGIN, review("UPDATE", "pods", POD, POD))


@pytest.mark.parametrize("name", ["default", "kube-system", "kube-public"])
def test_three_namespaces_stay(review: Reviews, stored: Any, name: str) -> None:
    with pytest.raises(StatusError) as caught:
        stored().mutate(PLUGIN, review("DELETE", "namespaces", None, {"metadata": {"name": name}}, namespace=name))
    assert caught.value.message == f'namespaces "{name}" is forbidden: this namespace may not be deleted'


def test_others_may_go(review: Reviews, stored: Any) -> None:
    stored().mutate(PLUGIN, review("DELETE", "namespaces", None, {"metadata": {"name": "x"}}, namespace="x"))


def test_questions_about_access_need_no_namespace(review: Reviews, stored: Any) -> None:
    kind = "localsubjectaccessreviews.authorization.k8s.io"
    stored().mutate(PLUGIN, review("CREATE", kind, {"metadata": {}}))


def test_it_does_not_concern_deletions_and_cluster_scoped_kinds(review: Reviews) -> None:
    assert not PLUGIN.handles(review("DELETE", "pods", None, POD))
    assert not PLUGIN.handles(review("CREATE", "nodes", POD, namespace=""))
    assert not PLUGIN.handles(review("CREATE", "namespaces", POD, namespace="p"))
