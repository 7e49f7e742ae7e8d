"""Nobody grants what he does not hold."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from sampan.api.errors import StatusError
from sampan.apiserver.admission.escalation import NoEscalation
from sampan.apiserver.admission.review import AdmitAll, Review
from sampan.apiserver.authorizer import GROUP, Authorizer
from sampan.apiserver.context import UserInfo
from sampan.apiserver.encode import encode, prefix_of
from sampan.apiserver.objects import StoredObjects
from sampan.store.memory import MemoryStore

Reviews = Callable[..., Review]
Obj = dict[str, Any]
JANE, ROOT = UserInfo("jane", groups=("dev",)), UserInfo("root", groups=("system:masters",))
PODS = {"verbs": ["get"], "apiGroups": [""], "resources": ["pods"]}
SECRETS = {"verbs": ["get"], "apiGroups": [""], "resources": ["secrets"]}
ALL = [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}, {"verbs": ["*"], "nonResourceURLs": ["*"]}]


def role(*rules: Obj) -> Obj:
    return {"metadata": {"name": "r"}, "rules": list(rules)}


def binding(kind: str, to: str, **meta: Any) -> Obj:
    return {"metadata": {"name": "b", **meta}, "roleRef": {"apiGroup": GROUP, "kind": kind, "name": to}}


class World:
    """Jane holds some rules in the namespace `ns`."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.admission = NoEscalation(AdmitAll(), Authorizer(self.store, StoredObjects(self.store)))

    async def put(self, plural: str, obj: Obj) -> None:
        path = "/".join(filter(None, (obj["metadata"].get("namespace"), obj["metadata"]["name"])))
        await self.store.put(f"/{GROUP}/{plural}/{path}", encode(prefix_of("v1", "X"), obj))

    async def holds(self, *rules: Obj) -> None:
        await self.put("roles", {"metadata": {"name": "own", "namespace": "ns"}, "rules": list(rules)})
        subjects = [{"kind": "User", "name": "jane"}]
        made = binding("Role", "own", name="own", namespace="ns")
        await self.put("rolebindings", {**made, "subjects": subjects})


@pytest.fixture
async def world() -> AsyncIterator[World]:
    """Jane may get pods."""
    made = World()
    await made.holds(PODS)
    yield made
    await made.store.close()


def ask(review: Reviews, operation: str, plural: str, obj: Obj, old: Obj | None = None, **more: Any) -> Review:
    more.setdefault("user", JANE)
    return review(operation, f"{plural}.{GROUP}", obj, old, **more)


async def refusal(world: World, asked: Review) -> StatusError:
    with pytest.raises(StatusError) as caught:
        await world.admission.mutate(asked)
    return caught.value


async def test_what_is_held_may_be_granted(world: World, review: Reviews) -> None:
    await world.admission.mutate(ask(review, "CREATE", "roles", role(PODS)))
    await world.put("roles", {"metadata": {"name": "r", "namespace": "ns"}, "rules": [PODS]})
    await world.admission.mutate(ask(review, "CREATE", "rolebindings", binding("Role", "r")))


async def test_what_is_not_held_may_not(world: World, review: Reviews) -> None:
    error = await refusal(world, ask(review, "CREATE", "roles", role(PODS, SECRETS)))
    assert error.message == (
        'roles.rbac.authorization.k8s.io "r" is forbidden: user "jane" (groups=["dev"]) is attempting to grant RBAC '
        'permissions not currently held:\n{APIGroups:[""], Resources:["secrets"], Verbs:["get"]}'
    )
    assert (await refusal(world, ask(review, "UPDATE", "roles", role(SECRETS), role(PODS)))).code == 403
    assert (await refusal(world, ask(review, "CREATE", "clusterroles", role(PODS), namespace=""))).code == 403
    assert (await refusal(world, ask(review, "CREATE", "roles", role(PODS), namespace="other"))).code == 403


async def test_a_binding_to_more_may_not_be_made(world: World, review: Reviews) -> None:
    await world.put("clusterroles", {"metadata": {"name": "admin"}, "rules": ALL})
    error = await refusal(world, ask(review, "CREATE", "rolebindings", binding("ClusterRole", "admin")))
    assert error.message.startswith('rolebindings.rbac.authorization.k8s.io "b" is forbidden: user "jane"')
    error = await refusal(world, ask(review, "CREATE", "rolebindings", binding("Role", "gone")))
    assert (error.code, error.message) == (404, 'rolebindings.rbac.authorization.k8s.io "gone" not found')


async def test_masters_are_not_asked(world: World, review: Reviews) -> None:
    await world.admission.mutate(ask(review, "CREATE", "clusterroles", role(*ALL), namespace="", user=ROOT))
    await world.admission.mutate(ask(review, "CREATE", "rolebindings", binding("Role", "gone"), user=ROOT))


async def test_escalate_and_bind_are_rights_of_their_own(world: World, review: Reviews) -> None:
    def right(verb: str, plural: str, *names: str) -> Obj:
        named = {"resourceNames": list(names)} if names else {}
        return {"verbs": [verb], "apiGroups": [GROUP], "resources": [plural], **named}

    await world.put("clusterroles", {"metadata": {"name": "admin"}, "rules": ALL})
    await world.put("clusterroles", {"metadata": {"name": "other"}, "rules": ALL})
    await world.holds(right("escalate", "roles"), right("bind", "clusterroles", "admin"))
    await world.admission.mutate(ask(review, "CREATE", "roles", role(*ALL)))
    await world.admission.mutate(ask(review, "CREATE", "rolebindings", binding("ClusterRole", "admin")))
    assert (await refusal(world, ask(review, "CREATE", "rolebindings", binding("ClusterRole", "other")))).code == 403
    await world.holds(right("escalate", "roles", "r"))
    await world.admission.mutate(ask(review, "UPDATE", "roles", role(*ALL), role(PODS)))
    assert (await refusal(world, ask(review, "CREATE", "roles", role(*ALL)))).code == 403


async def test_only_an_admin_gathers_roles(world: World, review: Reviews) -> None:
    gathers: Obj = {"aggregationRule": {"clusterRoleSelectors": [{"matchLabels": {"a": "b"}}]}}
    error = await refusal(world, ask(review, "CREATE", "clusterroles", {**role(), **gathers}, namespace=""))
    assert error.message.endswith("must have cluster-admin privileges to use the aggregationRule")
    old = {**role(), **gathers}
    assert (await refusal(world, ask(review, "UPDATE", "clusterroles", role(), old, namespace=""))).code == 403


async def test_garbage_collection_s_fields_may_change(world: World, review: Reviews) -> None:
    old, new = role(SECRETS), role(SECRETS)
    new["metadata"] = {**new["metadata"], "finalizers": [], "ownerReferences": []}
    await world.admission.mutate(ask(review, "UPDATE", "roles", new, old))
    new["metadata"] = {**new["metadata"], "labels": {"a": "b"}}
    assert (await refusal(world, ask(review, "UPDATE", "roles", new, old))).code == 403


async def test_other_kinds_are_not_its_business(world: World, review: Reviews) -> None:
    obj = {"metadata": {"name": "c"}}
    assert await world.admission.mutate(review("CREATE", "configmaps", obj, user=JANE)) is obj
    await world.admission.validate(review("CREATE", "configmaps", obj, user=JANE))
