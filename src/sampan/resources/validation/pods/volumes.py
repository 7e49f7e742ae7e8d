"""What is wrong with the volumes of a pod (core validation: ValidateVolumes)."""

from collections.abc import Callable, Sequence

from sampan.api.json import Obj
from sampan.api.meta import is_dns1123_label, is_dns1123_subdomain
from sampan.api.quantity import number
from sampan.resources.strategies.checks import Errors, duplicate, forbidden, invalid, required
from sampan.resources.validation.pods import volume_sources as of
from sampan.resources.validation.pods.options import Options
from sampan.resources.validation.pods.projected import check_downward, check_projected

SOURCES: dict[str, Callable[[Obj, str], Errors] | None] = {
    "emptyDir": None,
    "hostPath": of.check_host_path,
    "gitRepo": of.check_git_repo,
    "gcePersistentDisk": of.check_gce_disk,
    "awsElasticBlockStore": of.check_aws_disk,
    "secret": of.check_secret,
    "nfs": of.check_nfs,
    "iscsi": of.check_iscsi,
    "glusterfs": of.check_glusterfs,
    "flocker": of.check_flocker,
    "persistentVolumeClaim": of.check_claim_ref,
    "rbd": of.check_rbd,
    "cinder": of.check_cinder,
    "cephfs": of.check_cephfs,
    "quobyte": of.check_quobyte,
    "downwardAPI": check_downward,
    "fc": of.check_fc,
    "flexVolume": of.check_flex,
    "configMap": of.check_config_map,
    "azureFile": of.check_azure_file,
    "vsphereVolume": of.check_vsphere,
    "photonPersistentDisk": of.check_photon,
    "portworxVolume": of.check_portworx,
    "azureDisk": of.check_azure_disk,
    "storageos": of.check_storageos,
    "projected": None,
    "scaleIO": of.check_scale_io,
    "csi": of.check_csi,
    "ephemeral": None,
    "image": None,
}
"""What a volume may be, in the order in which upstream looks."""
ORDER = {name: index for index, name in enumerate(SOURCES)}
CALLED = {"cephfs": "cephFS", "downwardAPI": "downwarAPI"}
"""Upstream's names for a source that is one too many, where they differ."""
LONG_ISCSI = "Total length of <volume name>:<iscsi.targetPortal> must be under 64 characters if iscsi.initiatorName is specified."  # noqa: E501


def check_volumes(volumes: Sequence[Obj], pod_name: str, at: str, options: Options) -> tuple[dict[str, Obj], Errors]:
    """The sound volumes by name, and what is wrong with the others; `pod_name` is empty in templates."""
    errors: Errors = []
    sound: dict[str, Obj] = {}
    made = {f"{pod_name}-{v.get('name')}" for v in volumes if v.get("ephemeral") is not None} if pod_name else ()
    for index, volume in enumerate(volumes):
        here, name = f"{at}[{index}]", volume.get("name") or ""
        found = _source(volume, here, pod_name, options)
        if not name:
            found.append(required(f"{here}.name"))
        elif problems := is_dns1123_label(name):
            found += [invalid(f"{here}.name", name, problem) for problem in problems]
        if name in sound:
            found.append(duplicate(f"{here}.name", name))
        if found:
            errors += found
        else:
            sound[name] = volume
        claim = (volume.get("persistentVolumeClaim") or {}).get("claimName") if made else None
        if claim is not None and claim in made:
            why = "must not reference a PVC that gets created for an ephemeral volume"
            errors.append(invalid(f"{here}.persistentVolumeClaim.claimName", claim, why))
    return sound, errors


def _source(volume: Obj, at: str, pod_name: str, options: Options) -> Errors:
    given = [key for key, value in volume.items() if key in ORDER and value is not None]
    if not given:
        return [required(at, "must specify a volume type")]
    if len(given) > 1:
        given.sort(key=ORDER.__getitem__)
    kind = given[0]
    source, here = volume[kind], f"{at}.{kind}"
    check = SOURCES[kind]
    if check is not None:
        errors = check(source, f"{at}.persistentDisk" if kind == "gcePersistentDisk" else here)
    elif kind == "emptyDir":
        errors = _empty_dir(source, here)
    elif kind == "projected":
        errors = check_projected(source, here, options)
    elif kind == "ephemeral":
        errors = of.check_ephemeral(source, here) + _claim_name(volume, at, pod_name)
    else:
        errors = of.check_image(source, here, options)
    if kind == "iscsi":
        errors += _iscsi_name(volume, at)
    for key in given[1:]:
        errors.append(forbidden(f"{at}.{CALLED.get(key, key)}", "may not specify more than 1 volume type"))
        if key == "iscsi":
            errors += _iscsi_name(volume, at)
    return errors


def _empty_dir(source: Obj, at: str) -> Errors:
    limit = source.get("sizeLimit")
    if limit is None or number(limit) >= 0:
        return []
    return [forbidden(f"{at}.sizeLimit", "SizeLimit field must be a valid resource quantity")]


def _iscsi_name(volume: Obj, at: str) -> Errors:
    iscsi, name = volume["iscsi"], volume.get("name") or ""
    if iscsi.get("initiatorName") is None or len(f"{name}:{iscsi.get('targetPortal') or ''}".encode()) <= 64:
        return []
    return [invalid(f"{at}.name", name, LONG_ISCSI)]


def _claim_name(volume: Obj, at: str, pod_name: str) -> Errors:
    name = volume.get("name")
    if not pod_name or not name:
        return []
    claim = f"{pod_name}-{name}"
    return [invalid(f"{at}.name", name, f'PVC name "{claim}": {text}') for text in is_dns1123_subdomain(claim)]
