"""What is wrong with each kind of source of a PersistentVolume, where it differs from a pod's."""

from sampan.api.json import Obj
from sampan.api.meta import is_dns1123_label, is_dns1123_subdomain
from sampan.resources.strategies.checks import Errors, invalid, required
from sampan.resources.validation.paths import check_no_backsteps
from sampan.resources.validation.pods.volume_sources import ISCSI_NAMES, check_driver_name, demand

CSI_SECRETS = (
    "controllerPublishSecretRef", "controllerExpandSecretRef", "nodePublishSecretRef", "nodeExpandSecretRef",
)  # fmt: skip
LONG_ISCSI = (
    "Total length of <volume name>:<iscsi.targetPortal> must be under 64 characters if iscsi.initiatorName is "
    "specified."
)


def check_glusterfs(source: Obj, at: str) -> Errors:
    """Endpoints, which may be in another namespace."""
    errors, namespace = demand(source, at, "endpoints", "path"), source.get("endpointsNamespace")
    here = f"{at}.endpointsNamespace"
    if namespace == "":
        why = "if the endpointnamespace is set, it must be a valid namespace name"
        errors.append(invalid(here, namespace, why))
    elif namespace:
        errors += [invalid(here, namespace, text) for text in is_dns1123_label(namespace)]
    return errors


def check_cinder(source: Obj, at: str) -> Errors:
    """A volume's id and a secret."""
    return demand(source, at, "volumeID") + _secret(source, at)


def _secret(source: Obj, at: str) -> Errors:
    secret = source.get("secretRef")
    return [] if secret is None else demand(secret, f"{at}.secretRef", "name", "namespace")


def check_azure_file(source: Obj, at: str) -> Errors:
    """A share and a secret, which may be in another namespace."""
    errors = demand(source, at, "secretName", "shareName")
    return [*errors, required(f"{at}.secretNamespace")] if source.get("secretNamespace") == "" else errors


def check_storageos(source: Obj, at: str) -> Errors:
    """Names of the volume and of its namespace."""
    errors = demand(source, at, "volumeName")
    for name in ("volumeName", "volumeNamespace"):
        value = source.get(name)
        errors += [invalid(f"{at}.{name}", value, text) for text in (is_dns1123_label(value) if value else ())]
    return errors + _secret(source, at)


def check_local(source: Obj, at: str) -> Errors:
    """A path on a node."""
    path = source.get("path")
    return check_no_backsteps(path, f"{at}.path") if path else [required(f"{at}.path")]


def check_csi(source: Obj, at: str) -> Errors:
    """Driver, handle and secrets."""
    errors = check_driver_name(source.get("driver") or "", f"{at}.driver") + demand(source, at, "volumeHandle")
    for name in CSI_SECRETS:
        secret, here = source.get(name), f"{at}.{name}"
        if secret is None:
            continue
        for key, rule in (("name", is_dns1123_subdomain), ("namespace", is_dns1123_label)):
            value = secret.get(key)
            if not value:
                errors.append(required(f"{here}.{key}"))
            else:
                errors += [invalid(f"{here}.{key}", value, text) for text in rule(value)]
    return errors


def check_iscsi(source: Obj, at: str, volume: str) -> Errors:
    """Portal, names and secret; `volume` is the PersistentVolume's name."""
    portal, initiator, lun = source.get("targetPortal") or "", source.get("initiatorName"), source.get("lun") or 0
    errors = demand(source, at, "targetPortal")
    if initiator is not None and len(f"{volume}:{portal}".encode()) > 64:
        errors.append(invalid(f"{at}.targetportal", portal, LONG_ISCSI))
    errors += _iscsi_name(source["iqn"], f"{at}.iqn") if source.get("iqn") else [required(f"{at}.iqn")]
    if not 0 <= lun <= 255:
        errors.append(invalid(f"{at}.lun", lun, "must be between 0 and 255, inclusive"))
    secret = source.get("secretRef")
    if secret is not None:
        errors += demand(secret, f"{at}.secretRef", "name")
    elif source.get("chapAuthDiscovery") or source.get("chapAuthSession"):
        errors.append(required(f"{at}.secretRef"))
    return errors if initiator is None else errors + _iscsi_name(initiator, f"{at}.initiatorname")


def _iscsi_name(name: str, at: str) -> Errors:
    pattern = ISCSI_NAMES.get(name[:3])
    return [] if pattern is not None and pattern.search(name) else [invalid(at, name, "must be valid format")]
