"""The kinds of storage.k8s.io: classes, CSI drivers, what nodes have of them, attachments."""

from sampan.api.json import Obj
from sampan.resources.strategies.pod_spec import VOLUME_SOURCES
from sampan.resources.strategies.rules import Rules, fill_absent, within
from sampan.resources.strategies.volumes import DEFAULTED_SOURCES
from sampan.resources.validation.storage.attachment import check_attachment, check_attachment_update
from sampan.resources.validation.storage.classes import (
    check_attributes_class,
    check_attributes_class_update,
    check_class,
    check_class_update,
    warn_class,
)
from sampan.resources.validation.storage.driver import (
    check_driver,
    check_driver_update,
    warn_driver,
    warn_driver_update,
)
from sampan.resources.validation.storage.node import (
    check_capacity,
    check_capacity_update,
    check_csi_node,
    check_csi_node_update,
    warn_capacity,
)


def _class(obj: Obj) -> Obj:
    return fill_absent(obj, reclaimPolicy="Delete", volumeBindingMode="Immediate")


def _driver(obj: Obj) -> Obj:
    def spec(value: Obj) -> Obj:
        return fill_absent(
            {**value, "volumeLifecycleModes": value.get("volumeLifecycleModes") or ["Persistent"]},
            attachRequired=True,
            podInfoOnMount=False,
            storageCapacity=False,
            fsGroupPolicy="ReadWriteOnceWithFSType",
            requiresRepublish=False,
            seLinuxMount=False,
        )

    return within(obj, "spec", spec, absent={})


def _without_limits(new: Obj, old: Obj) -> Obj:
    """Without what belongs to VolumeLimitScaling, a gate that is off, unless the driver has it already."""
    key = "preventPodSchedulingIfMissing"
    if (old.get("spec") or {}).get(key) is not None or key not in (new.get("spec") or {}):
        return new
    return {**new, "spec": {name: value for name, value in new["spec"].items() if name != key}}


def _driver_update(new: Obj, old: Obj) -> Obj:
    """A change of the spec counts, which no other kind without a status does (csiDriverStrategy)."""
    made = _without_limits(new, old)
    if made.get("spec") == old.get("spec"):
        return made
    generation = (old["metadata"].get("generation") or 0) + 1
    return {**made, "metadata": {**made["metadata"], "generation": generation}}


def _inline(spec: Obj) -> Obj:
    for source in DEFAULTED_SOURCES:
        spec = within(spec, source, VOLUME_SOURCES[source])
    return spec


def _attachment(obj: Obj) -> Obj:
    return within(obj, "spec", lambda s: within(s, "source", lambda of: within(of, "inlineVolumeSpec", _inline)))


STORAGE_CLASSES = Rules(defaults=_class, check=check_class, check_change=check_class_update, warn=warn_class)
ATTRIBUTES_CLASSES = Rules(check=check_attributes_class, check_change=check_attributes_class_update)
CSI_DRIVERS = Rules(
    defaults=_driver,
    on_create=lambda obj: _without_limits(obj, {}),
    on_update=_driver_update,
    check=check_driver,
    check_change=check_driver_update,
    warn=warn_driver,
    warn_update=warn_driver_update,
)
CSI_NODES = Rules(check=check_csi_node, check_change=check_csi_node_update)
CAPACITIES = Rules(check=check_capacity, check_change=check_capacity_update, warn=warn_capacity)
ATTACHMENTS = Rules(
    True,
    defaults=_attachment,
    check=check_attachment,
    check_change=check_attachment_update,
    check_status=check_attachment_update,
)
