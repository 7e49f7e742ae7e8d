"""Controllers may die after any write, and before they hear its answer: those that come next finish the work.

Each story is played once without a cut. Then it is played again for every write that the controllers made: after that
write nothing of them comes through any more, they are stopped and started anew, and in the end there must be the same
objects, none missing and none twice.
"""

import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any

import pytest

from sampan.api.csi import MANAGED
from sampan.api.names import ObjectRef, RestMapping
from sampan.client.api import Api
from sampan.client.informer import Informers
from sampan.client.request import Answer, ApiRequest
from sampan.obs.metrics import Metrics
from sampan.reconcile.loop import Kit, Manager
from sampan.resources.kinds import (
    CRONJOBS,
    DAEMONSETS,
    DEPLOYMENTS,
    JOBS,
    NAMESPACES,
    NODES,
    PODS,
    PVCS,
    PVS,
    SERVICES,
    STATEFULSETS,
    STORAGECLASSES,
    VOLUMEATTACHMENTS,
)

Worlds = Callable[..., AbstractAsyncContextManager[Any]]
Obj = dict[str, Any]
WRITES = ("POST", "PUT", "PATCH", "DELETE")
STEP = 20.0
"""Seconds for which nobody need notice that the controllers are cut off."""
LABELS = {"app": "web"}
IGNORED = {"events", "leases", "componentstatuses"}
CHANCE = re.compile(
    r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|(?<=kube-api-access-)[a-z0-9]{5}|(?<=resourceVersion\": \")\d+"
)
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")


class Cut:
    """A transport that fails for good after so many writes (None: never); `lost`: the last one's answer is lost too."""

    def __init__(self, inner: Any, writes: int | None, *, lost: bool) -> None:
        self.inner, self.left, self.lost, self.made, self.is_cut = inner, writes, lost, 0, False

    async def send(self, request: ApiRequest) -> Answer:
        if request.method not in WRITES or request.path.endswith("/events"):
            return await self.inner.send(request)  # type: ignore[no-any-return]
        if self.is_cut or self.made == self.left:
            self.is_cut = True
            raise OSError("cut")
        self.made += 1
        answer: Answer = await self.inner.send(request)
        if self.lost and self.made == self.left:
            self.is_cut = True
            raise OSError("cut")
        return answer

    def stream(self, request: ApiRequest) -> AsyncIterator[bytes]:
        stream: AsyncIterator[bytes] = self.inner.stream(request)
        return stream

    async def close(self) -> None:
        await self.inner.close()


@dataclass
class Play:
    """A world whose controllers are cut off once, and started anew when that is noticed."""

    world: Any
    transport: Cut
    informers: Informers | None = None

    async def begin(self, transport: Cut) -> None:
        """Start controllers behind this transport, in place of those that run."""
        old: Manager = self.world.manager
        await old.close()
        if self.informers is not None:
            await self.informers.close()
        api = Api(transport)
        self.informers = Informers(api, self.world.clock)
        chosen = [runner.controller for runner in old.runners]
        self.world.manager = Manager(chosen, Kit(api, self.informers, self.world.clock, old.kit.kinds, Metrics()))
        await self.world.manager.start()
        await self.world.settle()

    async def go_on(self, seconds: float = 0.0) -> None:
        """Let things settle, with new controllers if the old ones are cut off; then let time pass."""
        await self.world.settle()
        if self.transport.is_cut:
            self.transport = Cut(self.transport.inner, None, lost=False)
            await self.begin(self.transport)
        while seconds > 0:
            step = min(seconds, STEP)
            await self.world.pass_time(step)
            seconds -= step
            await self.go_on()

    async def make(self, mapping: RestMapping, obj: Obj, namespace: str = "default") -> None:
        """What a user creates."""
        scope = {"namespace": namespace} if mapping.namespaced else {}
        await self.world.api.create(mapping, {**obj, "metadata": {**obj["metadata"], **scope}})
        await self.go_on()

    async def agents(self, namespace: str = "default", phase: str = "Running") -> None:
        """Be the node agents until no pod needs anything."""
        for _ in range(40):
            await self.go_on()
            busy = [pod for pod in await self.world.all(PODS, namespace) if _wants(pod, phase)]
            if not busy:
                return
            pod = busy[0]
            if pod["metadata"].get("deletionTimestamp"):
                ref = ObjectRef(PODS, namespace, pod["metadata"]["name"])
                await self.world.api.delete(ref, grace_seconds=0)
                continue
            ready = {"type": "Ready", "status": "True" if phase == "Running" else "False"}
            stamp = {"lastTransitionTime": self.world.clock.now().strftime("%Y-%m-%dT%H:%M:%SZ")}
            ip = {"podIP": "10.0.0.1", "podIPs": [{"ip": "10.0.0.1"}]}
            await self.world.pod_status(pod, {"phase": phase, "conditions": [{**ready, **stamp}], **ip})
        raise AssertionError("there are always new pods")


def _wants(pod: Obj, phase: str) -> bool:
    over = (pod.get("status") or {}).get("phase") == phase
    return bool(pod["metadata"].get("deletionTimestamp")) or not over


# ---- the stories


def template(**spec: Any) -> Obj:
    return {"metadata": {"labels": LABELS}, "spec": {"containers": [{"name": "c", "image": "i"}], **spec}}


async def node(play: Play, name: str) -> None:
    await play.make(NODES, {"metadata": {"name": name, "labels": {"kubernetes.io/hostname": name}}})
    ref = ObjectRef(NODES, "", name)
    ready = {"conditions": [{"type": "Ready", "status": "True"}]}
    await play.world.api.patch(ref, {"status": ready}, subresource="status")
    await play.go_on()


async def roll_out(play: Play) -> None:
    spec = {"replicas": 3, "selector": {"matchLabels": LABELS}, "template": template()}
    await play.make(DEPLOYMENTS, {"metadata": {"name": "web"}, "spec": spec})
    await play.agents()
    change = {"spec": {"template": {"spec": {"containers": [{"name": "c", "image": "new"}]}}}}
    await play.world.api.patch(ObjectRef(DEPLOYMENTS, "default", "web"), change)
    await play.agents()


async def stateful(play: Play) -> None:
    await standard_class(play)
    await node(play, "n1")
    request = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    selected = {"volume.kubernetes.io/selected-node": "n1"}
    claims = [{"metadata": {"name": "data", "annotations": selected}, "spec": request}]
    spec = {"replicas": 2, "serviceName": "web", "selector": {"matchLabels": LABELS}, "volumeClaimTemplates": claims}
    await play.make(STATEFULSETS, {"metadata": {"name": "web"}, "spec": {**spec, "template": template(nodeName="n1")}})
    await play.agents()
    await play.world.api.patch(ObjectRef(STATEFULSETS, "default", "web"), {"spec": {"replicas": 1}})
    await play.agents()


async def finish_job(play: Play) -> None:
    spec = {"completions": 3, "parallelism": 2, "template": template(restartPolicy="Never")}
    await play.make(JOBS, {"metadata": {"name": "work"}, "spec": spec})
    await play.agents(phase="Succeeded")
    await play.go_on(20)


async def cron(play: Play) -> None:
    job = {"spec": {"template": template(restartPolicy="Never")}}
    await play.make(CRONJOBS, {"metadata": {"name": "tick"}, "spec": {"schedule": "* * * * *", "jobTemplate": job}})
    for _ in range(3):
        await play.go_on(60)
        await play.agents(phase="Succeeded")
    await play.world.api.patch(ObjectRef(CRONJOBS, "default", "tick"), {"spec": {"suspend": True}})


async def on_every_node(play: Play) -> None:
    await node(play, "n1")
    await node(play, "n2")
    spec = {"selector": {"matchLabels": LABELS}, "template": template()}
    await play.make(DAEMONSETS, {"metadata": {"name": "web"}, "spec": spec})
    await play.agents()
    change = {"spec": {"template": {"spec": {"containers": [{"name": "c", "image": "new"}]}}}}
    await play.world.api.patch(ObjectRef(DAEMONSETS, "default", "web"), change)
    await play.agents()


async def standard_class(play: Play) -> None:
    made = {"provisioner": "sampan.dev/local-path", "volumeBindingMode": "WaitForFirstConsumer"}
    default = {"storageclass.kubernetes.io/is-default-class": "true"}
    meta = {"name": "standard", "annotations": default}
    await play.make(STORAGECLASSES, {"metadata": meta, **made, "allowVolumeExpansion": True})


async def bind_and_grow(play: Play) -> None:
    request = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    meta = {"name": "data", "annotations": {"volume.kubernetes.io/selected-node": "n1"}}
    await node(play, "n1")
    await play.make(PVCS, {"metadata": meta, "spec": request})
    await standard_class(play)
    more = {"spec": {"resources": {"requests": {"storage": "2Gi"}}}}
    await play.world.api.patch(ObjectRef(PVCS, "default", "data"), more)
    await play.go_on()


async def bind_by_hand(play: Play) -> None:
    common = {"accessModes": ["ReadWriteOnce"], "storageClassName": ""}
    for name in ("one", "two"):
        volume = {**common, "capacity": {"storage": "1Gi"}, "hostPath": {"path": f"/{name}"}}
        await play.make(PVS, {"metadata": {"name": name}, "spec": volume})
    request = {**common, "resources": {"requests": {"storage": "1Gi"}}}
    await play.make(PVCS, {"metadata": {"name": "data"}, "spec": request})
    await play.world.api.delete(ObjectRef(PVCS, "default", "data"))
    await play.go_on()


async def end_of_a_namespace(play: Play) -> None:
    await play.make(NAMESPACES, {"metadata": {"name": "team"}})
    spec = {"replicas": 1, "selector": {"matchLabels": LABELS}, "template": template(nodeName="n1")}
    await play.make(DEPLOYMENTS, {"metadata": {"name": "web"}, "spec": spec}, "team")
    await play.agents("team")
    await play.world.api.delete(ObjectRef(NAMESPACES, "", "team"))
    for _ in range(4):
        await play.agents("team")
        await play.go_on(20)


async def serve(play: Play) -> None:
    ports = [{"port": 80}]
    await play.make(SERVICES, {"metadata": {"name": "web"}, "spec": {"selector": LABELS, "ports": ports}})
    for name in ("a", "b"):
        await play.make(PODS, {"metadata": {"name": name, "labels": LABELS}, "spec": template(nodeName="n1")["spec"]})
    await play.agents()
    await play.world.api.delete(ObjectRef(PODS, "default", "a"), grace_seconds=0)
    await play.go_on()
    await play.world.api.delete(ObjectRef(SERVICES, "default", "web"))
    await play.go_on()


async def attach(play: Play) -> None:
    api = play.world.api
    for name in ("n1", "n2"):
        await node(play, name)
        await api.patch(ObjectRef(NODES, "", name), {"metadata": {"annotations": {MANAGED: "true"}}})
    spec = {"accessModes": ["ReadWriteOnce"], "storageClassName": ""}
    claim = {**spec, "volumeName": "v", "resources": {"requests": {"storage": "1Gi"}}}
    await play.make(PVCS, {"metadata": {"name": "data"}, "spec": claim})
    made = await play.world.get(PVCS, "data")
    ref = {"namespace": "default", "name": "data", "uid": made["metadata"]["uid"]}
    csi = {"driver": "csi.example.com", "volumeHandle": "h"}
    volume = {**spec, "claimRef": ref, "csi": csi, "capacity": {"storage": "1Gi"}}
    await play.make(PVS, {"metadata": {"name": "v"}, "spec": volume})
    await api.patch(ObjectRef(PVCS, "default", "data"), {"status": {"phase": "Bound"}}, subresource="status")
    uses = [{"name": "v", "persistentVolumeClaim": {"claimName": "data"}}]
    for name in ("n1", "n2"):
        pod = template(nodeName=name, volumes=uses)["spec"]
        await play.make(PODS, {"metadata": {"name": f"on-{name}"}, "spec": pod})
    await external_attacher(play)
    await api.delete(ObjectRef(PODS, "default", "on-n1"), grace_seconds=0)
    for _ in range(3):
        await external_attacher(play)


async def external_attacher(play: Play) -> None:
    await play.go_on()
    for one in await play.world.all(VOLUMEATTACHMENTS):
        ref = ObjectRef(VOLUMEATTACHMENTS, "", one["metadata"]["name"])
        if one["metadata"].get("deletionTimestamp"):
            await play.world.api.patch(ref, {"metadata": {"finalizers": None}})
        elif not (one.get("status") or {}).get("attached"):
            await play.world.api.patch(ref, {"metadata": {"finalizers": ["external-attacher/x"]}})
            await play.world.api.patch(ref, {"status": {"attached": True}}, subresource="status")
    await play.go_on()


VOLUMES = (
    "persistentvolume-binder-controller",
    "persistentvolumeclaim-protection-controller",
    "persistentvolume-protection-controller",
    "sampan.dev/local-path",
)
STORIES: dict[str, tuple[Callable[[Play], Awaitable[None]], tuple[str, ...]]] = {
    "deployment": (roll_out, ("deployment-controller", "replicaset-controller")),
    "statefulset": (stateful, ("statefulset-controller", *VOLUMES)),
    "job": (finish_job, ("job-controller",)),
    "cronjob": (cron, ("cronjob-controller", "job-controller")),
    "daemonset": (on_every_node, ("daemonset-controller",)),
    "binder": (bind_by_hand, VOLUMES),
    "provisioner": (bind_and_grow, (*VOLUMES, "persistentvolume-expander-controller")),
    "namespace": (
        end_of_a_namespace,
        (
            "namespace-controller",
            "serviceaccount-controller",
            "garbage-collector-controller",
            "deployment-controller",
            "replicaset-controller",
        ),
    ),
    "attachment": (attach, ("persistentvolume-attach-detach-controller",)),
    "endpoints": (serve, ("endpointslice-controller", "endpoints-controller", "garbage-collector-controller")),
}


async def outcome(world: Any, kinds: list[RestMapping]) -> list[str]:
    """Everything that is there, without what chance and time decide; each object one line."""
    found: list[tuple[RestMapping, Obj]] = []
    for kind in kinds:
        if kind.plural not in IGNORED:
            found += [(kind, obj) for obj in (await world.api.list(kind)).items]
    made = {obj["metadata"]["name"]: f"{base}*" for _, obj in found if (base := obj["metadata"].get("generateName"))}
    lines = []
    for kind, obj in found:
        meta = {k: v for k, v in obj["metadata"].items() if k not in ("resourceVersion", "managedFields")}
        text = json.dumps({**obj, "metadata": meta, "kind": kind.kind}, sort_keys=True)
        for name, base in made.items():
            text = text.replace(name, base)
        lines.append(TIME.sub("<time>", CHANCE.sub("<chance>", text)))
    return sorted(lines)


async def run(worlds: Worlds, story: str, writes: int | None, *, lost: bool) -> tuple[list[str], int]:
    """Play it with a cut after so many writes: what is there in the end, and how many writes there were till then."""
    tell, names = STORIES[story]
    async with worlds(*names) as world:
        play = Play(world, Cut(world.api.transport, writes, lost=lost))
        first = play.transport
        try:
            await play.begin(first)
            await tell(play)
            await play.go_on(700)
            return await outcome(world, world.manager.kit.kinds), first.made
        finally:
            await world.manager.close()
            if play.informers is not None:
                await play.informers.close()


@pytest.mark.parametrize("story", STORIES)
async def test_whoever_comes_next_finishes_what_was_begun(worlds: Worlds, story: str) -> None:
    whole, writes = await run(worlds, story, None, lost=False)
    assert writes > 3, "there is something to cut"
    for cut in range(1, writes + 1):
        for lost in (False, True):
            found, made = await run(worlds, story, cut, lost=lost)
            assert made == cut
            missing, extra = sorted(set(whole) - set(found)), sorted(set(found) - set(whole))
            where = f"cut after write {cut}{', its answer lost' if lost else ''}"
            assert (missing, extra, len(found)) == ([], [], len(whole)), where
