"""What is wrong with each kind of volume source of a pod (core validation: validateVolumeSource).

Each check takes the source and where it stands.
"""

import re
from collections.abc import Sequence
from typing import Any

from sampan.api.json import Obj
from sampan.api.meta import is_dns1123_label, is_dns1123_subdomain
from sampan.resources.strategies.checks import (
    Errors,
    Shown,
    forbidden,
    invalid,
    not_among,
    not_supported,
    quoted,
    required,
    too_long,
)
from sampan.resources.validation.core.claim_spec import check_claim_spec
from sampan.resources.validation.labels import check_annotations, check_labels
from sampan.resources.validation.paths import check_descending, check_no_backsteps
from sampan.resources.validation.pods.options import Options
from sampan.resources.validation.pods.projected import check_items, check_mode

PULL = ("Always", "IfNotPresent", "Never")
HOST_TYPES = ("", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket")
LUN_TEXT, PARTITION_TEXT = "must be between 0 and 255, inclusive", "must be between 1 and 255, inclusive"
ISCSI_NAMES = {
    "iqn": re.compile(r"iqn\.\d{4}-\d{2}\.([A-Za-z0-9.-]+)(:[^,;*&$|\s]+)\Z", re.ASCII),
    "eui": re.compile(r"^eui.[A-Za-z0-9]{16}\Z"),
    "naa": re.compile(r"^naa.[A-Za-z0-9]{32}\Z"),
}
REGISTRY_TEXT = "must be a host:port pair or multiple pairs separated by commas"
RESERVED_OPTIONS = (".kubernetes.io", ".k8s.io")
CACHING, DISKS = ("None", "ReadOnly", "ReadWrite"), ("Dedicated", "Managed", "Shared")
MANAGED_URI = "/subscriptions/{sub-id}/resourcegroups/{group-name}/providers/microsoft.compute/disks/{disk-id}"
BLOB_URI = "https://{account-name}.blob.core.windows.net/{container-name}/{disk-name}.vhd"
MOST_DRIVER = 63


def demand(source: Obj, at: str, *names: str) -> Errors:
    """These fields are not empty."""
    return [required(f"{at}.{name}") for name in names if not source.get(name)]


def check_host_path(source: Obj, at: str) -> Errors:
    path, kind = source.get("path"), source.get("type")
    if not path:
        return [required(f"{at}.path")]
    errors = check_no_backsteps(path, f"{at}.path")
    if kind is not None and kind not in HOST_TYPES:
        errors.append(not_supported(f"{at}.type", kind, HOST_TYPES))
    return errors


def check_git_repo(source: Obj, at: str) -> Errors:
    return demand(source, at, "repository") + check_descending(source.get("directory") or "", f"{at}.directory")


def _lun(value: int | None, at: str) -> Errors:
    return [] if 0 <= (value or 0) <= 255 else [invalid(f"{at}.lun", value, LUN_TEXT)]


def _disk(source: Obj, at: str, name: str) -> Errors:
    errors, partition = demand(source, at, name), source.get("partition") or 0
    return errors if 0 <= partition <= 255 else [*errors, invalid(f"{at}.partition", partition, PARTITION_TEXT)]


def check_gce_disk(source: Obj, at: str) -> Errors:
    return _disk(source, at, "pdName")


def check_aws_disk(source: Obj, at: str) -> Errors:
    return _disk(source, at, "volumeID")


def check_secret(source: Obj, at: str) -> Errors:
    return _files(source, at, "secretName")


def check_config_map(source: Obj, at: str) -> Errors:
    return _files(source, at, "name")


def _files(source: Obj, at: str, name: str) -> Errors:
    errors = demand(source, at, name) + check_mode(source, "defaultMode", at)
    items: Sequence[Obj] = source.get("items") or ()
    return errors + check_items(items, f"{at}.items") if items else errors


def check_nfs(source: Obj, at: str) -> Errors:
    errors, path = demand(source, at, "server", "path"), source.get("path") or ""
    return errors if path.startswith("/") else [*errors, invalid(f"{at}.path", path, "must be an absolute path")]


def check_iscsi(source: Obj, at: str) -> Errors:
    errors = demand(source, at, "targetPortal", "iqn")
    if source.get("iqn"):
        errors += check_iscsi_name(source["iqn"], f"{at}.iqn")
    errors += _lun(source.get("lun"), at)
    if (source.get("chapAuthDiscovery") or source.get("chapAuthSession")) and source.get("secretRef") is None:
        errors.append(required(f"{at}.secretRef"))
    if source.get("initiatorName") is not None:
        errors += check_iscsi_name(source["initiatorName"], f"{at}.initiatorname")
    return errors


def check_iscsi_name(name: str, at: str) -> Errors:
    """A qualified name of a target or initiator (RFC 3720)."""
    pattern = ISCSI_NAMES.get(name[:3])
    if pattern is None:
        return [invalid(at, name, "must be valid format starting with iqn, eui, or naa")]
    return [] if pattern.search(name) else [invalid(at, name, "must be valid format")]


def check_glusterfs(source: Obj, at: str) -> Errors:
    return demand(source, at, "endpoints", "path")


def check_flocker(source: Obj, at: str) -> Errors:
    name, uuid = source.get("datasetName") or "", source.get("datasetUUID")
    errors: Errors = []
    if not name and not uuid:
        errors.append(required(at, "one of datasetName and datasetUUID is required"))
    if name and uuid:
        errors.append(invalid(at, "resource", "datasetName and datasetUUID can not be specified simultaneously"))
    if "/" in name:
        errors.append(invalid(f"{at}.datasetName", name, "must not contain '/'"))
    return errors


def check_claim_ref(source: Obj, at: str) -> Errors:
    return demand(source, at, "claimName")


def check_rbd(source: Obj, at: str) -> Errors:
    return demand(source, at, "monitors", "image")


def check_cinder(source: Obj, at: str) -> Errors:
    return demand(source, at, "volumeID") + _secret_name(source, at)


def _secret_name(source: Obj, at: str) -> Errors:
    secret = source.get("secretRef")
    return [] if secret is None else demand(secret, f"{at}.secretRef", "name")


def check_cephfs(source: Obj, at: str) -> Errors:
    return demand(source, at, "monitors")


def check_quobyte(source: Obj, at: str) -> Errors:
    registry, errors = source.get("registry") or "", list[Any]()
    if not registry:
        errors.append(required(f"{at}.registry", REGISTRY_TEXT))
    elif len(source.get("tenant") or "") >= 65:
        why = "must be a UUID and may not exceed a length of 64 characters"
        errors.append(required(f"{at}.tenant", why))
    else:
        for pair in registry.split(","):
            if not is_host_port(pair):
                errors.append(invalid(f"{at}.registry", registry, REGISTRY_TEXT))
    return errors + demand(source, at, "volume")


def is_host_port(text: str) -> bool:
    """Whether Go's net.SplitHostPort takes it: a host, in brackets if it has colons, a colon and a port."""
    host, colon, port = text.rpartition(":")
    if not colon or "[" in port or "]" in port:
        return False
    if host.startswith("["):
        return host.endswith("]") and "[" not in host[1:] and "]" not in host[:-1]
    return not any(char in host for char in ":[]")


def check_fc(source: Obj, at: str) -> Errors:
    names, ids, lun = source.get("targetWWNs"), source.get("wwids"), source.get("lun")
    errors: Errors = []
    if not names and not ids:
        errors.append(required(f"{at}.targetWWNs", "must specify either targetWWNs or wwids, but not both"))
    if names and ids:
        why = "targetWWNs and wwids can not be specified simultaneously"
        errors.append(invalid(f"{at}.targetWWNs", names, why))
    if names and lun is None:
        errors.append(required(f"{at}.lun", "lun is required if targetWWNs is specified"))
    return errors + _lun(lun, at) if names else errors


def check_flex(source: Obj, at: str) -> Errors:
    errors = demand(source, at, "driver")
    for key in source.get("options") or {}:
        if f".{key.partition('/')[0].lower()}".endswith(RESERVED_OPTIONS):
            why = "kubernetes.io and k8s.io namespaces are reserved"
            errors.append(invalid(f"{at}.options[{key}]", key, why))
    return errors


def check_azure_file(source: Obj, at: str) -> Errors:
    return demand(source, at, "secretName", "shareName")


def check_azure_disk(source: Obj, at: str) -> Errors:
    errors, kind, uri = demand(source, at, "diskName", "diskURI"), source.get("kind"), source.get("diskURI") or ""
    for name, value, choices in (("cachingMode", source.get("cachingMode"), CACHING), ("kind", kind, DISKS)):
        if value is not None and value not in choices:
            errors.append(not_supported(f"{at}.{name}", value, choices))
    if kind == "Managed" and not uri.startswith("/subscriptions/"):
        errors.append(not_among(f"{at}.diskURI", Shown(quoted(uri)), (MANAGED_URI,)))
    if kind not in (None, "Managed") and not uri.startswith("https://"):
        errors.append(not_among(f"{at}.diskURI", Shown(quoted(uri)), (BLOB_URI,)))
    return errors


def check_vsphere(source: Obj, at: str) -> Errors:
    return demand(source, at, "volumePath")


def check_photon(source: Obj, at: str) -> Errors:
    return demand(source, at, "pdID")


def check_portworx(source: Obj, at: str) -> Errors:
    return demand(source, at, "volumeID")


def check_scale_io(source: Obj, at: str) -> Errors:
    return demand(source, at, "gateway", "system", "volumeName")


def check_storageos(source: Obj, at: str) -> Errors:
    errors = demand(source, at, "volumeName")
    for name in ("volumeName", "volumeNamespace"):
        value = source.get(name)
        errors += [invalid(f"{at}.{name}", value, text) for text in (is_dns1123_label(value) if value else ())]
    return errors + _secret_name(source, at)


def check_csi(source: Obj, at: str) -> Errors:
    errors = check_driver_name(source.get("driver") or "", f"{at}.driver")
    secret = source.get("nodePublishSecretRef")
    if secret is not None:
        name = secret.get("name")
        if not name:
            errors.append(required(f"{at}.nodePublishSecretRef.name"))
        else:
            errors += [invalid(f"{at}.name", name, problem) for problem in is_dns1123_subdomain(name)]
    return errors


def check_driver_name(name: str, at: str) -> Errors:
    """The name of a CSI driver."""
    if not name:
        return [required(at)]
    errors: Errors = [too_long(at, MOST_DRIVER)] if len(name.encode()) > MOST_DRIVER else []
    return errors + [invalid(at, name, problem) for problem in is_dns1123_subdomain(name.lower())]


def check_ephemeral(source: Obj, at: str) -> Errors:
    template, here = source.get("volumeClaimTemplate"), f"{at}.volumeClaimTemplate"
    if template is None:
        return [required(here)]
    errors = check_template_meta(template.get("metadata") or {}, f"{here}.metadata")
    return errors + check_claim_spec(template.get("spec") or {}, f"{here}.spec")


def check_template_meta(meta: Obj, at: str) -> Errors:
    """What claims made of a template carry: labels and annotations and nothing else (ValidateTemplateObjectMeta)."""
    errors = check_annotations(meta.get("annotations") or {}, f"{at}.annotations")
    errors += check_labels(meta.get("labels") or {}, f"{at}.labels")
    for name in META:
        if meta.get(name):
            errors.append(forbidden(f"{at}.{'uID' if name == 'uid' else name}", "cannot be set"))
    return errors


META = (
    "name", "generateName", "namespace", "selfLink", "uid", "resourceVersion", "generation", "creationTimestamp",
    "deletionTimestamp", "deletionGracePeriodSeconds", "ownerReferences", "finalizers", "managedFields",
)  # fmt: skip
"""What the metadata of a claim template may not say, in Go's order of fields."""


def check_image(source: Obj, at: str, options: Options) -> Errors:
    errors = demand(source, at, "reference") if options.is_pod else []
    return errors + check_pull_policy(source.get("pullPolicy"), f"{at}.pullPolicy")


def check_pull_policy(policy: str | None, at: str) -> Errors:
    """When an image is pulled."""
    if policy in PULL:
        return []
    return [not_supported(at, policy, PULL)] if policy else [required(at)]
