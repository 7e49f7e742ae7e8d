"""What scheduling rules look up besides nodes and pods, from informer caches."""

from collections.abc import Iterable, Mapping

from sampan.api.json import Obj
from sampan.api.meta import labels_of, name_of
from sampan.api.names import RestMapping
from sampan.api.selectors import LabelSelector
from sampan.client.cache import Cache
from sampan.client.informer import Informers
from sampan.resources.kinds import (
    CSIDRIVERS,
    CSINODES,
    CSISTORAGECAPACITIES,
    NAMESPACES,
    PDBS,
    PVCS,
    PVS,
    REPLICASETS,
    REPLICATIONCONTROLLERS,
    SERVICES,
    STATEFULSETS,
    STORAGECLASSES,
    VOLUMEATTACHMENTS,
)
from sampan.scheduler.plugins.volumes import class_of
from sampan.scheduler.terms import NO_LABELS

OWNERS: Mapping[str, RestMapping] = {
    "ReplicationController": REPLICATIONCONTROLLERS, "ReplicaSet": REPLICASETS, "StatefulSet": STATEFULSETS,
}  # fmt: skip


class CachedStorage:
    """The storage objects."""

    def __init__(self, informers: Informers) -> None:
        self._claims, self._volumes, self._classes, self._nodes, self._drivers, self._attachments = (
            informers.of(kind).cache for kind in (PVCS, PVS, STORAGECLASSES, CSINODES, CSIDRIVERS, VOLUMEATTACHMENTS)
        )
        self._capacities = informers.of(CSISTORAGECAPACITIES).cache
        self._capacities.add_index("class", lambda capacity: (capacity.get("storageClassName", ""),))
        self._volumes.add_index("class", lambda volume: (class_of(volume),))
        self._attachments.add_index("node", lambda attachment: ((attachment.get("spec") or {}).get("nodeName", ""),))

    def claim(self, namespace: str, name: str) -> Obj | None:
        return self._claims.get(namespace, name)

    def volume(self, name: str) -> Obj | None:
        return self._volumes.get("", name) if name else None

    def volumes_of_class(self, name: str) -> Iterable[Obj]:
        return self._volumes.indexed("class", name)

    def storage_class(self, name: str) -> Obj | None:
        return self._classes.get("", name)

    def csi_node(self, name: str) -> Obj | None:
        return self._nodes.get("", name)

    def csi_driver(self, name: str) -> Obj | None:
        return self._drivers.get("", name)

    def attachments(self, node: str) -> Iterable[Obj]:
        return self._attachments.indexed("node", node)

    def capacities(self, storage_class: str) -> Iterable[Obj]:
        return self._capacities.indexed("class", storage_class)


class CachedNeighbours:
    """Namespaces, and what groups and protects pods."""

    def __init__(self, informers: Informers) -> None:
        self._namespaces, self._services, self._budgets = (
            informers.of(kind).cache for kind in (NAMESPACES, SERVICES, PDBS)
        )
        self._owners: dict[str, Cache] = {kind: informers.of(mapping).cache for kind, mapping in OWNERS.items()}

    def namespace_labels(self, name: str) -> Mapping[str, str]:
        found = self._namespaces.get("", name)
        return labels_of(found) if found is not None else NO_LABELS

    def namespaces(self, selector: LabelSelector) -> Iterable[str]:
        return [name_of(one) for one in self._namespaces if selector.matches(labels_of(one))]

    def services(self, namespace: str) -> Iterable[Obj]:
        return self._services.list(namespace)

    def owner(self, kind: str, namespace: str, name: str) -> Obj | None:
        return self._owners[kind].get(namespace, name)

    def budgets(self) -> Iterable[Obj]:
        return self._budgets
