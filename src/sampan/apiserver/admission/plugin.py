"""What an admission plugin is: it names the facts it needs, then decides; it reads nothing itself."""

from collections.abc import Callable, Mapping
from typing import NamedTuple, Protocol

from sampan.api.errors import StatusError, forbidden
from sampan.api.json import Obj
from sampan.apiserver.admission.review import Review


class Need(NamedTuple):
    """A stored object, or (without a name) all objects of a kind in a namespace (empty: everywhere)."""

    group: str
    plural: str
    namespace: str = ""
    name: str = ""
    patience: float = 0.0
    """Seconds for which a named object is waited for: a controller may be about to make it."""
    may_fail: bool = False
    """A read that fails is told to the plugin (Facts.failed), not to the client."""


class Facts:
    """What the needs of a plugin turned out to be."""

    __slots__ = ("_began", "_found", "_monotonic", "dice")

    def __init__(
        self,
        found: Mapping[Need, list[Obj]],
        dice: Callable[[], str] = lambda: "",
        monotonic: Callable[[], float] = lambda: 0.0,
    ) -> None:
        self._found, self._monotonic = found, monotonic
        self._began = monotonic()
        self.dice = dice
        """Throws five random letters."""

    def elapsed(self) -> float:
        """Seconds since they were asked for."""
        return self._monotonic() - self._began

    def one(self, need: Need) -> Obj | None:
        """The object, or None."""
        objects = self._found.get(need) or []
        return objects[0] if objects else None

    def all(self, need: Need) -> list[Obj]:
        """The objects."""
        return self._found.get(need) or []

    def failed(self, need: Need) -> bool:
        """Whether a need that may fail did."""
        return need not in self._found


class Plugin(Protocol):
    """`mutate` gives the object as it should be, `validate` raises StatusError for what may not be. Both are pure."""

    @property
    def name(self) -> str: ...

    @property
    def kinds(self) -> frozenset[tuple[str, str]] | None: ...

    @property
    def mutates(self) -> bool: ...

    @property
    def validates(self) -> bool: ...

    def handles(self, review: Review) -> bool: ...

    def needs(self, review: Review) -> tuple[Need, ...]: ...

    def mutate(self, review: Review, facts: Facts) -> Obj: ...

    def validate(self, review: Review, facts: Facts) -> None: ...


class Base:
    """A plugin that changes and refuses nothing; the others override what they do."""

    name = ""
    kinds: frozenset[tuple[str, str]] | None = None
    """Group and plural of the only resources that it handles, if there are such; it is not asked about others."""
    mutates = True
    """False: it only validates, and is not asked (nor are its needs read) before."""
    validates = True
    """False: it only mutates."""

    def needs(self, review: Review) -> tuple[Need, ...]:
        return ()

    def mutate(self, review: Review, facts: Facts) -> Obj:
        return review.obj if review.obj is not None else {}

    def validate(self, review: Review, facts: Facts) -> None:
        return None


def refuse(review: Review, why: str) -> StatusError:
    """403 for the object of a review."""
    mapping = review.resource.mapping
    meta = (review.obj or {}).get("metadata") or {}
    return forbidden(mapping.group, mapping.plural, review.name or meta.get("name", ""), why)


def is_kind(review: Review, group: str, plural: str, subresource: str = "") -> bool:
    """Whether the review is of that resource."""
    mapping = review.resource.mapping
    return (mapping.group, mapping.plural, review.subresource) == (group, plural, subresource)
