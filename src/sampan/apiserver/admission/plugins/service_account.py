"""ServiceAccount: a pod runs as an account of its namespace, with a token that is projected into its containers."""

from sampan.api.json import Obj
from sampan.apiserver.admission.plugin import Base, Facts, Need, is_kind, refuse
from sampan.apiserver.admission.review import Review
from sampan.apiserver.node_graph import MIRROR
from sampan.apiserver.pod_references import references

MOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
DEFAULT = "default"
PATIENCE = 1.5
"""Seconds: the default account of a new namespace comes from a controller, and pods may come before it."""
TOKEN_SECONDS = 3607
"""An hour, and seven seconds by which such tokens are told apart (upstream: WarnOnlyBoundTokenExpirationSeconds)."""


FIELD = {"apiVersion": "v1", "fieldPath": "metadata.namespace"}
TOKEN_SOURCES: Obj = {
    "sources": [
        {"serviceAccountToken": {"expirationSeconds": TOKEN_SECONDS, "path": "token"}},
        {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
        {"downwardAPI": {"items": [{"path": "namespace", "fieldRef": FIELD}]}},
    ],
    "defaultMode": 420,
}
"""Token, CA, namespace; all pods share it, as nobody changes objects."""


class ServiceAccount(Base):
    """Upstream's plugin of the same name."""

    name = "ServiceAccount"
    kinds = frozenset({("", "pods")})

    def handles(self, review: Review) -> bool:
        return review.operation == "CREATE" and is_kind(review, "", "pods")

    def needs(self, review: Review) -> tuple[Need, ...]:
        if _is_mirror(review):
            return ()
        name = _account_name(review)
        return (Need("", "serviceaccounts", review.namespace, name, PATIENCE if name == DEFAULT else 0.0),)

    def mutate(self, review: Review, facts: Facts) -> Obj:
        pod = review.obj or {}
        if _is_mirror(review):
            self.validate(review, facts)
            return pod
        name = _account_name(review)
        account = facts.one(self.needs(review)[0])
        if account is None:
            raise refuse(
                review, f'error looking up service account {review.namespace}/{name}: serviceaccount "{name}" not found'
            )
        spec = {**(pod.get("spec") or {}), "serviceAccountName": name, "serviceAccount": name}
        if _mounts_token(spec, account):
            spec = _with_token(spec, facts.dice())
        if not spec.get("imagePullSecrets") and account.get("imagePullSecrets"):
            spec["imagePullSecrets"] = account["imagePullSecrets"]
        return {**pod, "spec": spec}

    def validate(self, review: Review, facts: Facts) -> None:
        if not _is_mirror(review):
            return
        found = {plural for plural, _, _ in references(review.obj or {})}
        if "serviceaccounts" in found:
            raise refuse(review, "a mirror pod may not reference service accounts")
        if "secrets" in found:
            raise refuse(review, "a mirror pod may not reference secrets")
        for volume in ((review.obj or {}).get("spec") or {}).get("volumes") or ():
            for source in (volume.get("projected") or {}).get("sources") or ():
                if source.get("serviceAccountToken") is not None:
                    raise refuse(review, "a mirror pod may not use ServiceAccountToken volume projections")


def _is_mirror(review: Review) -> bool:
    return MIRROR in (((review.obj or {}).get("metadata") or {}).get("annotations") or {})


def _account_name(review: Review) -> str:
    return ((review.obj or {}).get("spec") or {}).get("serviceAccountName") or DEFAULT


def _mounts_token(spec: Obj, account: Obj) -> bool:
    for holder in (spec, account):
        wish = holder.get("automountServiceAccountToken")
        if wish is not None:
            return bool(wish)
    return True


def _with_token(spec: Obj, letters: str) -> Obj:
    """The spec with the token in every container that mounts nothing else in its place."""
    volumes = spec.get("volumes") or ()
    there = next((one["name"] for one in volumes if str(one.get("name")).startswith("kube-api-access-")), "")
    volume = there or f"kube-api-access-{letters}"
    used = False
    made = dict(spec)
    for key in ("initContainers", "containers"):
        containers = []
        for container in spec.get(key) or ():
            mounts = container.get("volumeMounts") or []
            if any(mount.get("mountPath") == MOUNT for mount in mounts):
                containers.append(container)
                continue
            used = True
            mount = {"name": volume, "readOnly": True, "mountPath": MOUNT}
            containers.append({**container, "volumeMounts": [*mounts, mount]})
        if containers:
            made[key] = containers
    if used and not there:
        made["volumes"] = [*volumes, {"name": volume, "projected": TOKEN_SOURCES}]
    return made
