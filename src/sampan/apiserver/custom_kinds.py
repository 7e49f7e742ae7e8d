"""Serves what CustomResourceDefinitions describe: grants names, adds and removes kinds, deletes what they leave."""

import logging
from collections.abc import Callable

from sampan.aio.tasks import Tasks
from sampan.api.errors import StatusError
from sampan.api.json import Obj, loads
from sampan.api.resource import Resource
from sampan.apiserver.call import Call, Kit
from sampan.apiserver.context import RequestInfo
from sampan.apiserver.conversion import Conversion
from sampan.apiserver.options import DeleteOptions, delete_options
from sampan.apiserver.query import NOTHING
from sampan.apiserver.registry import Entry
from sampan.apiserver.start import SYSTEM
from sampan.apiserver.verbs.delete import delete_one
from sampan.apiserver.webhook_client import WebhookClient
from sampan.net.http import Request
from sampan.resources.custom import custom_resources
from sampan.resources.custom.naming import is_established, status_of, terminating
from sampan.store.base import Conflict, KeyValue, SlowReader

log = logging.getLogger("sampan.apiserver")
FINALIZER = "customresourcecleanup.apiextensions.k8s.io"
TRIES = 100


class CustomKinds:
    """Follows the definitions in the store; what is there is served before `start` returns.

    Without `webhooks`, kinds whose versions are converted by a webhook are served in their stored version only.
    """

    def __init__(self, kit: Kit, webhooks: WebhookClient | None = None) -> None:
        self._kit, self._webhooks = kit, webhooks
        definitions = kit.live.get("apiextensions.k8s.io", "v1", "customresourcedefinitions")
        assert definitions is not None
        self._definitions = definitions
        self._meta = definitions.schema.properties["metadata"]
        self._crds: dict[str, Obj] = {}
        self._served: dict[str, tuple[Obj, Obj, list[Resource]]] = {}
        """Name to the spec and names that are served, and their records."""
        self._tasks = Tasks()

    @property
    def _entry(self) -> Entry:
        return self._kit.registry.entry(self._definitions)

    async def load(self) -> int:
        """Serve what is there; the revision up to which that is."""
        page = await self._kit.store.range(self._entry.root)
        for kv in page.items:
            self._learn(kv)
        for name in list(self._crds):
            self._serve(name)
        return page.revision

    async def start(self) -> None:
        """Serve what is there, and follow."""
        self._tasks.start(self._run(await self.load()), "custom kinds")

    async def close(self) -> None:
        """Follow no more."""
        await self._tasks.cancel()

    async def _run(self, since: int) -> None:
        for name in list(self._crds):
            await self._settle(name)
        while True:
            watch = self._kit.store.watch(self._entry.root, since=since)
            try:
                async for batch in watch:
                    for event in batch:
                        if event.type == "DELETE":
                            await self._forget(loads(event.kv.value)["metadata"]["name"])
                        else:
                            await self._settle(self._learn(event.kv))
            except SlowReader:
                since = await self.load()
            finally:
                watch.close()

    def _learn(self, kv: KeyValue) -> str:
        crd = self._kit.registry.object(self._entry, kv)
        name: str = crd["metadata"]["name"]
        self._crds[name] = crd
        return name

    async def _settle(self, name: str) -> None:
        """Bring one definition's status and what it serves up to date."""
        crd = self._crds[name]
        try:
            if crd["metadata"].get("deletionTimestamp"):
                await self._finish(crd)
                return
            wanted = status_of(crd, self._crds.values(), self._kit.now())
            if wanted != crd.get("status"):
                await self._write(name, lambda now: {**now, "status": self._renewed(now)})
            self._serve(name)
        except StatusError as error:
            log.warning("definition %s: %s", name, error)

    def _renewed(self, crd: Obj) -> Obj:
        return status_of(crd, self._crds.values(), self._kit.now())

    def _serve(self, name: str) -> None:
        crd = self._crds[name]
        if not is_established(crd):
            return
        names = crd["status"]["acceptedNames"]
        before = self._served.get(name)
        if before is not None and before[0] == crd["spec"] and before[1] == names:
            return
        made = custom_resources(crd, self._meta)
        self._convert_by(crd)
        kept = {r.gvr for r in made}
        for resource in before[2] if before is not None else ():
            if resource.gvr not in kept:
                self._kit.live.remove(*resource.gvr)
        for resource in made:
            self._kit.live.put(resource)
        self._served[name] = (crd["spec"], names, made)

    def _convert_by(self, crd: Obj) -> None:
        """Know the kind's conversion webhook, if it has one."""
        known, spec = self._kit.registry.conversions, crd["spec"]
        key = spec["group"], crd["status"]["acceptedNames"]["plural"]
        given = spec.get("conversion") or {}
        if given.get("strategy") != "Webhook" or self._webhooks is None:
            known.pop(key, None)
        elif key not in known or known[key].given != given:
            known[key] = Conversion(given, self._webhooks, self._kit.rng)

    async def _forget(self, name: str) -> None:
        crd = self._crds.pop(name, None)
        if crd is not None:
            self._kit.registry.conversions.pop((crd["spec"]["group"], crd["spec"]["names"]["plural"]), None)
        served = self._served.pop(name, None)
        for resource in served[2] if served is not None else ():
            self._kit.live.remove(*resource.gvr)
        for other in list(self._crds):  # a name may be free now
            await self._settle(other)

    async def _write(self, name: str, change: Callable[[Obj], Obj]) -> None:
        """Change a definition as it is now, however often others change it meanwhile."""
        registry, entry = self._kit.registry, self._entry
        for _ in range(TRIES):
            try:
                kv = await registry.get(entry, "", name)
                wanted = change(registry.object(entry, kv))
                meta = wanted["metadata"]
                if meta.get("deletionTimestamp") and not meta.get("finalizers"):
                    await registry.delete(entry, kv, wanted)
                    return
                self._learn(await registry.update(entry, kv, wanted))
                return
            except Conflict:
                continue
            except StatusError as error:
                if error.code != 404:
                    raise
                return

    # --- the end of a kind

    async def _finish(self, crd: Obj) -> None:
        """Delete the objects of a definition that is being deleted, then let it go."""
        name = crd["metadata"]["name"]
        if FINALIZER not in (crd["metadata"].get("finalizers") or ()):
            return
        left = await self._delete_objects(crd)
        if left:
            text = "CustomResource deletion is in progress"
            await self._write(name, lambda now: {**now, "status": terminating(now, self._kit.now(), why=text)})
            self._kit.deadlines.add(1.0, lambda: self._again(name))
            return

        def freed(now: Obj) -> Obj:
            held = [f for f in now["metadata"].get("finalizers") or () if f != FINALIZER]
            meta = {k: v for k, v in now["metadata"].items() if k != "finalizers"}
            status = terminating(now, self._kit.now(), done=True)
            return {**now, "metadata": {**meta, "finalizers": held} if held else meta, "status": status}

        await self._write(name, freed)

    def _again(self, name: str) -> None:
        """Another turn: an object's finalizer was in the way."""
        if name in self._crds:
            self._tasks.start(self._settle(name), f"end of {name}")

    async def _delete_objects(self, crd: Obj) -> int:
        """Delete all objects of a kind; how many are held by finalizers."""
        served = self._served.get(crd["metadata"]["name"])
        if served is None or not served[2]:
            return 0
        kit = self._kit
        resource = next((r for r in served[2] if kit.live.stored(r) is r), served[2][0])
        entry = kit.registry.entry(resource)
        options: DeleteOptions = delete_options(None, NOTHING)
        page = await kit.store.range(entry.root)
        for kv in page.items:
            meta = loads(kv.value)["metadata"]
            namespace, name = meta.get("namespace", ""), meta["name"]
            path = resource.mapping.path(namespace, name)
            group, version, plural = resource.gvr
            info = RequestInfo(True, "delete", path, group, version, namespace, plural, "", name)
            request = Request("DELETE", path, headers={"user-agent": "kube-apiserver"}, context={"user": SYSTEM})
            try:
                await delete_one(Call(kit, request, info, resource, entry), name, options)
            except StatusError as error:
                if error.code != 404:
                    raise
        return len((await kit.store.range(entry.root)).items)
