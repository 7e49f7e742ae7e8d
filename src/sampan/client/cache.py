"""The objects of one kind as last seen: one writer, many readers, named indexes."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from sampan.api.json import Obj
from sampan.api.meta import controller_of
from sampan.api.names import Key

IndexFunction = Callable[[Obj], Iterable[str]]


class Delta(NamedTuple):
    """One change of a cache: old is None when the object is new, new is None when it went."""

    old: Obj | None
    new: Obj | None


Deltas = list[Delta]


def key_of(obj: Obj) -> Key:
    """Namespace and name."""
    meta = obj["metadata"]
    return Key(meta.get("namespace", ""), meta["name"])


def by_namespace(obj: Obj) -> Iterable[str]:
    """Index of namespaces."""
    return (obj["metadata"].get("namespace", ""),)


def by_controller(obj: Obj) -> Iterable[str]:
    """Index of the uids of controller owners."""
    owner = controller_of(obj)
    return (owner["uid"],) if owner else ()


class Cache:
    """Readers use `get`, `list`, `indexed`; only the informer writes."""

    def __init__(self, indexes: Mapping[str, IndexFunction] | None = None) -> None:
        self._objects: dict[Key, Obj] = {}
        self._functions: dict[str, IndexFunction] = {"namespace": by_namespace, "controller": by_controller}
        self._functions.update(indexes or {})
        self._indexes: dict[str, dict[str, dict[Key, Obj]]] = {name: {} for name in self._functions}

    def __len__(self) -> int:
        return len(self._objects)

    def __iter__(self) -> Iterator[Obj]:
        return iter(self._objects.values())

    def add_index(self, name: str, function: IndexFunction) -> None:
        """Index what is here and what comes."""
        if name in self._functions:
            return
        self._functions[name] = function
        index: dict[str, dict[Key, Obj]] = {}
        for key, obj in self._objects.items():
            for value in function(obj):
                index.setdefault(value, {})[key] = obj
        self._indexes[name] = index

    def get(self, namespace: str, name: str) -> Obj | None:
        """One object."""
        return self._objects.get(Key(namespace, name))

    def list(self, namespace: str = "") -> Sequence[Obj]:
        """All objects, or those of one namespace."""
        if not namespace:
            return list(self._objects.values())
        return self.indexed("namespace", namespace)

    def indexed(self, index: str, value: str) -> Sequence[Obj]:
        """The objects that an index has under a value."""
        return list(self._indexes[index].get(value, {}).values())

    def apply(self, obj: Obj) -> Delta:
        """Put in a new or newer object."""
        key = key_of(obj)
        old = self._objects.get(key)
        if old is not None:
            self._unindex(key, old)
        self._objects[key] = obj
        for name, function in self._functions.items():
            index = self._indexes[name]
            for value in function(obj):
                index.setdefault(value, {})[key] = obj
        return Delta(old, obj)

    def delete(self, obj: Obj) -> Delta | None:
        """Take an object out; None if it was not there. The delta's old is the object's last known state."""
        key = key_of(obj)
        old = self._objects.pop(key, None)
        if old is None:
            return None
        self._unindex(key, old)
        return Delta(obj, None)

    def replace(self, objects: Iterable[Obj]) -> "Deltas":
        """Swap the whole content; what did not change makes no delta."""
        fresh = {key_of(obj): obj for obj in objects}
        deltas: Deltas = []
        for key, old in list(self._objects.items()):
            new = fresh.get(key)
            if new is None or new["metadata"].get("uid") != old["metadata"].get("uid"):
                self.delete(old)
                deltas.append(Delta(old, None))
        for key, obj in fresh.items():
            have = self._objects.get(key)
            if have is None or have["metadata"].get("resourceVersion") != obj["metadata"].get("resourceVersion"):
                deltas.append(self.apply(obj))
        return deltas

    def _unindex(self, key: Key, old: Obj) -> None:
        for name, function in self._functions.items():
            index = self._indexes[name]
            for value in function(old):
                entries = index.get(value)
                if entries is not None:
                    entries.pop(key, None)
                    if not entries:
                        del index[value]
