"""InterPodAffinity: pods that want one another near, and pods that want one another far."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from sampan.api.selectors import NOTHING, LabelSelector
from sampan.scheduler.events import Events, on
from sampan.scheduler.framework import FITS, Hopeless, Reasons
from sampan.scheduler.pod import PodInfo
from sampan.scheduler.snapshot import NodeInfo, Snapshot
from sampan.scheduler.terms import PodTerms, Term

NOT_NEAR = Hopeless(("node(s) didn't match pod affinity rules",))
NOT_FAR = ("node(s) didn't match pod anti-affinity rules",)
NOT_WANTED = ("node(s) didn't satisfy existing pods anti-affinity rules",)
Place = tuple[str, str]
"""A label of nodes: key and value."""
Counts = Mapping[Place, int]


@dataclass(frozen=True, slots=True, eq=False)
class State:
    """The pod's terms, and at which places there are pods that these mean, or whose terms mean the pod."""

    pod: PodInfo
    space: Mapping[str, str]
    """Labels of the pod's namespace."""
    near: tuple[Term, ...]
    far: tuple[Term, ...]
    liked: Counts
    """Pods that all terms of `near` mean."""
    disliked: Counts
    """Pods that a term of `far` means."""
    hostile: Counts
    """Pods with a required anti-affinity term that means this pod."""


@dataclass(frozen=True, slots=True)
class InterPodAffinity:
    """Upstream's plugin of the same name: a filter and a score."""

    name: ClassVar = "InterPodAffinity"
    local: ClassVar = False

    hard_weight: int = 1
    """What a required affinity term of another pod counts in the score (hardPodAffinityWeight)."""
    ignore_preferences: bool = False
    """Whether pods without preferences of their own are scored (ignorePreferredTermsOfExistingPods)."""
    weight: int = 2

    @property
    def events(self) -> Events:
        pods = on("Pod", ("Add", "UpdatePodLabel", "Delete"), self._moved)
        return {**pods, **on("Node", ("Add", "UpdateNodeLabel"), self._mended)}

    @staticmethod
    def _moved(pod: PodInfo, old: PodInfo | None, new: PodInfo | None, look: Snapshot) -> bool:
        """Another pod came, went or changed."""
        if new is not None and old is not None and new.uid == pod.uid:
            return True
        if any(one is not None and not (one.node or one.nominated) for one in (old, new)):
            return False
        terms, space = _own(pod, look)
        if new is not None:
            if terms.near and _all_meaning(terms.near, new) and not (old and _all_meaning(terms.near, old)):
                return True
            return bool(old and terms.far and _all_meaning(terms.far, old) and not _all_meaning(terms.far, new))
        if old is None:
            return False
        theirs = old.affinity.far
        unwanted = bool(theirs) and len(_meaning(theirs, pod, space)) == len(theirs)
        return unwanted or bool(terms.far and _all_meaning(terms.far, old))

    @staticmethod
    def _mended(pod: PodInfo, old: NodeInfo | None, new: NodeInfo, look: Snapshot) -> bool:
        """A node came, or its place is another one."""
        for terms, gains in ((pod.affinity.near, True), (pod.affinity.far, False)):
            for term in terms:
                after = new.labels.get(term.topology)
                if old is None:
                    if not gains or after is not None:
                        return True
                    continue
                before = old.labels.get(term.topology)
                if before != after and (after is not None if gains else before is not None):
                    return True
        return False

    def prepare(self, pod: PodInfo, snapshot: Snapshot) -> State | None:
        said = snapshot.table.terms
        if not pod.affinity and not said:
            return None
        terms, space = _own(pod, snapshot)
        hostile: dict[Place, int] = {}
        for (stance, term), by_node in said.items():
            if stance == "far" and term.matches(pod.namespace, pod.labels, space):
                _add_all(hostile, term.topology, by_node, snapshot, 1)
        if not (terms.near or terms.far or hostile):
            return None
        liked: dict[Place, int] = {}
        if terms.near:
            pods = _meant_by_all(terms.near, snapshot)
            for term in terms.near:
                _add_all(liked, term.topology, pods, snapshot, 1)
        disliked: dict[Place, int] = {}
        for term in terms.far:
            _add_all(disliked, term.topology, _meant_by_all((term,), snapshot), snapshot, 1)
        return State(pod, space, terms.near, terms.far, liked, disliked, hostile)

    def moved(self, state: State, pod: PodInfo, node: NodeInfo, step: int) -> State:
        """The counts after that pod came or went."""
        hostile, liked, disliked = dict(state.hostile), dict(state.liked), dict(state.disliked)
        _add(hostile, _meaning(pod.affinity.far, state.pod, state.space), node, step)
        _add(liked, _all_meaning(state.near, pod), node, step)
        _add(disliked, _meaning(state.far, pod, {}), node, step)
        return replace(state, hostile=hostile, liked=liked, disliked=disliked)

    def filter(self, state: State, node: NodeInfo) -> Reasons:
        if state.near and not self._is_near(state, node):
            return NOT_NEAR
        labels = node.labels
        if state.disliked and any((t.topology, labels.get(t.topology)) in state.disliked for t in state.far):
            return NOT_FAR
        if state.hostile and any(place in state.hostile for place in labels.items()):
            return NOT_WANTED
        return FITS

    @staticmethod
    def _is_near(state: State, node: NodeInfo) -> bool:
        labels = node.labels
        if any(term.topology not in labels for term in state.near):
            return False
        if all((term.topology, labels[term.topology]) in state.liked for term in state.near):
            return True
        # the first of a group of pods that want one another
        return not state.liked and bool(_all_meaning(state.near, state.pod))

    def look(self, pod: PodInfo, snapshot: Snapshot) -> dict[Place, int] | None:
        """How much each place is liked; None if no place is better than another."""
        fond = bool(pod.affinity.like or pod.affinity.dislike)
        if not fond and (self.ignore_preferences or not snapshot.table.terms):
            return None
        terms, space = _own(pod, snapshot)
        liked: dict[Place, int] = {}
        for ours, sign in ((terms.like, 1), (terms.dislike, -1)):
            for term in ours:
                _add_all(liked, term.topology, _meant_by_all((term,), snapshot), snapshot, sign * term.weight)
        weights = {"near": self.hard_weight, "far": 0}
        for (stance, term), by_node in snapshot.table.terms.items():
            weight = weights.get(stance, term.weight if stance == "like" else -term.weight)
            if weight and term.matches(pod.namespace, pod.labels, space):
                _add_all(liked, term.topology, by_node, snapshot, weight)
        return liked or None

    def scores(self, state: Mapping[Place, int], nodes: Sequence[NodeInfo]) -> list[int]:
        given = [sum(state.get(place, 0) for place in node.labels.items()) for node in nodes]
        low, high = min(given), max(given)
        return [int(100.0 * ((g - low) / (high - low))) for g in given] if high > low else [0] * len(nodes)


