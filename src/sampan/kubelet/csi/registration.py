"""CSI drivers of this node: sockets that appear in the plugin registry, told of in CSINode and Node."""

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path

from sampan.aio.clock import Clock
from sampan.aio.directory import DirectoryWatch
from sampan.api.errors import StatusError
from sampan.api.json import Obj, dumps, loads
from sampan.api.names import ObjectRef
from sampan.client.api import Api
from sampan.kubelet.csi.client import Caller, CsiError, CsiNode, notify, plugin_info
from sampan.kubelet.csi.records import NODE_IDS, NodeInfo
from sampan.resources.kinds import CSINODES, NODES

log = logging.getLogger("sampan.kubelet")
FIRST_RETRY, MOST_RETRY = 1.0, 60.0


class Drivers:
    """Watches `registry`; `changed` is called when a driver has come."""

    def __init__(self, registry: Path, node: str, api: Api, clock: Clock, changed: Callable[[], None]) -> None:
        self._registry, self._node, self._api, self._clock, self._changed = registry, node, api, clock, changed
        self._by_socket: dict[str, str] = {}
        self._nodes: dict[str, CsiNode] = {}
        self._lock = asyncio.Lock()

    def get(self, name: str) -> CsiNode | None:
        """The node service of a driver, if it is registered."""
        return self._nodes.get(name)

    async def run(self) -> None:
        """Register what comes, forget what goes, until cancelled."""
        await asyncio.to_thread(self._registry.mkdir, parents=True, exist_ok=True, mode=0o750)
        retry = 0.0
        async with DirectoryWatch(self._registry) as watch:
            while True:
                failed = await self._look()
                retry = min(MOST_RETRY, retry * 2 or FIRST_RETRY) if failed else 0.0
                waiting = [asyncio.ensure_future(watch.changed())]
                if failed:
                    waiting.append(asyncio.ensure_future(self._clock.sleep(retry)))
                try:
                    await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    for task in waiting:
                        task.cancel()
                    await asyncio.gather(*waiting, return_exceptions=True)

    async def close(self) -> None:
        """Hang up on all drivers; they stay registered."""
        for node in self._nodes.values():
            await node.caller.close()
        self._nodes.clear()

    async def _look(self) -> bool:
        """Compare with the directory; True when something could not be done."""
        found = await asyncio.to_thread(_sockets, self._registry)
        failed = False
        for path in sorted(set(self._by_socket) - found):
            failed |= not await self._forget(path)
        for path in sorted(found - set(self._by_socket)):
            failed |= not await self._register(path)
        return failed

    async def _register(self, path: str) -> bool:
        caller = Caller(path)
        try:
            info = await plugin_info(caller)
            if info.type != "CSIPlugin":
                await notify(caller, f"no handler registered for plugin type: {info.type} at socket {path}")
                self._by_socket[path] = ""
                return True
            if not any(version.lstrip("v").split(".")[0] == "1" for version in info.versions):
                versions = ", ".join(info.versions)
                await notify(caller, f"CSI driver {info.name}: none of its versions is supported: {versions}")
                return False
            node = CsiNode(Caller(info.endpoint))
            try:
                await self._publish(info.name, await node.info())
            except BaseException:
                await node.caller.close()
                raise
            old = self._nodes.get(info.name)
            self._nodes[info.name], self._by_socket[path] = node, info.name
            if old is not None:
                await old.caller.close()
            await notify(caller)
        except (CsiError, StatusError, OSError) as error:
            log.warning("plugin at %s is not registered: %s", path, error)
            return False
        finally:
            await caller.close()
        log.info("CSI driver %s is registered", info.name)
        self._changed()
        return True

    async def _forget(self, path: str) -> bool:
        name = self._by_socket[path]
        if name and name not in {n for p, n in self._by_socket.items() if p != path}:
            try:
                await self._publish(name, None)
            except (StatusError, OSError) as error:
                log.warning("CSI driver %s: %s", name, error)
                return False
            node = self._nodes.pop(name, None)
            if node is not None:
                await node.caller.close()
        del self._by_socket[path]
        return True

    # --- the API

    async def initialize(self) -> None:
        """Make this node's CSINode if there is none. Raises StatusError, OSError."""
        await self._write(lambda drivers: drivers)

    async def _publish(self, name: str, info: NodeInfo | None) -> None:
        """Say in the API what the driver calls this node; None: it is gone. Raises StatusError, OSError."""
        async with self._lock:
            node = await self._api.get(ObjectRef(NODES, "", self._node))
            known = (node["metadata"].get("annotations") or {}).get(NODE_IDS)
            ids: dict[str, str] = loads(known) if known else {}
            ids.pop(name, None)
            if info is not None:
                ids[name] = info.id
            text = dumps(dict(sorted(ids.items()))).decode() if ids else None
            patch: Obj = {"metadata": {"annotations": {NODE_IDS: text}}}
            if info is not None and info.topology:
                patch["metadata"]["labels"] = dict(info.topology)
            await self._api.patch(ObjectRef(NODES, "", self._node), patch)

            def entries(drivers: list[Obj]) -> list[Obj]:
                others = [d for d in drivers if d["name"] != name]
                return others if info is None else [*others, driver_entry(name, info)]

            await self._write(entries)

    async def _write(self, change: Callable[[list[Obj]], list[Obj]]) -> None:
        while True:
            try:
                found = await self._api.get(ObjectRef(CSINODES, "", self._node))
            except StatusError as error:
                if error.code != 404:
                    raise
                await self._api.create(CSINODES, await self._fresh(change([])))
                return
            old = (found.get("spec") or {}).get("drivers") or []
            new = change(old)
            if new == old:
                return
            try:
                await self._api.update(CSINODES, {**found, "spec": {"drivers": new}})
                return
            except StatusError as error:
                if error.code != 409:
                    raise

    async def _fresh(self, drivers: list[Obj]) -> Obj:
        node = await self._api.get(ObjectRef(NODES, "", self._node))
        owner = {"apiVersion": "v1", "kind": "Node", "name": self._node, "uid": node["metadata"]["uid"]}
        meta = {"name": self._node, "ownerReferences": [owner]}
        return {"kind": "CSINode", "apiVersion": "storage.k8s.io/v1", "metadata": meta, "spec": {"drivers": drivers}}


def driver_entry(name: str, info: NodeInfo) -> Obj:
    """A driver's entry in CSINode."""
    made: Obj = {"name": name, "nodeID": info.id}
    if info.topology:
        made["topologyKeys"] = sorted(info.topology)
    if info.most > 0:
        made["allocatable"] = {"count": min(info.most, 2**31 - 1)}
    return made


def _sockets(folder: Path) -> set[str]:
    """The sockets below a folder, as upstream looks: hidden names and others' are left out."""
    try:
        return {str(path) for path in folder.rglob("*") if not path.name.startswith(".") and path.is_socket()}
    except OSError:
        return set()
