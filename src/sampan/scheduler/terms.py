"""Affinity terms: which other pods a pod wants near it or far from it (core/v1 PodAffinityTerm)."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, cast

from sampan.api.json import Obj
from sampan.api.selectors import EVERYTHING, NOTHING, LabelSelector, SelectorError, label_selector

Stance = Literal["near", "far", "like", "dislike"]
NO_LABELS: Mapping[str, str] = {}
REQUIRED, PREFERRED = (
    "requiredDuringSchedulingIgnoredDuringExecution",
    "preferredDuringSchedulingIgnoredDuringExecution",
)


@dataclass(frozen=True, slots=True)
class Term:
    """One term: pods that `selector` means, in `namespaces` or in one whose labels `spaces` means."""

    topology: str
    selector: LabelSelector
    namespaces: frozenset[str]
    spaces: LabelSelector = NOTHING
    weight: int = 0

    def matches(self, namespace: str, labels: Mapping[str, str], space: Mapping[str, str] = NO_LABELS) -> bool:
        """Whether a pod of that namespace, which has the labels `space`, is meant."""
        return (namespace in self.namespaces or self.spaces.matches(space)) and self.selector.matches(labels)

    def unrolled(self, namespaces: Callable[[LabelSelector], Iterable[str]]) -> "Term":
        """With the namespaces that its namespaceSelector means now, so that their labels need not be looked up."""
        if self.spaces in (NOTHING, EVERYTHING):
            return self
        return replace(self, namespaces=self.namespaces.union(namespaces(self.spaces)), spaces=NOTHING)


@dataclass(frozen=True, slots=True)
class PodTerms:
    """All terms of a pod: must be near, must be far, would like near, would like far."""

    near: tuple[Term, ...] = ()
    far: tuple[Term, ...] = ()
    like: tuple[Term, ...] = ()
    dislike: tuple[Term, ...] = ()

    @property
    def said(self) -> tuple[tuple[Stance, Term], ...]:
        """All of them, each with its stance."""
        near, far = (("near", term) for term in self.near), (("far", term) for term in self.far)
        like, dislike = (("like", term) for term in self.like), (("dislike", term) for term in self.dislike)
        return cast("tuple[tuple[Stance, Term], ...]", (*near, *far, *like, *dislike))

    def __bool__(self) -> bool:
        return bool(self.near or self.far or self.like or self.dislike)


NO_TERMS = PodTerms()


def pod_terms(affinity: Obj, namespace: str) -> PodTerms:
    """The terms of `spec.affinity` of a pod in that namespace."""
    near, far = affinity.get("podAffinity") or {}, affinity.get("podAntiAffinity") or {}
    if not near and not far:
        return NO_TERMS
    return PodTerms(
        tuple(_term(term, namespace, 0) for term in near.get(REQUIRED) or ()),
        tuple(_term(term, namespace, 0) for term in far.get(REQUIRED) or ()),
        tuple(_term(one["podAffinityTerm"], namespace, one["weight"]) for one in near.get(PREFERRED) or ()),
        tuple(_term(one["podAffinityTerm"], namespace, one["weight"]) for one in far.get(PREFERRED) or ()),
    )


def selector_of(selector: Any) -> LabelSelector:
    """A LabelSelector of the API; an absent or a wrong one matches nothing."""
    try:
        return label_selector(selector)
    except SelectorError:
        return NOTHING


def _term(term: Obj, namespace: str, weight: int) -> Term:
    names, spaces = term.get("namespaces") or (), term.get("namespaceSelector")
    alone = not names and spaces is None
    return Term(
        term["topologyKey"],
        selector_of(term.get("labelSelector")),
        frozenset((namespace,) if alone else names),
        selector_of(spaces),
        weight,
    )