def _own(pod: PodInfo, snapshot: Snapshot) -> tuple[PodTerms, Mapping[str, str]]:
    """The pod's terms with the namespaces that they mean now, and the labels of its own."""
    space = snapshot.neighbours.namespace_labels(pod.namespace)
    if not pod.affinity:
        return pod.affinity, space
    parts = (pod.affinity.near, pod.affinity.far, pod.affinity.like, pod.affinity.dislike)
    return PodTerms(*(tuple(t.unrolled(snapshot.neighbours.namespaces) for t in part) for part in parts)), space


def _meant_by_all(terms: tuple[Term, ...], snapshot: Snapshot) -> Mapping[str, int]:
    """Node name to the number of its pods that all of the terms mean; the terms' namespaces are unrolled."""
    spaces = {term.namespaces for term in terms}
    if len(spaces) == 1 and all(term.spaces == NOTHING for term in terms):
        names = next(iter(spaces))
        if len(names) == 1:
            every = LabelSelector(tuple(r for term in terms for r in term.selector.requirements))
            return snapshot.table.counts.with_going(next(iter(names)), every)
    made = {}
    for node in snapshot.nodes.values():
        if number := sum(bool(_all_meaning(terms, pod)) for pod in node.pods.values()):
            made[node.name] = number
    return made


def _add_all(counts: dict[Place, int], key: str, by_node: Mapping[str, int], snapshot: Snapshot, step: int) -> None:
    """Count what is on nodes at their places."""
    for name, number in by_node.items():
        value = snapshot.nodes[name].labels.get(key)
        if value is not None:
            place = (key, value)
            counts[place] = counts.get(place, 0) + number * step


def _meaning(terms: Iterable[Term], pod: PodInfo, space: Mapping[str, str]) -> list[Term]:
    """Those of the terms that mean the pod, whose namespace has the labels `space`."""
    return [term for term in terms if term.matches(pod.namespace, pod.labels, space)]


def _all_meaning(terms: tuple[Term, ...], pod: PodInfo) -> tuple[Term, ...]:
    """All of the terms if they all mean the pod, else none."""
    return terms if all(term.matches(pod.namespace, pod.labels) for term in terms) else ()


def _add(counts: dict[Place, int], terms: Iterable[Term], node: NodeInfo, step: int) -> None:
    """Count the terms at the node's places; no zeros stay."""
    for term in terms:
        value = node.labels.get(term.topology)
        if value is not None:
            place = (term.topology, value)
            number = counts.get(place, 0) + step
            if number:
                counts[place] = number
            else:
                del counts[place]
