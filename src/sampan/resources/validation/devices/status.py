"""What is wrong with the status of a claim (resource validation: ValidateResourceClaimStatusUpdate)."""

from functools import partial

from sampan.api.json import Obj, dumps
from sampan.resources.strategies.checks import (
    IMMUTABLE,
    Errors,
    Shown,
    forbidden,
    invalid,
    marshalled,
    meta_of,
    not_supported,
    required,
    spec_of,
    too_long,
    too_many,
)
from sampan.resources.validation.conditions import check_conditions
from sampan.resources.validation.devices.claim import Names, check_config, check_reference, request_names
from sampan.resources.validation.devices.common import (
    check_binding,
    check_json_object,
    check_label,
    check_pool_name,
    check_uuid,
    each,
    once,
)
from sampan.resources.validation.devices.shown import shown_allocation
from sampan.resources.validation.ip import parse_interface_address
from sampan.resources.validation.node_selector import check_node_selector
from sampan.resources.validation.pods.volume_sources import check_driver_name

MOST, MOST_USERS, MOST_CONDITIONS, MOST_DATA, MOST_IPS = 32, 256, 8, 10 * 1024, 16
MOST_INTERFACE, MOST_HARDWARE = 256, 128
SOURCES = ("FromClaim", "FromClass")
NO_ALLOCATION = "may not be specified when `allocated` is not set"
GOING = "new entries may not be added while `deallocationRequested` or `deletionTimestamp` are set"
NOT_CANONICAL = "must be in canonical form"
Device = tuple[str, str, str, str]
"""Driver, pool, device and share."""


def check_claim_status(new: Obj, old: Obj) -> Errors:
    """A new status of a claim."""
    status, before = new.get("status") or {}, old.get("status") or {}
    names = request_names(spec_of(new).get("devices") or {})
    users, allocation = status.get("reservedFor") or [], status.get("allocation")
    errors = once(users, "status.reservedFor", _user, lambda user: user.get("uid") or "", MOST_USERS)
    given = {_identity(r) for r in ((allocation or {}).get("devices") or {}).get("results") or ()}
    errors += once(status.get("devices") or [], "status.devices", partial(_device, given), _shown_identity)
    if users and allocation is None:
        errors.append(forbidden("status.reservedFor", NO_ALLOCATION))
    elif users and "deletionTimestamp" in meta_of(new):
        had = before.get("reservedFor") or []
        if any(user not in had for user in users):
            errors.append(forbidden("status.reservedFor", GOING))
    if allocation is not None and before.get("allocation") is not None:
        if allocation != before["allocation"]:
            errors.append(invalid("status.allocation", shown_allocation(allocation), IMMUTABLE))
    elif allocation is not None:
        errors += _allocation(names, allocation, "status.allocation")
    return errors


def _identity(device: Obj) -> Device:
    return (
        device.get("driver") or "",
        device.get("pool") or "",
        device.get("device") or "",
        device.get("shareID") or "",
    )


def _shown_identity(device: Obj) -> Shown:
    driver, pool, name, share = _identity(device)
    return Shown(marshalled({"Driver": driver, "Pool": pool, "Device": name, "ShareID": share}))


def _user(user: Obj, at: str) -> Errors:
    return [required(f"{at}.{key}") for key in ("resource", "name", "uid") if not user.get(key)]


def _allocation(names: Names, allocation: Obj, at: str) -> Errors:
    devices = allocation.get("devices") or {}
    errors = each(devices.get("results") or [], f"{at}.devices.results", partial(_result, names), MOST)
    errors += each(devices.get("config") or [], f"{at}.devices.config", partial(_config, names), 2 * MOST)
    selector = allocation.get("nodeSelector")
    return errors if selector is None else errors + check_node_selector(selector, f"{at}.nodeSelector")


def _result(names: Names, result: Obj, at: str) -> Errors:
    errors = check_reference(names, result.get("request") or "", f"{at}.request")
    errors += _place(result, at) + check_binding(result, at)
    share = result.get("shareID")
    return errors if share is None else errors + check_uuid(share, f"{at}.shareID")


def _place(device: Obj, at: str) -> Errors:
    errors = check_driver_name(device.get("driver") or "", f"{at}.driver")
    errors += check_pool_name(device.get("pool") or "", f"{at}.pool")
    return errors + check_label(device.get("device") or "", f"{at}.device")


def _config(names: Names, config: Obj, at: str) -> Errors:
    source = config.get("source") or ""
    errors: Errors = []
    if not source:
        errors.append(required(f"{at}.source"))
    elif source not in SOURCES:
        errors.append(not_supported(f"{at}.source", source, SOURCES))
    errors += once(config.get("requests") or [], f"{at}.requests", partial(check_reference, names), str, MOST)
    return errors + check_config(config, at)


def _device(given: set[Device], device: Obj, at: str) -> Errors:
    errors = _place(device, at)
    share = device.get("shareID")
    if share is not None:
        errors += check_uuid(share, f"{at}.shareID")
    if _identity(device) not in given:
        errors.append(invalid(at, _shown_identity(device), "must be an allocated device in the claim"))
    conditions, data = device.get("conditions") or [], device.get("data")
    if len(conditions) > MOST_CONDITIONS:
        errors.append(too_many(f"{at}.conditions", len(conditions), MOST_CONDITIONS))
    errors += check_conditions(conditions, f"{at}.conditions")
    if data is not None:
        errors += check_json_object(data, f"{at}.data", len(dumps(data)), MOST_DATA)
    network = device.get("networkData")
    return errors if network is None else errors + _network(network, f"{at}.networkData")


def _network(network: Obj, at: str) -> Errors:
    errors: Errors = []
    for key, most in (("interfaceName", MOST_INTERFACE), ("hardwareAddress", MOST_HARDWARE)):
        if len((network.get(key) or "").encode()) > most:
            errors.append(too_long(f"{at}.{key}", most))
    return errors + once(network.get("ips") or [], f"{at}.ips", _address, str, MOST_IPS)


def _address(address: str, at: str) -> Errors:
    canonical = parse_interface_address(address)
    if canonical is None:
        return [invalid(at, address, "must be a valid address in CIDR form, (e.g. 10.9.8.7/24 or 2001:db8::1/64)")]
    if canonical != address:
        return [invalid(at, address, f'{NOT_CANONICAL} ("{canonical}")')]
    return []
