"""The other API objects that a pod names: secrets, config maps, claims, its account. Pure (as upstream: api/v1/pod)."""

from collections.abc import Iterator

from sampan.api.json import Obj

Reference = tuple[str, str, str]
"""(plural, namespace, name)."""
SECRET_REFS = ("cephfs", "cinder", "flexVolume", "rbd", "scaleIO", "iscsi", "storageos")
CONTAINERS = ("initContainers", "containers", "ephemeralContainers")
KINDS = ("secrets", "configmaps", "persistentvolumeclaims", "serviceaccounts", "resourceclaims")


def references(pod: Obj) -> Iterator[Reference]:
    """Everything that a pod names in its own namespace; a name may come more than once."""
    namespace = pod["metadata"].get("namespace", "")
    for plural, name in _names(pod):
        if name:
            yield plural, namespace, name


def _names(pod: Obj) -> Iterator[tuple[str, str]]:
    spec = pod.get("spec") or {}
    yield "serviceaccounts", spec.get("serviceAccountName", "")
    for secret in spec.get("imagePullSecrets") or ():
        yield "secrets", secret.get("name", "")
    for key in CONTAINERS:
        for container in spec.get(key) or ():
            yield from _of_container(container)
    for volume in spec.get("volumes") or ():
        yield from _of_volume(volume, pod["metadata"].get("name", ""))
    yield from _claims(pod)


def _of_container(container: Obj) -> Iterator[tuple[str, str]]:
    for source in container.get("envFrom") or ():
        yield "secrets", (source.get("secretRef") or {}).get("name", "")
        yield "configmaps", (source.get("configMapRef") or {}).get("name", "")
    for variable in container.get("env") or ():
        source = variable.get("valueFrom") or {}
        yield "secrets", (source.get("secretKeyRef") or {}).get("name", "")
        yield "configmaps", (source.get("configMapKeyRef") or {}).get("name", "")


def _of_volume(volume: Obj, pod_name: str) -> Iterator[tuple[str, str]]:
    yield "secrets", (volume.get("secret") or {}).get("secretName", "")
    yield "configmaps", (volume.get("configMap") or {}).get("name", "")
    yield "secrets", (volume.get("azureFile") or {}).get("secretName", "")
    yield "secrets", ((volume.get("csi") or {}).get("nodePublishSecretRef") or {}).get("name", "")
    for key in SECRET_REFS:
        yield "secrets", ((volume.get(key) or {}).get("secretRef") or {}).get("name", "")
    for source in (volume.get("projected") or {}).get("sources") or ():
        yield "secrets", (source.get("secret") or {}).get("name", "")
        yield "configmaps", (source.get("configMap") or {}).get("name", "")
    yield "persistentvolumeclaims", (volume.get("persistentVolumeClaim") or {}).get("claimName", "")
    if volume.get("ephemeral"):
        yield "persistentvolumeclaims", f"{pod_name}-{volume.get('name', '')}"


def _claims(pod: Obj) -> Iterator[tuple[str, str]]:
    status = pod.get("status") or {}
    made = {s.get("name"): s.get("resourceClaimName", "") for s in status.get("resourceClaimStatuses") or ()}
    for claim in (pod.get("spec") or {}).get("resourceClaims") or ():
        yield "resourceclaims", claim.get("resourceClaimName") or made.get(claim.get("name"), "")
    yield "resourceclaims", (status.get("extendedResourceClaimStatus") or {}).get("resourceClaimName", "")


VIA = (
    ("configMap", "configmaps (via configmap volumes)"), ("secret", "secrets (via secret volumes)"),
    ("csi", "csidrivers (via CSI volumes)"), ("glusterfs", "endpoints (via glusterFS volumes)"),
    ("persistentVolumeClaim", "persistentvolumeclaims"),
    ("ephemeral", "persistentvolumeclaims (via ephemeral volumes)"),
    ("azureFile", "secrets (via azureFile volumes)"),
)  # fmt: skip
PROJECTED = (
    ("configMap", "configmaps (via projected volumes)"), ("secret", "secrets (via projected volumes)"),
    ("serviceAccountToken", "serviceaccounts (via projected volumes)"), ("clusterTrustBundle", "clustertrustbundles"),
    ("podCertificate", "podcertificates"),
)  # fmt: skip


def api_reference(pod: Obj) -> str:
    """The first kind of API object that a pod names, in upstream's words; empty if it names none."""
    found = {plural for plural, _, _ in references(pod)}
    spec = pod.get("spec") or {}
    for plural in ("serviceaccounts", "secrets", "configmaps"):
        if plural in found:
            return plural
    if spec.get("resourceClaims"):
        return "resourceclaims"
    for volume in spec.get("volumes") or ():
        for key, text in VIA:
            if volume.get(key) is not None:
                return text
        for source in (volume.get("projected") or {}).get("sources") or ():
            for key, text in PROJECTED:
                if source.get(key) is not None:
                    return text
    return ""
