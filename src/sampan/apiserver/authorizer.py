"""The authorizer: a chain of them; Node and RBAC decide over what is stored and follow the store's changes."""

import asyncio
from typing import NamedTuple

from sampan.api.json import loads
from sampan.apiserver import node_authorizer
from sampan.apiserver.authz.decision import NO_OPINION, YES, Decision, Link, always_allow, always_deny
from sampan.apiserver.authz.metrics import DecisionMetrics
from sampan.apiserver.context import RequestInfo, UserInfo
from sampan.apiserver.node_graph import NodeGraph
from sampan.apiserver.objects import StoredObjects
from sampan.apiserver.rbac import EVERYTHING, MASTERS, Attributes, Book, Rule, aggregate, make_book
from sampan.store.base import SlowReader, Store, Watch

GROUP, WEBHOOK = "rbac.authorization.k8s.io", "Webhook"
RBAC_KINDS = ("clusterroles", "clusterrolebindings", "roles", "rolebindings")
GRAPH_KINDS = {
    "pods": "core", "persistentvolumes": "core", "volumeattachments": "storage.k8s.io",
    "resourceslices": "resource.k8s.io",
}  # fmt: skip
KINDS = (*RBAC_KINDS, *GRAPH_KINDS)
TURNS = 100
"""How often a node's request lets the loop turn, at most, so that the graph reads what has been written before it."""


class Rights(NamedTuple):
    """What a user may do as far as authorizers can list it."""

    rules: list[Rule]
    wrong: list[str]
    incomplete: bool


class Authorizer:
    """Decides who may do what. `run` must run for each of KINDS.

    `chain` is asked in its order until one allows or denies; it may be replaced at any time.
    """

    def __init__(self, store: Store, objects: StoredObjects, metrics: DecisionMetrics | None = None) -> None:
        self._store, self._objects, self._metrics = store, objects, metrics
        self.chain: tuple[Link, ...] = (self.link("Node"), self.link("RBAC"))
        self._book: Book | None = None
        self._checked = self._changes = 0
        self._watches: dict[str, Watch] = {}
        self._graph = NodeGraph()
        self._nodes_ask = asyncio.Event()

    # ---- decisions

    def link(self, type_: str) -> Link:
        """One of this server's own authorizers: Node, RBAC, AlwaysAllow, AlwaysDeny. Raises KeyError."""
        own = {"Node": self._node, "RBAC": self._rbac, "AlwaysAllow": always_allow, "AlwaysDeny": always_deny}
        return Link(type_, type_.lower(), own[type_])

    async def authorize(self, user: UserInfo, wanted: Attributes) -> Decision:
        """The decision and its reason."""
        if MASTERS in user.groups:
            return YES
        reasons: list[str] = []
        wrong: list[str] = []
        for link in self.chain:
            decision = await link.decide(user, wanted)
            if decision.allowed or decision.denied:
                if self._metrics is not None:
                    self._metrics.decided(link.type, link.name, decision.allowed)
                return decision
            if decision.reason:
                reasons.append(decision.reason)
            if decision.error:
                wrong.append(decision.error)
        if not reasons and not wrong:
            return NO_OPINION
        return Decision(False, "\n".join(reasons), error=aggregate(list(dict.fromkeys(wrong))) if wrong else "")

    async def _node(self, user: UserInfo, wanted: Attributes) -> Decision:
        node = node_authorizer.node_of(user)
        if node is None:
            return NO_OPINION
        if not node:
            return Decision(False, f'unknown node for user "{user.name}"')
        verdict = await self._node_decides(node, wanted)
        return YES if verdict.allowed else Decision(False, verdict.why)

    async def _rbac(self, user: UserInfo, wanted: Attributes) -> Decision:
        book = await self.book()
        grant = book.grant(user, wanted)
        if grant is not None:
            return Decision(True, f"RBAC: allowed by {grant.source}")
        return Decision(False, book.trouble(user, wanted.namespace))

    async def rights(self, user: UserInfo, namespace: str) -> Rights:
        """All that the user may do in a namespace."""
        made = Rights([], [], any(self._cannot_list(link, user) for link in self.chain))
        for link in self.chain:
            if why := self._cannot_list(link, user):
                made.wrong.append(why)
            elif link.type == "AlwaysAllow":
                made.rules.extend(EVERYTHING)
            elif link.type == "RBAC":
                book = await self.book()
                made.rules.extend(book.granted(user, namespace))
                made.wrong.extend(book.unresolved(user, namespace))
        return made

    def _cannot_list(self, link: Link, user: UserInfo) -> str:
        if link.type == "Node" and node_authorizer.node_of(user) is not None:
            return "node authorizer does not support user rule resolution"
        return "webhook authorizer does not support user rule resolution" if link.type == WEBHOOK else ""

    async def allows(self, user: UserInfo, wanted: Attributes) -> bool:
        """Whether the user may."""
        return (await self.authorize(user, wanted)).allowed

    def looks_at_selectors(self, user: UserInfo) -> bool:
        """Whether a decision about this user may depend on selectors."""
        return node_authorizer.node_of(user) is not None or any(link.type == WEBHOOK for link in self.chain)

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
