"""What is wrong with the environment of a container (core validation: ValidateEnv, ValidateEnvFrom)."""

from collections.abc import Collection, Iterable, Mapping

from sampan.api.json import Obj
from sampan.api.meta import is_config_key, is_dns1123_label, is_dns1123_subdomain, is_env_name, is_qualified_name
from sampan.api.quantity import canonical, number
from sampan.resources.strategies.checks import Errors, Shown, invalid, not_supported, quoted, required
from sampan.resources.validation.paths import check_no_backsteps

OF_ENV = frozenset(
    (
        "metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName", "spec.serviceAccountName",
        "status.hostIP", "status.hostIPs", "status.podIP", "status.podIPs",
    )
)  # fmt: skip
CONVERTIBLE = OF_ENV | {
    "metadata.annotations", "metadata.labels", "spec.restartPolicy", "spec.schedulerName", "status.phase",
    "spec.host",
}  # fmt: skip
SUBSCRIPTED = ("metadata.annotations", "metadata.labels")
RESOURCES = frozenset(
    f"{part}.{name}" for part in ("limits", "requests") for name in ("cpu", "memory", "ephemeral-storage")
)
HUGE = ("requests.hugepages-", "limits.hugepages-")
SIZES = (
    "1", "1k", "1M", "1G", "1T", "1P", "1E", "1Ki", "1Mi", "1Gi", "1Ti", "1Pi", "1Ei",
)  # fmt: skip
CPU_DIVISORS = ("1m", "1")


def check_env(env: Iterable[Obj], at: str) -> Errors:
    """Variables."""
    errors: Errors = []
    for index, item in enumerate(env):
        name = item.get("name")
        if not name:
            errors.append(required(f"{at}[{index}].name"))
        elif problems := is_env_name(name):
            errors += [invalid(f"{at}[{index}].name", name, problem) for problem in problems]
        source = item.get("valueFrom")
        if source is not None:
            errors += _value_from(source, item.get("value"), f"{at}[{index}].valueFrom")
    return errors


def _value_from(source: Obj, value: str | None, at: str) -> Errors:
    count = 0
    errors: Errors = []
    for key, check in SOURCES:
        given = source.get(key)
        if given is not None:
            count += 1
            errors += check(given, f"{at}.{key}")
    if not count:
        kinds = "`fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`"
        errors.append(invalid(at, "", f"must specify one of: {kinds}"))
    elif value:
        errors.append(invalid(at, "", "may not be specified when `value` is not empty"))
    elif count > 1:
        errors.append(invalid(at, "", "may not have more than one field specified at a time"))
    return errors


def _env_field(ref: Obj, at: str) -> Errors:
    return check_field_ref(ref, at, OF_ENV)


def check_field_ref(ref: Obj, at: str, paths: Collection[str]) -> Errors:
    """An ObjectFieldSelector; `paths`: what may be read there."""
    version, path = ref.get("apiVersion"), ref.get("fieldPath")
    if version == "v1" and path in paths:
        return []
    if not version:
        return [required(f"{at}.apiVersion")]
    if not path:
        return [required(f"{at}.fieldPath")]
    base, subscript = split_subscript(path)
    error = ""
    if version != "v1":
        error = f"unsupported pod version: {version}"
    elif subscript is not None:
        if base not in SUBSCRIPTED:
            error = f"field label does not support subscript: {path}"
    elif path not in CONVERTIBLE:
        error = f"field label not supported: {path}"
    if error:
        return [invalid(f"{at}.fieldPath", path, f"error converting fieldPath: {error}")]
    if subscript is not None:
        key = subscript.lower() if base == "metadata.annotations" else subscript
        return [invalid(at, key, problem) for problem in is_qualified_name(key)]
    path = "spec.nodeName" if path == "spec.host" else path
    return [] if path in paths else [not_supported(f"{at}.fieldPath", Shown(quoted(path)), paths)]


def split_subscript(path: str) -> tuple[str, str | None]:
    """`metadata.labels['x']` in its parts; without a subscript the second is None."""
    base, bracket, rest = path.removesuffix("']").partition("['")
    return (base, rest) if path.endswith("']") and bracket and base else (path, None)


