"""Persistent volumes and claims."""

from functools import partial

from sampan.api.json import Obj
from sampan.api.meta import annotations_of, is_dns1123_subdomain
from sampan.resources.strategies.checks import Errors
from sampan.resources.strategies.pod_spec import VOLUME_SOURCES
from sampan.resources.strategies.rules import Rules, fill, fill_absent, metadata_again, within
from sampan.resources.validation.core.claim import (
    check_claim,
    check_claim_again,
    check_claim_kept,
    check_claim_status,
    level_sources,
    warn_claim,
)
from sampan.resources.validation.core.volume import (
    check_mount_options,
    check_volume,
    check_volume_again,
    check_volume_kept,
)
from sampan.resources.validation.metadata import check_own_meta
from sampan.resources.validation.node_labels import warn_node_term

DEFAULTED_SOURCES = ("hostPath", "iscsi", "rbd", "scaleIO", "azureDisk")
"""Sources that lack something to fill in."""


def _status(phase: str) -> Obj:
    return {"phase": phase}


def _volume(obj: Obj) -> Obj:
    def spec(value: Obj) -> Obj:
        value = fill_absent(fill(value, persistentVolumeReclaimPolicy="Retain"), volumeMode="Filesystem")
        for source in DEFAULTED_SOURCES:
            if source in value:
                return within(value, source, VOLUME_SOURCES[source])
        return value

    return within(within(obj, "spec", spec, absent={}), "status", lambda s: fill(s, phase="Pending"), absent={})


DEPRECATED = {
    "cephfs": ("1.28", "1.31"), "photonPersistentDisk": ("1.11", "1.16"), "scaleIO": ("1.16", "1.22"),
    "storageos": ("1.22", "1.25"), "glusterfs": ("1.25", "1.26"), "rbd": ("1.28", "1.31"),
}  # fmt: skip
"""Sources of volumes that nothing serves any more: since when deprecated, since when without function."""


OLD_ANNOTATIONS = {
    "volume.beta.kubernetes.io/storage-class": 'deprecated since v1.8; use "storageClassName" attribute instead',
    "volume.beta.kubernetes.io/mount-options": 'deprecated since v1.31; use "mountOptions" attribute instead',
}


def _volume_warnings(obj: Obj) -> list[str]:
    spec, annotations = obj.get("spec") or {}, annotations_of(obj)
    found = [f"metadata.annotations[{key}]: {text}" for key, text in OLD_ANNOTATIONS.items() if key in annotations]
    if spec.get("persistentVolumeReclaimPolicy") == "Recycle":
        found.append(
            "spec.persistentVolumeReclaimPolicy: The Recycle reclaim policy is deprecated. Instead, the recommended "
            "approach is to use dynamic provisioning."
        )
    terms = ((spec.get("nodeAffinity") or {}).get("required") or {}).get("nodeSelectorTerms") or ()
    for index, term in enumerate(terms):
        found += warn_node_term(term, f"spec.nodeAffinity.required.nodeSelectorTerms[{index}]")
    for source, (since, gone) in DEPRECATED.items():
        if source in spec:
            shown = "storageOS" if source == "storageos" else source
            found.append(f"spec.{shown}: deprecated in v{since}, non-functional in v{gone}+")
    return found


def _claim(obj: Obj) -> Obj:
    obj = within(obj, "spec", partial(fill_absent, volumeMode="Filesystem"), absent={})
    return within(obj, "status", lambda s: fill(s, phase="Pending"), absent={})


def _change_volume(new: Obj, old: Obj) -> Errors:
    again = check_own_meta(new["metadata"], False, is_dns1123_subdomain) + check_volume_again(new, old)
    return again + check_mount_options(new) + again + check_volume_kept(new, old)


def _change_claim(new: Obj, old: Obj) -> Errors:
    errors = metadata_again(new, old) + check_own_meta(new["metadata"], True, is_dns1123_subdomain)
    return errors + check_claim_again(new, old) + check_claim_kept(new, old)


PERSISTENT_VOLUMES = Rules(
    True,
    defaults=_volume,
    on_create=lambda obj: {**obj, "status": _status("Pending")},
    check=check_volume,
    check_change=_change_volume,
    warn=_volume_warnings,
)
CLAIMS = Rules(
    True,
    defaults=_claim,
    on_create=lambda obj: level_sources({**obj, "status": _status("Pending")}, None),
    on_update=level_sources,
    check=check_claim,
    check_change=_change_claim,
    check_status=check_claim_status,
    warn=warn_claim,
)
