"""Which objects belong to which node, by the pods bound to it, their claims and those claims' volumes. Pure."""

from collections import Counter
from collections.abc import Iterator

from sampan.api.json import Obj
from sampan.apiserver.pod_references import Reference, references

MIRROR = "kubernetes.io/config.mirror"
PV_SECRETS = ("azureFile", "cephfs", "cinder", "flexVolume", "rbd", "scaleIO", "iscsi", "storageos")
CSI_SECRETS = ("nodePublishSecretRef", "nodeStageSecretRef", "nodeExpandSecretRef")
Place = tuple[str, str]
"""(namespace, name)."""


class NodeGraph:
    """Edges secret, config map, claim, account -> pod -> node; volume -> claim; attachment, slice -> node."""

    def __init__(self) -> None:
        self._pods: dict[Place, tuple[str, tuple[Reference, ...]]] = {}
        self._by_node: dict[str, Counter[Reference]] = {}
        self._volumes: dict[str, tuple[Place, tuple[Reference, ...]]] = {}
        self._of_volumes: dict[Reference, set[str]] = {}
        self._direct: dict[Reference, str] = {}

    def reaches(self, node: str, plural: str, namespace: str, name: str) -> bool:
        """Whether the object is needed on that node."""
        wanted = (plural, namespace, name)
        if wanted in self._direct:
            return self._direct[wanted] == node
        if plural == "persistentvolumes":
            return self._volume_reaches(node, name)
        if self._needs(node, wanted):
            return True
        return any(self._volume_reaches(node, volume) for volume in self._of_volumes.get(wanted, ()))

    def _needs(self, node: str, wanted: Reference) -> bool:
        counts = self._by_node.get(node)
        return counts is not None and wanted in counts

    def _volume_reaches(self, node: str, volume: str) -> bool:
        found = self._volumes.get(volume)
        return found is not None and self._needs(node, ("persistentvolumeclaims", *found[0]))

    def put(self, plural: str, obj: Obj) -> None:
        """A pod, volume, attachment or slice as it is now."""
        meta, spec = obj["metadata"], obj.get("spec") or {}
        place = (meta.get("namespace", ""), meta["name"])
        self.drop(plural, *place)
        match plural:
            case "pods" if spec.get("nodeName"):
                self._put_pod(place, spec["nodeName"], obj)
            case "persistentvolumes" if spec.get("claimRef"):
                self._put_volume(meta["name"], spec)
            case "volumeattachments" | "resourceslices" if spec.get("nodeName"):
                self._direct[plural, *place] = spec["nodeName"]

    def _put_pod(self, place: Place, node: str, pod: Obj) -> None:
        # A node may make mirror pods itself: they must give it nothing.
        mirror = MIRROR in (pod["metadata"].get("annotations") or {})
        needs = {("pods", *place)} if mirror else {("pods", *place), *references(pod)}
        self._pods[place] = node, tuple(needs)
        self._by_node.setdefault(node, Counter()).update(needs)

    def _put_volume(self, name: str, spec: Obj) -> None:
        claim = spec["claimRef"]
        secrets = tuple(_volume_secrets(spec, claim.get("namespace", "")))
        self._volumes[name] = (claim.get("namespace", ""), claim.get("name", "")), secrets
        for secret in secrets:
            self._of_volumes.setdefault(secret, set()).add(name)

    def drop(self, plural: str, namespace: str, name: str) -> None:
        """That object is gone."""
        if plural == "pods":
            self._drop_pod((namespace, name))
        elif plural == "persistentvolumes":
            _, secrets = self._volumes.pop(name, (("", ""), ()))
            for secret in secrets:
                self._of_volumes[secret].discard(name)
                if not self._of_volumes[secret]:
                    del self._of_volumes[secret]
        else:
            self._direct.pop((plural, namespace, name), None)

    def _drop_pod(self, place: Place) -> None:
        known = self._pods.pop(place, None)
        if known is None:
            return
        node, needs = known
        counts = self._by_node[node]
        for need in needs:
            counts[need] -= 1
            if not counts[need]:
                del counts[need]
        if not counts:
            del self._by_node[node]

    def clear(self, plural: str) -> None:
        """Forget all objects of a kind."""
        if plural == "pods":
            self._pods, self._by_node = {}, {}
        elif plural == "persistentvolumes":
            self._volumes, self._of_volumes = {}, {}
        else:
            self._direct = {key: node for key, node in self._direct.items() if key[0] != plural}


def _volume_secrets(spec: Obj, namespace: str) -> Iterator[Reference]:
    """The secrets that a node agent needs for a volume; those for controllers alone are not among them."""
    for key in PV_SECRETS:
        source = spec.get(key) or {}
        ref = source.get("secretRef") or {}
        name = ref.get("name") or source.get("secretName")
        if name:
            yield "secrets", ref.get("namespace") or source.get("secretNamespace") or namespace, name
    csi = spec.get("csi") or {}
    for key in CSI_SECRETS:
        ref = csi.get(key) or {}
        if ref.get("name"):
            yield "secrets", ref.get("namespace", ""), ref["name"]