def _env_resource(ref: Obj, at: str) -> Errors:
    return check_resource_ref(ref, at, in_volume=False)


def check_resource_ref(ref: Obj, at: str, *, in_volume: bool) -> Errors:
    """A ResourceFieldSelector; in a volume it must name its container."""
    errors: Errors = []
    resource = ref.get("resource") or ""
    if in_volume and not ref.get("containerName"):
        errors.append(required(f"{at}.containerName"))
    elif not resource:
        errors.append(required(f"{at}.resource"))
    elif resource not in RESOURCES and not resource.startswith(HUGE):
        errors.append(not_supported(f"{at}.resource", Shown(quoted(resource)), RESOURCES))
    return errors + _divisor(resource, ref.get("divisor") or "0", at)


def _divisor(resource: str, divisor: str, at: str) -> Errors:
    if not number(divisor):
        return []
    text, what = canonical(divisor), resource.partition(".")[2]
    known: Collection[str] = SIZES
    listing = f"values {', '.join(SIZES)}"
    if resource.startswith(HUGE):
        what = "hugepages"
    elif resource not in RESOURCES:
        return []
    elif what == "cpu":
        known, listing = CPU_DIVISORS, "values 1m and 1"
    elif what == "ephemeral-storage":
        what = "local ephemeral storage"
    if text in known:
        return []
    why = f"only divisor's {listing} are supported with the {what} resource"
    return [invalid(f"{at}.divisor", resource, why)]


def _key_ref(ref: Obj, at: str) -> Errors:
    name, key = ref.get("name") or "", ref.get("key") or ""
    errors: Errors = [invalid(f"{at}.name", name, problem) for problem in is_dns1123_subdomain(name)]
    if not key:
        errors.append(required(f"{at}.key"))
    return errors + [invalid(f"{at}.key", key, problem) for problem in (is_config_key(key) if key else ())]


def _file_ref(ref: Obj, at: str) -> Errors:
    key, volume, path = ref.get("key") or "", ref.get("volumeName") or "", ref.get("path") or ""
    if key:
        errors: Errors = [invalid(f"{at}.key", key, problem) for problem in is_env_name(key)]
    else:
        errors = [required(f"{at}.key")]
    if volume:
        errors += [invalid(f"{at}.volumeName", volume, problem) for problem in is_dns1123_label(volume)]
    else:
        errors.append(required(f"{at}.volumeName"))
    return errors + (check_no_backsteps(path, f"{at}.path") if path else [required(f"{at}.path")])


SOURCES = (
    ("fieldRef", _env_field),
    ("resourceFieldRef", _env_resource),
    ("configMapKeyRef", _key_ref),
    ("secretKeyRef", _key_ref),
    ("fileKeyRef", _file_ref),
)
FROM = ("configMapRef", "secretRef")


def check_env_from(sources: Iterable[Obj], at: str) -> Errors:
    """Whole ConfigMaps and Secrets as variables."""
    errors: Errors = []
    for index, source in enumerate(sources):
        prefix = source.get("prefix")
        if prefix:
            errors += [invalid(f"{at}[{index}].prefix", prefix, problem) for problem in is_env_name(prefix)]
        refs = [key for key in FROM if source.get(key) is not None]
        for key in refs:
            errors += _env_source(source[key], f"{at}[{index}].{key}")
        if not refs:
            errors.append(invalid(at, "", "must specify one of: `configMapRef` or `secretRef`"))
        elif len(refs) > 1:
            errors.append(invalid(at, "", "may not have more than one field specified at a time"))
    return errors


def _env_source(ref: Mapping[str, str], at: str) -> Errors:
    name = ref.get("name") or ""
    if not name:
        return [required(f"{at}.name")]
    checked = f"{name[:-2]}a" if len(name) > 1 and name.endswith("-") else name
    return [invalid(f"{at}.name", name, problem) for problem in is_dns1123_subdomain(checked)]
