"""Static pods' manifests: a file's text becomes a pod of this node, or is refused. Pure."""

from hashlib import sha256
from typing import Any

import yaml

from sampan.api.json import Obj, dumps
from sampan.kubelet.podspec import HASH, MIRROR, SOURCE, every_container, is_mirror
from sampan.kubelet.runner import config_sources
from sampan.resources.strategies.pods import PODS
from sampan.resources.strategies.qos import qos_class

TOLERATES_ALL = {"operator": "Exists", "effect": "NoExecute"}
OF_API = {
    "configMap": "configmaps (via configmap volumes)", "secret": "secrets (via secret volumes)",
    "csi": "csidrivers (via CSI volumes)", "glusterfs": "endpoints (via glusterFS volumes)",
    "persistentVolumeClaim": "persistentvolumeclaims", "ephemeral": "persistentvolumeclaims (via ephemeral volumes)",
    "azureFile": "secrets (via azureFile volumes)",
}  # fmt: skip
PROJECTED_OF_API = {
    "configMap": "configmaps (via projected volumes)", "secret": "secrets (via projected volumes)",
    "serviceAccountToken": "serviceaccounts (via projected volumes)", "clusterTrustBundle": "clustertrustbundles",
    "podCertificate": "podcertificates",
}  # fmt: skip


class ManifestError(ValueError):
    """A manifest that makes no pod."""


def static_pod(text: str, source: str, node: str) -> Obj:
    """The pod of a manifest (YAML or JSON): named after its node, its UID made of what it says. Raises ManifestError.

    `source` is the file's path.
    """
    try:
        given = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ManifestError(f"couldn't parse as pod({error}), please check config file") from error
    if not isinstance(given, dict) or (given.get("apiVersion"), given.get("kind")) != ("v1", "Pod"):
        raise ManifestError("couldn't parse as pod(expected a v1 Pod), please check config file")
    if not isinstance(given.get("metadata"), dict) or not given["metadata"].get("name"):
        raise ManifestError("invalid pod: name is needed for the pod")
    try:
        made = _whole(PODS.default({**given, "status": {}}), source, node)
        errors = PODS.validate_create(made)
    except (TypeError, AttributeError, KeyError, ValueError) as error:
        raise ManifestError(f"couldn't parse as pod({error}), please check config file") from error
    if errors:
        raise ManifestError("invalid pod: [" + ", ".join(f"{e.field}: {e.message}" for e in errors) + "]")
    if used := of_api(made):
        raise ManifestError(f"static pods may not reference {used}")
    return made


def _whole(pod: Obj, source: str, node: str) -> Obj:
    meta, inner = pod["metadata"], pod.get("spec") or {}
    uid = meta.get("uid") or sha256(dumps(pod) + f"host:{node}file:{source}".encode()).hexdigest()[:32]
    notes = {**(meta.get("annotations") or {}), HASH: uid, SOURCE: "file"}
    own = [t for t in inner.get("tolerations") or () if t != TOLERATES_ALL]
    return {
        **pod,
        "metadata": {
            **meta, "uid": uid, "name": f"{meta['name']}-{node.lower()}",
            "namespace": meta.get("namespace") or "default", "annotations": notes,
        },
        "spec": {**inner, "nodeName": node, "tolerations": [*own, TOLERATES_ALL]},
        "status": {"phase": "Pending", "qosClass": qos_class(inner)},
    }  # fmt: skip


def of_api(pod: Obj) -> str:
    """What of the API the pod refers to, which a static one must not; nothing if it does not."""
    inner = pod["spec"]
    if inner.get("serviceAccountName"):
        return "serviceaccounts"
    kinds = {kind for container in every_container(pod) for kind, _ in config_sources(container)}
    if "Secret" in kinds or inner.get("imagePullSecrets") or _volume(inner, "secret"):
        return "secrets"
    if "ConfigMap" in kinds or _volume(inner, "configMap"):
        return "configmaps"
    if inner.get("resourceClaims"):
        return "resourceclaims"
    for volume in inner.get("volumes") or ():
        for key, words in OF_API.items():
            if volume.get(key) is not None:
                return words
        for entry in (volume.get("projected") or {}).get("sources") or ():
            if found := next((words for key, words in PROJECTED_OF_API.items() if entry.get(key) is not None), ""):
                return found
    return ""


def _volume(inner: Obj, kind: str) -> bool:
    """Whether a volume, or a source of a projected one, is of a kind."""
    for volume in inner.get("volumes") or ():
        sources = (volume.get("projected") or {}).get("sources") or ()
        if any(one.get(kind) is not None for one in (volume, *sources)):
            return True
    return False


def mirror_of(pod: Obj, node: Obj) -> Obj:
    """What is to be in the API for a static pod, owned by its node."""
    meta: dict[str, Any] = {k: v for k, v in pod["metadata"].items() if k != "uid"}
    notes = meta["annotations"]
    own = node["metadata"]
    owner = {"apiVersion": "v1", "kind": "Node", "name": own["name"], "uid": own.get("uid", ""), "controller": True}
    notes = {**notes, MIRROR: notes[HASH]}
    return {**pod, "metadata": {**meta, "annotations": notes, "ownerReferences": [owner]}}


def mirrors(pod: Obj, static: Obj) -> bool:
    """Whether a pod of the API stands for this static pod as it is now."""
    return is_mirror(pod) and pod["metadata"]["annotations"][MIRROR] == static["metadata"]["annotations"][HASH]
