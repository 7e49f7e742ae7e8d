"""What admission is asked, and the protocol that answers: Review in, object or StatusError out."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from sampan.api.json import Obj
from sampan.api.resource import Resource
from sampan.apiserver.context import UserInfo

Operation = Literal["CREATE", "UPDATE", "DELETE", "CONNECT"]


@dataclass(slots=True, eq=False)
class Review:
    """One write that admission may change or refuse.

    `obj` is None for DELETE, `old` is None for CREATE and CONNECT. Neither they nor the review may be changed: a change
    makes a new one. (It is not frozen because that makes a record several times dearer, and each write has some.)
    For a subresource whose body is another kind (Scale, Binding, Eviction), `obj` is that body.
    """

    operation: Operation
    resource: Resource
    subresource: str
    namespace: str
    name: str
    obj: Obj | None
    old: Obj | None
    user: UserInfo
    dry_run: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)
    """The CreateOptions, UpdateOptions, PatchOptions or DeleteOptions of the request, as an object."""
    warnings: list[str] = field(default_factory=list)
    """Texts for Warning headers; plugins append."""
    annotations: dict[str, str] = field(default_factory=dict)
    """What is to be written to the audit log about it; plugins add."""

    def with_obj(self, obj: Obj) -> "Review":
        """The same review of another object."""
        return Review(
            self.operation,
            self.resource,
            self.subresource,
            self.namespace,
            self.name,
            obj,
            self.old,
            self.user,
            self.dry_run,
            self.options,
            self.warnings,
            self.annotations,
        )

    def defaulted(self, obj: Obj) -> Obj:
        """An object that somebody outside of this server has changed, with its kind's defaults."""
        part = self.resource.subresources.get(self.subresource)
        return obj if part is not None and part.kind is not None else self.resource.strategy.default(obj)


class Admission(Protocol):
    """The chain of admission plugins."""

    async def mutate(self, review: Review) -> Obj:
        """The object as the plugins leave it (for DELETE and CONNECT an empty one). Raises StatusError to refuse."""

    async def validate(self, review: Review) -> None:
        """Raises StatusError to refuse."""


class AdmitAll:
    """No plugins: everything passes unchanged."""

    async def mutate(self, review: Review) -> Obj:
        return review.obj if review.obj is not None else {}

    async def validate(self, review: Review) -> None:
        return None
