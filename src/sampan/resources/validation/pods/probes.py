"""What is wrong with probes and lifecycle hooks (core validation: validateProbe, validateLifecycle)."""

from sampan.api.json import Obj
from sampan.api.meta import is_header_name, is_port, is_port_name
from sampan.resources.strategies.checks import Errors, forbidden, invalid, not_negative, not_supported, required
from sampan.resources.validation.pods.options import Seen

COUNTS = ("initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold")
SCHEMES = ("HTTP", "HTTPS")
OF_PROBES = ("exec", "httpGet", "tcpSocket", "grpc")
OF_HOOKS = ("exec", "httpGet", "tcpSocket", "sleep")
PROBES = ("livenessProbe", "readinessProbe", "startupProbe")
GRACE = "terminationGracePeriodSeconds"


def check_probes(container: Obj, at: str, seen: Seen) -> Errors:
    """Hooks and probes of a container."""
    errors: Errors = []
    lifecycle = container.get("lifecycle")
    if lifecycle is not None:
        for hook in ("postStart", "preStop"):
            if lifecycle.get(hook) is not None:
                errors += _handler(lifecycle[hook], f"{at}.lifecycle.{hook}", OF_HOOKS, seen)
    for kind in PROBES:
        probe = container.get(kind)
        if probe is not None:
            errors += _probe(probe, f"{at}.{kind}", kind, seen)
    return errors


def _probe(probe: Obj, at: str, kind: str, seen: Seen) -> Errors:
    errors = _handler(probe, at, OF_PROBES, seen)
    for name in COUNTS:
        errors += not_negative(f"{at}.{name}", probe.get(name))
    grace = probe.get(GRACE)
    if grace is not None and grace <= 0:
        errors.append(invalid(f"{at}.{GRACE}", grace, "must be greater than 0"))
    if kind == "readinessProbe":
        if grace is not None:
            errors.append(invalid(f"{at}.{GRACE}", grace, "must not be set for readinessProbes"))
    elif probe.get("successThreshold", 0) != 1:
        errors.append(invalid(f"{at}.successThreshold", probe.get("successThreshold", 0), "must be 1"))
    return errors


def _handler(handler: Obj, at: str, kinds: tuple[str, ...], seen: Seen) -> Errors:
    given = [kind for kind in kinds if handler.get(kind) is not None]
    if not given:
        return [required(at, "must specify a handler type")]
    errors = _action(given[0], handler[given[0]], f"{at}.{given[0]}", seen)
    return errors + [forbidden(f"{at}.{kind}", "may not specify more than 1 handler type") for kind in given[1:]]


def _action(kind: str, action: Obj, at: str, seen: Seen) -> Errors:
    match kind:
        case "exec":
            return [] if action.get("command") else [required(f"{at}.command")]
        case "httpGet":
            return _http(action, at)
        case "sleep":
            return _sleep(action.get("seconds") or 0, at, seen.grace)
    return check_port(action.get("port"), f"{at}.port")


def _http(action: Obj, at: str) -> Errors:
    errors: Errors = [] if action.get("path") else [required(f"{at}.path")]
    errors += check_port(action.get("port"), f"{at}.port")
    scheme = action.get("scheme") or ""
    if scheme not in SCHEMES:
        errors.append(not_supported(f"{at}.scheme", scheme, SCHEMES))
    for header in action.get("httpHeaders") or ():
        name = header.get("name") or ""
        errors += [invalid(f"{at}.httpHeaders", name, problem) for problem in is_header_name(name)]
    return errors


def check_port(port: int | str | None, at: str) -> Errors:
    """A port's number or name; a missing one is 0."""
    if isinstance(port, str):
        return [invalid(at, port, problem) for problem in is_port_name(port)]
    return [invalid(at, port or 0, problem) for problem in is_port(port or 0)]


def _sleep(seconds: int, at: str, grace: int | None) -> Errors:
    if grace is None or 0 <= seconds <= grace:
        return []
    return [invalid(at, seconds, f"must be non-negative and less than terminationGracePeriodSeconds ({grace})")]
