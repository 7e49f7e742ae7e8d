"""Defaults of pod specs, in pods and in the templates of workloads (core/v1 SetDefaults_PodSpec and below)."""

import re
from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any

from sampan.api.json import Obj
from sampan.resources.strategies.rules import each, fill, fill_zero, within

PROBES = ("livenessProbe", "readinessProbe", "startupProbe")


HOST = r"(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*|\[[a-fA-F0-9:]+\])"
PART = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
DIGEST = r"[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}"
REFERENCE = re.compile(
    rf"(?:{HOST}(?::[0-9]+)?/)?{PART}(?:/{PART})*(?::(\w[\w.-]{{0,127}}))?(?:@({DIGEST}))?", re.ASCII
)
ID = re.compile("[a-f0-9]{64}")
LONGEST = 255
"""Of a repository's name."""


@lru_cache(maxsize=4096)
def pull_policy(image: str) -> str:
    """Always for :latest (said or implied), else IfNotPresent; a digest pins the image, a wrong name has no tag."""
    found = REFERENCE.fullmatch(image)
    if found is None or ID.fullmatch(image) or len(image.partition("@")[0].removesuffix(f":{found[1]}")) > LONGEST:
        return "IfNotPresent"
    return "Always" if found[1] == "latest" or not (found[1] or found[2]) else "IfNotPresent"


def fill_null(value: Obj, **defaults: Any) -> Obj:
    """`value` with what is not there at all; an empty string is there (Go's pointers)."""
    missing = {key: default for key, default in defaults.items() if value.get(key) is None}
    return {**value, **missing} if missing else value


def pod_spec(spec: Obj) -> Obj:
    """A pod spec with its defaults."""
    made = fill(
        spec,
        restartPolicy="Always",
        terminationGracePeriodSeconds=30,
        dnsPolicy="ClusterFirst",
        securityContext={},
        schedulerName="default-scheduler",
    )
    for key in ("containers", "initContainers", "ephemeralContainers"):
        if made.get(key):
            made = within(made, key, partial(each, change=container))
    if made.get("volumes"):
        made = within(made, "volumes", partial(each, change=volume))
    account = made.get("serviceAccountName") or made.get("serviceAccount")
    if not account or made.get("serviceAccountName") == made.get("serviceAccount"):
        return made
    return {**made, "serviceAccountName": account, "serviceAccount": account}


def container(value: Obj) -> Obj:
    """A container with its defaults."""
    made = fill(
        value,
        resources={},
        terminationMessagePath="/dev/termination-log",
        terminationMessagePolicy="File",
        imagePullPolicy=value.get("imagePullPolicy") or pull_policy(value.get("image") or ""),
    )
    if made.get("ports"):
        made = within(made, "ports", partial(each, change=partial(fill, protocol="TCP")))
    if made.get("env"):
        made = within(made, "env", partial(each, change=_env))
    for key in PROBES:
        if made.get(key) is not None:
            made = within(made, key, probe)
    if made.get("lifecycle"):
        made = within(made, "lifecycle", _lifecycle)
    return made


def probe(value: Obj) -> Obj:
    """A probe with its defaults."""
    made = fill_zero(value, timeoutSeconds=1, periodSeconds=10, successThreshold=1, failureThreshold=3)
    made = within(made, "httpGet", partial(fill, path="/", scheme="HTTP"))
    grpc = made.get("grpc")
    return {**made, "grpc": {**grpc, "service": ""}} if grpc is not None and grpc.get("service") is None else made


def _lifecycle(value: Obj) -> Obj:
    for hook in ("postStart", "preStop"):
        value = within(value, hook, lambda h: within(h, "httpGet", partial(fill, path="/", scheme="HTTP")))
    return value


def _env(value: Obj) -> Obj:
    return within(value, "valueFrom", _value_from)


def _value_from(value: Obj) -> Obj:
    return within(_field_ref(value), "fileKeyRef", partial(fill_null, optional=False))


def _field_ref(value: Obj) -> Obj:
    """Something with an optional fieldRef."""
    return within(value, "fieldRef", partial(fill, apiVersion="v1"))


def _mode(value: Obj) -> Obj:
    return fill(value, defaultMode=420)


def _downward(value: Obj) -> Obj:
    return within(value, "items", partial(each, change=_field_ref)) if value.get("items") else value


def _source(value: Obj) -> Obj:
    value = within(value, "serviceAccountToken", partial(fill, expirationSeconds=3600))
    return within(value, "downwardAPI", _downward)


def _claim(value: Obj) -> Obj:
    return fill_null(value, volumeMode="Filesystem")


def _claim_template(value: Obj) -> Obj:
    return within(value, "volumeClaimTemplate", lambda t: within(t, "spec", _claim, absent={}))


def _projected(value: Obj) -> Obj:
    made = _mode(value)
    return within(made, "sources", partial(each, change=_source)) if made.get("sources") else made


def _host_path(value: Obj) -> Obj:
    return value if value.get("type") is not None else {**value, "type": ""}


VOLUME_SOURCES: dict[str, Callable[[Obj], Obj]] = {
    "configMap": _mode,
    "secret": _mode,
    "downwardAPI": lambda v: _downward(_mode(v)),
    "projected": _projected,
    "hostPath": _host_path,
    "ephemeral": _claim_template,
    "iscsi": partial(fill, iscsiInterface="default"),
    "rbd": partial(fill, pool="rbd", user="admin", keyring="/etc/ceph/keyring"),
    "scaleIO": partial(fill, storageMode="ThinProvisioned", fsType="xfs"),
    "azureDisk": partial(fill_null, cachingMode="ReadWrite", fsType="ext4", readOnly=False, kind="Shared"),
    "image": lambda v: fill(v, pullPolicy=v.get("pullPolicy") or pull_policy(v.get("reference") or "")),
}


def volume(value: Obj) -> Obj:
    """A volume with its defaults; one without a source is an emptyDir."""
    bare = True
    for key in value:
        if key != "name" and value[key] is not None:
            bare = False
            if (change := VOLUME_SOURCES.get(key)) is not None:
                value = within(value, key, change)
    return {**value, "emptyDir": {}} if bare else value


def template(holder: Any) -> Any:
    """Something whose `template.spec` is a pod spec."""
    return within(holder, "template", _template)


def _template(value: Obj) -> Obj:
    return without_init_annotations(within(value, "spec", pod_spec))


INIT_ANNOTATIONS = frozenset(
    f"pod.{stage}.kubernetes.io/init-container{what}" for stage in ("alpha", "beta") for what in ("s", "-statuses")
)


def without_init_annotations(holder: Obj) -> Obj:
    """A pod or template without the annotations that were init containers before 1.8."""
    annotations = (holder.get("metadata") or {}).get("annotations")
    if not annotations or INIT_ANNOTATIONS.isdisjoint(annotations):
        return holder
    kept = {key: value for key, value in annotations.items() if key not in INIT_ANNOTATIONS}
    meta = {key: value for key, value in holder["metadata"].items() if key != "annotations"}
    return {**holder, "metadata": {**meta, "annotations": kept} if kept else meta}
