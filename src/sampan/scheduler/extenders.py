"""Extenders: processes outside that are asked over HTTP which nodes fit, which are better, who goes, and to bind.

Names of fields are those of kube-scheduler's extender/v1; answers are read as Go reads them, whatever their case.
"""

import asyncio
import base64
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from sampan.api import json
from sampan.api.json import Obj
from sampan.api.quote import go_quoted
from sampan.api.times import parse_duration
from sampan.net.http_client import HttpClient
from sampan.net.tls import client_context
from sampan.scheduler.configuration.reading import ConfigurationError
from sampan.scheduler.decide import Found
from sampan.scheduler.framework import Hopeless, Reasons, Unschedulable
from sampan.scheduler.pod import PodInfo
from sampan.scheduler.preemption import Eviction
from sampan.scheduler.snapshot import NodeInfo

log = logging.getLogger("sampan.scheduler")
NAME = "Extender"
"""Stands for all of them where plugins are named that turned a pod away."""
TIMEOUT = 5.0
SCALE = 10
"""Extenders score 0..10, plugins 0..100."""


class ExtenderError(Exception):
    """An extender that cannot be asked, or that answers nonsense."""


def connect(config: Obj) -> HttpClient:
    """A client with the extender's TLS settings. Raises ConfigurationError."""
    given: Obj = config.get("tlsConfig") or {}
    ca, certificate, key = (_pem(given, name) for name in ("ca", "cert", "key"))
    insecure = given.get("insecure", False)
    if insecure and ca is not None:
        text = "specifying a root certificates file with the insecure flag is not allowed"
        raise ConfigurationError(f"couldn't build extenders: {text}")
    trusting = insecure or (config.get("enableHTTPS", False) and ca is None)
    if not given and not trusting:
        return HttpClient()
    try:
        context = client_context(ca, certificate, key, verify=not trusting)
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"couldn't build extenders: {error}") from error
    return HttpClient(context, server_name=given.get("serverName") or None)


def _pem(given: Obj, name: str) -> bytes | None:
    if data := given.get(f"{name}Data"):
        return base64.b64decode(data)
    path = given.get(f"{name}File")
    try:
        return Path(path).read_bytes() if path else None
    except OSError as error:
        raise ConfigurationError(f"couldn't build extenders: open {path}: {error.strerror}") from error


def lowered(answer: Any) -> Obj:
    """An object with its keys in lower case, as Go finds fields."""
    if not isinstance(answer, dict):
        raise ExtenderError(f"json: cannot unmarshal {json.dumps(answer)[:40].decode()}")
    return {key.lower(): value for key, value in answer.items()}


class Extender:
    """One extender."""

    def __init__(self, config: Obj) -> None:
        self.config = config
        self.name: str = config.get("urlPrefix", "")
        self.ignorable: bool = config.get("ignorable", False)
        self._caches: bool = config.get("nodeCacheCapable", False)
        self._managed = frozenset(one["name"] for one in config.get("managedResources") or ())
        self._timeout = parse_duration(config.get("httpTimeout") or "0") or TIMEOUT
        self.client = connect(config)

    def does(self, verb: str) -> bool:
        """Whether it can filter, prioritize, preempt or bind."""
        return bool(self.config.get(f"{verb}Verb"))

    def cares_for(self, pod: PodInfo) -> bool:
        """Whether it looks after a resource that the pod asks for, or after all pods."""
        if not self._managed:
            return True
        spec = pod.obj.get("spec") or {}
        for container in (*(spec.get("containers") or ()), *(spec.get("initContainers") or ())):
            asked: Obj = container.get("resources") or {}
            if not self._managed.isdisjoint((*(asked.get("requests") or ()), *(asked.get("limits") or ()))):
                return True
        return False

    async def filter(self, pod: PodInfo, nodes: Sequence[NodeInfo]) -> tuple[list[str], dict[str, Reasons]]:
        """The names of the nodes it leaves, and why not the others. Raises ExtenderError."""
        answer = lowered(await self._ask("filter", self._about(pod, nodes)))
        if answer.get("error"):
            raise ExtenderError(answer["error"])
        known = {node.name for node in nodes}
        kept: list[str] = []
        if self._caches and answer.get("nodenames") is not None:
            kept = answer["nodenames"]
            for name in kept:
                if name not in known:
                    told = f"claims a filtered node {go_quoted(name)} which is not found in the input node list"
                    raise ExtenderError(f"extender {go_quoted(self.name)} {told}")
        elif answer.get("nodes") is not None:
            kept = [one["metadata"]["name"] for one in answer["nodes"].get("items") or ()]
        said: dict[str, Reasons] = {name: (why,) for name, why in (answer.get("failednodes") or {}).items()}
        hopeless = answer.get("failedandunresolvablenodes") or {}
        return [name for name in kept if name in known], said | {n: Hopeless((why,)) for n, why in hopeless.items()}

    async def points(self, pod: PodInfo, nodes: Sequence[NodeInfo]) -> dict[str, int]:
        """What it adds to the score of each node. Raises ExtenderError."""
        answer = await self._ask("prioritize", self._about(pod, nodes))
        weight = self.config.get("weight", 0) * SCALE
        rows = [lowered(one) for one in answer or ()]
        return {row.get("host", ""): row.get("score", 0) * weight for row in rows}

    async def narrow(
        self, pod: PodInfo, found: Sequence[Eviction], nodes: Mapping[str, NodeInfo], full: Callable[[PodInfo], Obj]
    ) -> list[Eviction]:
        """The evictions it agrees to, perhaps with other victims; `full` gives whole pods. Raises ExtenderError."""
        said: Obj = {"Pod": pod.obj, "NodeNameToVictims": None, "NodeNameToMetaVictims": None}
        if self._caches:
            said["NodeNameToMetaVictims"] = {
                one.node: {"Pods": [{"UID": v.uid} for v in one.victims], "NumPDBViolations": one.violations}
                for one in found
            }
        else:
            said["NodeNameToVictims"] = {
                one.node: {"Pods": [full(v) for v in one.victims], "NumPDBViolations": one.violations} for one in found
            }
        answer = lowered(await self._ask("preempt", said))
        made: list[Eviction] = []
        for name, given in (answer.get("nodenametometavictims") or {}).items():
            node = nodes.get(name)
            if node is None:
                raise ExtenderError(f'nodeinfo not found for node name "{name}"')
            row = lowered(given or {})
            victims = tuple(self._victim(lowered(one).get("uid", ""), node) for one in row.get("pods") or ())
            if victims:
                made.append(Eviction(name, victims, row.get("numpdbviolations", 0)))
            elif not self.ignorable:
                raise ExtenderError(f'expected at least one victim pod on node "{name}"')
        return made

    def _victim(self, uid: str, node: NodeInfo) -> PodInfo:
        for pod in node.pods.values():
            if pod.uid == uid:
                return pod
        text = f"extender: {self.name} claims to preempt pod (UID: &{{{uid}}}) on node: {node.name}"
        raise ExtenderError(f"{text}, but the pod is not found on that node")

    async def bind(self, pod: PodInfo, node: str) -> None:
        """Let it bind the pod. Raises ExtenderError."""
        said = {"PodName": pod.name, "PodNamespace": pod.namespace, "PodUID": pod.uid, "Node": node}
        answer = lowered(await self._ask("bind", said))
        if answer.get("error"):
            raise ExtenderError(answer["error"])

    def _about(self, pod: PodInfo, nodes: Iterable[NodeInfo]) -> Obj:
        if self._caches:
            return {"Pod": pod.obj, "Nodes": None, "NodeNames": [node.name for node in nodes]}
        return {"Pod": pod.obj, "Nodes": {"metadata": {}, "items": [node.obj for node in nodes]}, "NodeNames": None}

    async def _ask(self, verb: str, said: Obj) -> Any:
        action = self.config[f"{verb}Verb"]
        url = f"{self.name.rstrip('/')}/{action}"
        headers = (("content-type", "application/json"),)
        try:
            answer = await self.client.send("POST", url, headers, json.dumps(said), self._timeout)
        except OSError as error:
            raise ExtenderError(f"Post {go_quoted(url)}: {error or type(error).__name__}") from error
        if answer.status != 200:
            raise ExtenderError(f"failed {action} with extender at URL {url}, code {answer.status}")
        try:
            return json.loads(answer.body)
        except ValueError as error:
            raise ExtenderError(str(error)) from error


