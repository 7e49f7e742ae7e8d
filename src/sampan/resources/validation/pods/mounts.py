"""What is wrong with mounts and devices of a container (core validation: ValidateVolumeMounts and …Devices)."""

from collections.abc import Collection, Mapping, Sequence

from sampan.api.json import Obj
from sampan.resources.strategies.checks import Errors, forbidden, invalid, not_found, not_supported, required
from sampan.resources.validation.paths import check_descending, check_no_backsteps

PROPAGATIONS = ("Bidirectional", "HostToContainer", "None")
RECURSIVE = ("Disabled", "Enabled", "IfPossible")
MUST_CLAIM = "can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode"


def check_mounts(container: Obj, at: str, volumes: Mapping[str, Obj]) -> Errors:
    """A container's volumeMounts and volumeDevices; `volumes` are the pod's sound ones by name."""
    mounts: Sequence[Obj] = container.get("volumeMounts") or ()
    devices: Sequence[Obj] = container.get("volumeDevices") or ()
    if not mounts and not devices:
        return []
    device_paths = {device.get("name") or "": device.get("devicePath") or "" for device in devices}
    errors: Errors = []
    paths: set[str] = set()
    for index, mount in enumerate(mounts):
        here, name, path = f"{at}.volumeMounts[{index}]", mount.get("name") or "", mount.get("mountPath") or ""
        if name not in volumes or not path or path in paths or device_paths:
            errors += _mount_place((name, path), here, volumes, paths, device_paths)
        paths.add(path)
        if len(mount) > 2:
            errors += _mount_ways(mount, here, f"{at}.volumeMounts", container)
    if devices:
        mount_paths = {mount.get("name") or "": mount.get("mountPath") or "" for mount in mounts}
        errors += _devices(devices, f"{at}.volumeDevices", volumes, mount_paths)
    return errors


def _mount_place(
    mount: tuple[str, str], at: str, volumes: Mapping[str, Obj], paths: Collection[str], devices: Mapping[str, str]
) -> Errors:
    name, path = mount
    errors: Errors = []
    if not name:
        errors.append(required(f"{at}.name"))
    if name not in volumes:
        errors.append(not_found(f"{at}.name", name))
    if not path:
        errors.append(required(f"{at}.mountPath"))
    if path in paths:
        errors.append(invalid(f"{at}.mountPath", path, "must be unique"))
    if name in devices:
        errors.append(invalid(f"{at}.name", name, "must not already exist in volumeDevices"))
    if path in devices.values():
        errors.append(invalid(f"{at}.mountPath", path, "must not already exist as a path in volumeDevices"))
    return errors


def _mount_ways(mount: Obj, here: str, at: str, container: Obj) -> Errors:
    """What else a mount says; upstream names the list rather than the mount in most of these."""
    errors: Errors = []
    sub, expression = mount.get("subPath"), mount.get("subPathExpr")
    if sub:
        errors += check_descending(sub, f"{at}.subPath")
    if expression:
        if sub:
            why = "subPathExpr and subPath are mutually exclusive"
            errors.append(invalid(f"{here}.subPathExpr", expression, why))
        errors += check_descending(expression, f"{at}.subPathExpr")
    propagation = mount.get("mountPropagation")
    if propagation is not None:
        errors += _propagation(propagation, f"{at}.mountPropagation", container)
    if mount.get("recursiveReadOnly") is not None:
        errors += _recursive(mount, f"{at}.recursiveReadOnly")
    return errors


def _propagation(propagation: str, at: str, container: Obj) -> Errors:
    if propagation not in PROPAGATIONS:
        return [not_supported(at, propagation, PROPAGATIONS)]
    if propagation == "Bidirectional" and not (container.get("securityContext") or {}).get("privileged"):
        return [forbidden(at, "Bidirectional mount propagation is available only to privileged containers")]
    return []


def _recursive(mount: Obj, at: str) -> Errors:
    mode = mount["recursiveReadOnly"]
    if mode not in RECURSIVE:
        return [not_supported(at, mode, RECURSIVE)]
    errors: Errors = []
    if mode != "Disabled":
        if not mount.get("readOnly"):
            errors.append(forbidden(at, "may only be specified when readOnly is true"))
        if mount.get("mountPropagation") not in (None, "None"):
            why = "may only be specified when mountPropagation is None or not specified"
            errors.append(forbidden(at, why))
    return errors


def _devices(devices: Sequence[Obj], at: str, volumes: Mapping[str, Obj], mounts: Mapping[str, str]) -> Errors:
    errors: Errors = []
    names: set[str] = set()
    paths: set[str] = set()
    for index, device in enumerate(devices):
        here, name, path = f"{at}[{index}]", device.get("name") or "", device.get("devicePath") or ""
        errors += _device_name(name, f"{here}.name", volumes, names)
        if not path:
            errors.append(required(f"{here}.devicePath"))
        if path in paths:
            errors.append(invalid(f"{here}.devicePath", path, "must be unique"))
        if check_no_backsteps(path, ""):
            errors.append(invalid(f"{here}.devicePath", path, "can not contain backsteps ('..')"))
        else:
            paths.add(path)
        if name in mounts:
            errors.append(invalid(f"{here}.name", name, "must not already exist in volumeMounts"))
        if path in mounts.values():
            errors.append(invalid(f"{here}.devicePath", path, "must not already exist as a path in volumeMounts"))
        if name:
            names.add(name)
    return errors


def _device_name(name: str, at: str, volumes: Mapping[str, Obj], names: Collection[str]) -> Errors:
    errors: Errors = [] if name else [required(at)]
    if name in names:
        errors.append(invalid(at, name, "must be unique"))
    volume = volumes.get(name)
    if volume is None:
        errors.append(not_found(at, name))
    elif volume.get("persistentVolumeClaim") is None and volume.get("ephemeral") is None:
        errors.append(invalid(at, name, MUST_CLAIM))
    return errors
