"""The authorizer: the Node authorizer, then RBAC, over what is stored; both follow the store's changes."""

import asyncio
from typing import NamedTuple

from sampan.api.json import loads
from sampan.apiserver import node_authorizer
from sampan.apiserver.context import RequestInfo, UserInfo
from sampan.apiserver.node_graph import NodeGraph
from sampan.apiserver.objects import StoredObjects
from sampan.apiserver.rbac import MASTERS, Attributes, Book, make_book
from sampan.store.base import SlowReader, Store, Watch

GROUP = "rbac.authorization.k8s.io"
RBAC_KINDS = ("clusterroles", "clusterrolebindings", "roles", "rolebindings")
GRAPH_KINDS = {
    "pods": "core", "persistentvolumes": "core", "volumeattachments": "storage.k8s.io",
    "resourceslices": "resource.k8s.io",
}  # fmt: skip
KINDS = (*RBAC_KINDS, *GRAPH_KINDS)
TURNS = 100
"""How often a node's request lets the loop turn, at most, so that the graph reads what has been written before it."""


class Decision(NamedTuple):
    """Whether it is allowed, and why or why not, as upstream puts it (may be empty)."""

    allowed: bool
    reason: str = ""
    denied: bool = False
    """Nobody else was to be asked."""
    error: str = ""
    """What went wrong on the way."""


class Authorizer:
    """Decides who may do what. `run` must run for each of KINDS."""

    def __init__(self, store: Store, objects: StoredObjects) -> None:
        self._store, self._objects = store, objects
        self._book: Book | None = None
        self._checked = self._changes = 0
        self._watches: dict[str, Watch] = {}
        self._graph = NodeGraph()
        self._nodes_ask = asyncio.Event()

    # ---- decisions

    async def authorize(self, user: UserInfo, wanted: Attributes) -> Decision:
        """The decision and its reason."""
        if MASTERS in user.groups:
            return Decision(True)
        why = ""
        node = node_authorizer.node_of(user)
        if node == "":
            why = f'unknown node for user "{user.name}"'
        elif node is not None:
            verdict = await self._node_decides(node, wanted)
            if verdict.allowed:
                return Decision(True)
            why = verdict.why
        book = await self.book()
        grant = book.grant(user, wanted)
        if grant is not None:
            return Decision(True, f"RBAC: allowed by {grant.source}")
        reasons = [text for text in (why, book.trouble(user, wanted.namespace)) if text]
        return Decision(False, "\n".join(reasons))

    async def allows(self, user: UserInfo, wanted: Attributes) -> bool:
        """Whether the user may."""
        return (await self.authorize(user, wanted)).allowed

    def looks_at_selectors(self, user: UserInfo) -> bool:
        """Whether a decision about this user may depend on selectors."""
        return node_authorizer.node_of(user) is not None

    # ---- RBAC

    async def book(self) -> Book:
        """The current grants: what is written is seen by the next request."""
        revision = self._store.revision
        if revision != self._checked:
            self._checked = revision
            if any(self._behind(plural) for plural in RBAC_KINDS):
                self._book = None
        if self._book is not None:
            return self._book
        changes = self._changes
        lists = [await self._objects.list(plural, group=GROUP) for plural in RBAC_KINDS]
        book = make_book(*lists)
        if self._changes == changes and not any(self._behind(plural) for plural in RBAC_KINDS):
            self._book = book
        return book

    def _behind(self, plural: str) -> bool:
        watch = self._watches.get(plural)
        return watch is None or watch.revision < self._store.revision

    # ---- nodes

    async def _node_decides(self, node: str, wanted: Attributes) -> node_authorizer.Verdict:
        self._nodes_ask.set()
        verdict = node_authorizer.decide(self._graph, node, wanted)
        if verdict.allowed:
            return verdict
        for _ in range(TURNS):
            if not any(self._behind(plural) for plural in GRAPH_KINDS):
                break
            await asyncio.sleep(0)
        return node_authorizer.decide(self._graph, node, wanted)

    # ---- following the store

    async def run(self, plural: str) -> None:
        """Follow the changes of one of KINDS."""
        if plural in GRAPH_KINDS:
            await self._nodes_ask.wait()  # a cluster without node agents needs no graph
        while True:
            try:
                await (self._follow_graph(plural) if plural in GRAPH_KINDS else self._follow_rbac(plural))
                return
            except SlowReader:
                continue
            finally:
                watch = self._watches.pop(plural, None)
                if watch is not None:
                    watch.close()

    async def _follow_rbac(self, plural: str) -> None:
        self._watches[plural] = watch = self._store.watch(f"/{GROUP}/{plural}/", since=self._store.revision)
        self._forget()
        async for batch in watch:
            if batch:
                self._forget()

    def _forget(self) -> None:
        self._changes += 1
        self._book = None

    async def _follow_graph(self, plural: str) -> None:
        prefix = f"/{GRAPH_KINDS[plural]}/{plural}/"
        self._graph.clear(plural)
        page = await self._store.range(prefix)
        for kv in page.items:
            self._graph.put(plural, loads(kv.value))
        watch = self._store.watch(prefix, since=page.revision)
        self._watches[plural] = watch
        async for batch in watch:
            for event in batch:
                if event.type == "PUT":
                    self._graph.put(plural, loads(event.kv.value))
                else:
                    namespace, _, name = event.kv.key.removeprefix(prefix).rpartition("/")
                    self._graph.drop(plural, namespace, name)


def attributes_of(info: RequestInfo) -> Attributes:
    """A request's attributes."""
    if not info.is_resource:
        return Attributes(info.verb, path=info.path)
    return Attributes(
        info.verb, info.group, info.resource, info.subresource, info.namespace, info.name, version=info.version
    )
