"""Volumes and claims as Go's structs, and the difference of two, as errors of updates show it (util/diff)."""

import json
from difflib import unified_diff
from typing import Any, Final

from sampan.api.json import Obj
from sampan.resources.strategies.checks import HTML
from sampan.resources.validation.go_struct import Pointer, Sorted, Table, go_struct

REFERENCE: Final[Table] = (
    ("Kind", "kind", ""), ("Namespace", "namespace", ""), ("Name", "name", ""), ("UID", "uid", ""),
    ("APIVersion", "apiVersion", ""), ("ResourceVersion", "resourceVersion", ""), ("FieldPath", "fieldPath", ""),
)  # fmt: skip
SECRET: Final = Pointer((("Name", "name", ""), ("Namespace", "namespace", "")))
FS_TYPE: Final = ("FSType", "fsType", "")
READ_ONLY: Final = ("ReadOnly", "readOnly", False)
SECRET_REF: Final = ("SecretRef", "secretRef", SECRET)
PARTITION: Final = ("Partition", "partition", 0)
ISCSI: Final[Table] = (
    ("TargetPortal", "targetPortal", ""), ("IQN", "iqn", ""), ("Lun", "lun", 0),
    ("ISCSIInterface", "iscsiInterface", ""), FS_TYPE, READ_ONLY, ("Portals", "portals", None),
    ("DiscoveryCHAPAuth", "chapAuthDiscovery", False), ("SessionCHAPAuth", "chapAuthSession", False), SECRET_REF,
    ("InitiatorName", "initiatorName", None),
)  # fmt: skip
RBD: Final[Table] = (
    ("CephMonitors", "monitors", None), ("RBDImage", "image", ""), FS_TYPE, ("RBDPool", "pool", ""),
    ("RadosUser", "user", ""), ("Keyring", "keyring", ""), SECRET_REF, READ_ONLY,
)  # fmt: skip
QUOBYTE: Final[Table] = (
    ("Registry", "registry", ""), ("Volume", "volume", ""), READ_ONLY, ("User", "user", ""), ("Group", "group", ""),
    ("Tenant", "tenant", ""),
)  # fmt: skip
CEPHFS: Final[Table] = (
    ("Monitors", "monitors", None), ("Path", "path", ""), ("User", "user", ""), ("SecretFile", "secretFile", ""),
    SECRET_REF, READ_ONLY,
)  # fmt: skip
AZURE_DISK: Final[Table] = (
    ("DiskName", "diskName", ""), ("DataDiskURI", "diskURI", ""), ("CachingMode", "cachingMode", None),
    ("FSType", "fsType", None), ("ReadOnly", "readOnly", None), ("Kind", "kind", None),
)  # fmt: skip
VSPHERE: Final[Table] = (
    ("VolumePath", "volumePath", ""), FS_TYPE, ("StoragePolicyName", "storagePolicyName", ""),
    ("StoragePolicyID", "storagePolicyID", ""),
)  # fmt: skip
SCALE_IO: Final[Table] = (
    ("Gateway", "gateway", ""), ("System", "system", ""), SECRET_REF, ("SSLEnabled", "sslEnabled", False),
    ("ProtectionDomain", "protectionDomain", ""), ("StoragePool", "storagePool", ""),
    ("StorageMode", "storageMode", ""), ("VolumeName", "volumeName", ""), FS_TYPE, READ_ONLY,
)  # fmt: skip
STORAGEOS: Final[Table] = (
    ("VolumeName", "volumeName", ""), ("VolumeNamespace", "volumeNamespace", ""), FS_TYPE, READ_ONLY,
    ("SecretRef", "secretRef", Pointer(REFERENCE)),
)  # fmt: skip
CSI: Final[Table] = (
    ("Driver", "driver", ""), ("VolumeHandle", "volumeHandle", ""), READ_ONLY, FS_TYPE,
    ("VolumeAttributes", "volumeAttributes", Sorted()),
    ("ControllerPublishSecretRef", "controllerPublishSecretRef", SECRET),
    ("NodeStageSecretRef", "nodeStageSecretRef", SECRET), ("NodePublishSecretRef", "nodePublishSecretRef", SECRET),
    ("ControllerExpandSecretRef", "controllerExpandSecretRef", SECRET),
    ("NodeExpandSecretRef", "nodeExpandSecretRef", SECRET),
)  # fmt: skip
AZURE_FILE: Final[Table] = (
    ("SecretName", "secretName", ""), ("ShareName", "shareName", ""), READ_ONLY,
    ("SecretNamespace", "secretNamespace", None),
)  # fmt: skip
GLUSTERFS: Final[Table] = (
    ("EndpointsName", "endpoints", ""), ("Path", "path", ""), READ_ONLY,
    ("EndpointsNamespace", "endpointsNamespace", None),
)  # fmt: skip
FC: Final[Table] = (
    ("TargetWWNs", "targetWWNs", None), ("Lun", "lun", None), FS_TYPE, READ_ONLY, ("WWIDs", "wwids", None),
)  # fmt: skip
SOURCE: Final[Table] = (
    ("GCEPersistentDisk", "gcePersistentDisk", Pointer((("PDName", "pdName", ""), FS_TYPE, PARTITION, READ_ONLY))),
    ("AWSElasticBlockStore", "awsElasticBlockStore",
     Pointer((("VolumeID", "volumeID", ""), FS_TYPE, PARTITION, READ_ONLY))),
    ("HostPath", "hostPath", Pointer((("Path", "path", ""), ("Type", "type", None)))),
    ("Glusterfs", "glusterfs", Pointer(GLUSTERFS)),
    ("NFS", "nfs", Pointer((("Server", "server", ""), ("Path", "path", ""), READ_ONLY))),
    ("RBD", "rbd", Pointer(RBD)),
    ("Quobyte", "quobyte", Pointer(QUOBYTE)),
    ("ISCSI", "iscsi", Pointer(ISCSI)),
    ("FlexVolume", "flexVolume",
     Pointer((("Driver", "driver", ""), FS_TYPE, SECRET_REF, READ_ONLY, ("Options", "options", Sorted())))),
    ("Cinder", "cinder", Pointer((("VolumeID", "volumeID", ""), FS_TYPE, READ_ONLY, SECRET_REF))),
    ("CephFS", "cephfs", Pointer(CEPHFS)),
    ("FC", "fc", Pointer(FC)),
    ("Flocker", "flocker", Pointer((("DatasetName", "datasetName", ""), ("DatasetUUID", "datasetUUID", "")))),
    ("AzureFile", "azureFile", Pointer(AZURE_FILE)),
    ("VsphereVolume", "vsphereVolume", Pointer(VSPHERE)),
    ("AzureDisk", "azureDisk", Pointer(AZURE_DISK)),
    ("PhotonPersistentDisk", "photonPersistentDisk", Pointer((("PdID", "pdID", ""), FS_TYPE))),
    ("PortworxVolume", "portworxVolume", Pointer((("VolumeID", "volumeID", ""), FS_TYPE, READ_ONLY))),
    ("ScaleIO", "scaleIO", Pointer(SCALE_IO)),
    ("Local", "local", Pointer((("Path", "path", ""), ("FSType", "fsType", None)))),
    ("StorageOS", "storageos", Pointer(STORAGEOS)),
    ("CSI", "csi", Pointer(CSI)),
)  # fmt: skip
GROUP_KIND: Final[Table] = (("APIGroup", "apiGroup", None), ("Kind", "kind", ""), ("Name", "name", ""))
CLAIM: Final[Table] = (
    ("AccessModes", "accessModes", None), ("Selector", "selector", None),
    ("Resources", "resources", (("Limits", "limits", Sorted()), ("Requests", "requests", Sorted()))),
    ("VolumeName", "volumeName", ""), ("StorageClassName", "storageClassName", None),
    ("VolumeMode", "volumeMode", None), ("DataSource", "dataSource", Pointer(GROUP_KIND)),
    ("DataSourceRef", "dataSourceRef", Pointer((*GROUP_KIND, ("Namespace", "namespace", None)))),
    ("VolumeAttributesClassName", "volumeAttributesClassName", None),
)  # fmt: skip


def difference(before: Obj, after: Obj, table: Table) -> str:
    """Both as indented JSON, as a unified diff without its heading."""
    old, new = (_pretty(go_struct(value, table)).splitlines(keepends=True) for value in (before, after))
    return "".join(list(unified_diff(old, new, n=3))[2:])


def _pretty(value: Any) -> str:
    return json.dumps(value, indent=1, ensure_ascii=False).translate(HTML) + "\n"
