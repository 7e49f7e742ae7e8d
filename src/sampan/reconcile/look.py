"""Lookup over the shared informers."""

from collections.abc import Mapping, Sequence

from sampan.api.errors import StatusError
from sampan.api.json import Obj
from sampan.api.names import ObjectRef, RestMapping
from sampan.client.informer import Informer, Informers


class CacheLookup:
    """What `observe` reads from: informer caches, and the answers to the Asks of earlier rounds."""

    def __init__(
        self,
        informers: Informers,
        kinds: Sequence[RestMapping],
        answers: Mapping[ObjectRef, Obj | None],
        *,
        metadata_only: bool = False,
        failure: StatusError | None = None,
    ) -> None:
        self._informers, self._kinds, self._answers = informers, kinds, answers
        self._metadata_only, self._failure = metadata_only, failure

    def _informer(self, mapping: RestMapping) -> Informer:
        informer = self._informers.find(mapping, metadata_only=self._metadata_only)
        if informer is None:
            raise LookupError(f"nobody follows {mapping.plural}: name it in the controller's watches or reads")
        return informer

    def get(self, mapping: RestMapping, namespace: str, name: str) -> Obj | None:
        return self._informer(mapping).cache.get(namespace, name)

    def list(self, mapping: RestMapping, namespace: str = "") -> Sequence[Obj]:
        return self._informer(mapping).cache.list(namespace)

    def owned(self, mapping: RestMapping, uid: str) -> Sequence[Obj]:
        return self._informer(mapping).cache.indexed("controller", uid)

    def indexed(self, mapping: RestMapping, index: str, value: str) -> Sequence[Obj]:
        return self._informer(mapping).cache.indexed(index, value)

    def live(self, ref: ObjectRef) -> Obj | None:
        return self._answers[ref]

    def asked(self, ref: ObjectRef) -> bool:
        return ref in self._answers

    def failure(self) -> StatusError | None:
        return self._failure

    def mappings(self) -> Sequence[RestMapping]:
        return self._kinds
