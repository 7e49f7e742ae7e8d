"""The kinds of resource.k8s.io: device classes, claims on devices, their templates, what drivers offer (KEP-4381)."""

from sampan.api.json import Obj
from sampan.resources.strategies.checks import Errors, invalid, meta_of, spec_of
from sampan.resources.strategies.rules import Rules, each, fill, within
from sampan.resources.validation.devices.claim import check_claim, check_class, check_template
from sampan.resources.validation.devices.shown import shown_claim, shown_template
from sampan.resources.validation.devices.slice import check_slice, check_slice_update, warn_slice
from sampan.resources.validation.devices.status import check_claim_status
from sampan.resources.validation.metadata import check_meta_update


def _tolerations(given: list[Obj]) -> list[Obj]:
    return each(given, lambda toleration: fill(toleration, operator="Equal"))


def _wish(request: Obj) -> Obj:
    """How many devices are meant if nothing is said."""
    mode = request.get("allocationMode") or "ExactCount"
    made = {**request, "allocationMode": mode}
    if mode == "ExactCount" and not request.get("count"):
        made["count"] = 1
    return within(made, "tolerations", _tolerations)


def _request(request: Obj) -> Obj:
    made = within(request, "exactly", _wish)
    return within(made, "firstAvailable", lambda either: each(either, _wish))


def _claim_spec(spec: Obj) -> Obj:
    return within(spec, "devices", lambda devices: within(devices, "requests", lambda all_: each(all_, _request)))


def _claim(obj: Obj) -> Obj:
    made = within(obj, "spec", _claim_spec)
    return made if "status" not in made else within(made, "status", _given_devices)


def _given_devices(status: Obj) -> Obj:
    def results(given: list[Obj]) -> list[Obj]:
        return each(given, lambda result: within(result, "tolerations", _tolerations))

    return within(status, "allocation", lambda a: within(a, "devices", lambda d: within(d, "results", results)))


def _template(obj: Obj) -> Obj:
    return within(obj, "spec", lambda spec: within(spec, "spec", _claim_spec))


def _fixed_claim(new: Obj, old: Obj) -> Errors:
    spec, before = spec_of(new), spec_of(old)
    errors = check_meta_update(meta_of(new), meta_of(old))
    return errors if spec == before else [*errors, invalid("spec", shown_claim(spec), "field is immutable")]


def _fixed_template(new: Obj, old: Obj) -> Errors:
    spec, before = spec_of(new), spec_of(old)
    errors = check_meta_update(meta_of(new), meta_of(old))
    return errors if spec == before else [*errors, invalid("spec", shown_template(spec), "field is immutable")]


def _status(new: Obj, old: Obj) -> Obj:
    """What was said of devices goes with them."""
    status, before = new.get("status") or {}, old.get("status") or {}
    if not status.get("devices"):
        return new
    gone = _given(before) - _given(status)
    kept = [device for device in status["devices"] if _device(device) not in gone]
    if len(kept) == len(status["devices"]):
        return new
    rest = {key: value for key, value in status.items() if key != "devices"}
    return {**new, "status": {**rest, "devices": kept} if kept else rest}


def _given(status: Obj) -> set[tuple[str, ...]]:
    devices = (status.get("allocation") or {}).get("devices") or {}
    return {_device(result) for result in devices.get("results") or ()}


def _device(device: Obj) -> tuple[str, ...]:
    return tuple(device.get(key) or "" for key in ("driver", "pool", "device", "shareID"))


CLASSES = Rules(check=check_class)
CLAIMS = Rules(
    defaults=_claim, check=check_claim, check_change=_fixed_claim, on_status=_status, check_status=check_claim_status
)
TEMPLATES = Rules(defaults=_template, check=check_template, check_change=_fixed_template)
SLICES = Rules(check=check_slice, check_change=check_slice_update, warn=warn_slice)
