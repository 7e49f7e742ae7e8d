"""The resources that are served now: built-in ones at start, custom ones as they come and go."""

from collections.abc import Callable, Iterable

from sampan.api.names import GVK, GVR
from sampan.api.resource import Resource


class LiveResources:
    """Resource records by group, version and plural. `generation` counts changes, for whatever is derived from them."""

    def __init__(self, resources: Iterable[Resource]) -> None:
        self._by_name: dict[tuple[str, str, str], Resource] = {}
        self._listeners: list[Callable[[], None]] = []
        self.generation = 0
        for resource in resources:
            self._by_name[resource.gvr] = resource

    def get(self, group: str, version: str, plural: str) -> Resource | None:
        """The record, or None if it is not served."""
        return self._by_name.get((group, version, plural))

    def all(self) -> tuple[Resource, ...]:
        """Every record, in the order in which they were given."""
        return tuple(self._by_name.values())

    def of_kind(self, gvk: GVK) -> Resource | None:
        """The record that serves a kind."""
        return next((r for r in self._by_name.values() if r.gvk == gvk), None)

    def stored(self, resource: Resource) -> Resource:
        """The record of the version in which this one is kept."""
        if resource.storage is None:
            return resource
        return self._by_name.get(resource.storage, resource)

    def serves_group(self, group: str, version: str) -> bool:
        """Whether anything of this group and version is served."""
        return any(g == group and v == version for g, v, _ in self._by_name)

    def put(self, resource: Resource) -> None:
        """Serve a record, in place of the one of the same name."""
        self._by_name[GVR(*resource.gvr)] = resource
        self._changed()

    def remove(self, group: str, version: str, plural: str) -> None:
        """Stop serving a record."""
        self._by_name.pop((group, version, plural), None)
        self._changed()

    def on_change(self, listener: Callable[[], None]) -> None:
        """Call this after each change."""
        self._listeners.append(listener)

    def _changed(self) -> None:
        self.generation += 1
        for listener in self._listeners:
            listener()