class Extenders:
    """All of them, asked one after the other (for scores at once); those that may be ignored come last."""

    def __init__(self, configs: Iterable[Obj]) -> None:
        self.each = [Extender(config) for config in configs]

    def __bool__(self) -> bool:
        return bool(self.each)

    async def close(self) -> None:
        """Close their connections."""
        for one in self.each:
            await one.client.close()

    def _for(self, verb: str, pod: PodInfo) -> list[Extender]:
        return [one for one in self.each if one.does(verb) and one.cares_for(pod)]

    async def narrowed(self, found: Found) -> Found | Unschedulable:
        """The nodes that all of them leave. Raises ExtenderError."""
        nodes, said = found.nodes, dict(found.said)
        pod = found.trial.pod
        for one in self._for("filter", pod):
            try:
                kept, why = await one.filter(pod, nodes)
            except ExtenderError as error:
                if not one.ignorable:
                    raise
                log.info("extender %s is passed over: %s", one.name, error)
                continue
            said |= {name: (NAME, reasons) for name, reasons in why.items()}
            nodes = tuple(node for node in nodes if node.name in kept)
            if not nodes:
                answer = replace(found, nodes=(), said=said).none_left()
                return replace(answer, plugins=answer.plugins | {NAME})
        return replace(found, nodes=nodes, said=said)

    async def points(self, pod: PodInfo, nodes: Sequence[NodeInfo]) -> dict[str, int]:
        """What all of them together add to scores; one that fails adds nothing."""
        asked = self._for("prioritize", pod)
        total: dict[str, int] = {}
        for one, given in zip(
            asked, await asyncio.gather(*(one.points(pod, nodes) for one in asked), return_exceptions=True), strict=True
        ):
            if isinstance(given, ExtenderError):
                log.debug("extender %s gives no scores: %s", one.name, given)
            elif isinstance(given, BaseException):
                raise given
            else:
                for name, points in given.items():
                    total[name] = total.get(name, 0) + points
        return total

    async def agreed(
        self, pod: PodInfo, found: list[Eviction], nodes: Mapping[str, NodeInfo], full: Callable[[PodInfo], Obj]
    ) -> list[Eviction]:
        """The evictions that all of them agree to. Raises ExtenderError."""
        for one in self._for("preempt", pod):
            try:
                found = await one.narrow(pod, found, nodes, full)
            except ExtenderError as error:
                if not one.ignorable:
                    raise
                log.info("extender %s is passed over: %s", one.name, error)
            if not found:
                break
        return found

    async def bound(self, pod: PodInfo, node: str) -> bool:
        """Whether one of them has bound the pod; if not, we do. Raises ExtenderError."""
        for one in self._for("bind", pod):
            try:
                await one.bind(pod, node)
            except ExtenderError as error:
                if not one.ignorable:
                    raise
                log.info("extender %s is passed over: %s", one.name, error)
                continue
            return True
        return False
