"""The admission policies that are stored now, each with its bindings."""

from typing import NamedTuple

from sampan.apiserver.admission.configurations import Configurations
from sampan.apiserver.admission.policy.records import Binding, Policy, read_binding, read_policy
from sampan.store.base import Store

VALIDATING = ("validatingadmissionpolicies", "validatingadmissionpolicybindings")
MUTATING = ("mutatingadmissionpolicies", "mutatingadmissionpolicybindings")


class Bound(NamedTuple):
    """A policy and the bindings that put it to work."""

    policy: Policy
    bindings: tuple[Binding, ...]


class Policies:
    """The policies of one of the two kinds that are bound, by name."""

    def __init__(self, store: Store, plurals: tuple[str, str]) -> None:
        self._policies = Configurations(store, plurals[0], read_policy)
        self._bindings = Configurations(store, plurals[1], read_binding)
        self._all: tuple[Bound, ...] = ()

    def current(self) -> tuple[Bound, ...] | None:
        """The policies, or None when something was written that is not known yet: `read` then."""
        if self._policies.current() is None or self._bindings.current() is None:
            return None
        return self._all

    async def read(self) -> tuple[Bound, ...]:
        """The policies as they are stored: what is written is seen by the next request."""
        policies, bindings = await self._policies.read(), await self._bindings.read()
        of: dict[str, list[Binding]] = {}
        for one in bindings:
            of.setdefault(one.policy, []).append(one)
        self._all = tuple(Bound(one, tuple(of[one.name])) for one in policies if one.name in of)
        return self._all
