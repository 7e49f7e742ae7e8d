"""What is wrong with projected and downward API volumes (core validation: validateProjectionSources)."""

from collections.abc import Iterable

from sampan.api.json import Obj
from sampan.resources.strategies.checks import Errors, forbidden, invalid, required
from sampan.resources.validation.paths import check_unreserved
from sampan.resources.validation.pods.environment import check_field_ref, check_resource_ref
from sampan.resources.validation.pods.options import Options

FIELDS = frozenset(
    ("metadata.name", "metadata.namespace", "metadata.labels", "metadata.annotations", "metadata.uid")
)  # fmt: skip
MODE_TEXT = "must be a number between 0 and 0777 (octal), both inclusive"
MOST_MODE = 0o777
TAKEN = "conflicting duplicate paths"
KINDS = ("secret", "configMap", "downwardAPI", "serviceAccountToken")


def check_mode(holder: Obj, name: str, at: str) -> Errors:
    """The file mode that stands in a field, if one does."""
    mode = holder.get(name)
    return [] if mode is None or 0 <= mode <= MOST_MODE else [invalid(f"{at}.{name}", mode, MODE_TEXT)]


def check_items(items: Iterable[Obj], at: str) -> Errors:
    """Keys and where they go (KeyToPath)."""
    errors: Errors = []
    for index, item in enumerate(items):
        errors += _item(item, f"{at}[{index}]")
    return errors


def _item(item: Obj, at: str) -> Errors:
    path = item.get("path") or ""
    errors: Errors = [] if item.get("key") else [required(f"{at}.key")]
    if not path:
        errors.append(required(f"{at}.path"))
    errors += check_unreserved(path, f"{at}.path")
    return errors + check_mode(item, "mode", at) if "mode" in item else errors


def check_downward(source: Obj, at: str) -> Errors:
    """A downward API volume; upstream does not say which of its files is wrong."""
    errors = check_mode(source, "defaultMode", at)
    for file in source.get("items") or ():
        errors += _file(file, at)
    return errors


def _file(file: Obj, at: str) -> Errors:
    path, field, resource = file.get("path") or "", file.get("fieldRef"), file.get("resourceFieldRef")
    errors: Errors = [] if path else [required(f"{at}.path")]
    errors += check_unreserved(path, f"{at}.path")
    if field is not None:
        errors += check_field_ref(field, f"{at}.fieldRef", FIELDS)
        if resource is not None:
            why = "fieldRef and resourceFieldRef can not be specified simultaneously"
            errors.append(invalid(at, "resource", why))
    elif resource is not None:
        errors += check_resource_ref(resource, f"{at}.resourceFieldRef", in_volume=True)
    else:
        errors.append(required(at, "one of fieldRef and resourceFieldRef is required"))
    return errors + check_mode(file, "mode", at) if "mode" in file else errors


def check_projected(source: Obj, at: str, options: Options) -> Errors:
    """A projected volume: its sources, and that their files do not meet."""
    errors = check_mode(source, "defaultMode", at)
    paths: set[str] = set()
    for index, part in enumerate(source.get("sources") or ()):
        here = f"{at}.sources[{index}]"
        given = [kind for kind in part if kind in KINDS and part[kind] is not None]
        if len(given) > 1:
            given = [kind for kind in KINDS if kind in given]
        for kind in given:
            if kind == "serviceAccountToken":
                errors += _token(part[kind], f"{here}.{kind}", at, options)
            else:
                if kind != "downwardAPI" and not part[kind].get("name"):
                    errors.append(required(f"{here}.{kind}.name"))
                errors += _files(part[kind], kind, (f"{here}.{kind}", at), paths)
        if len(given) > 1:
            errors.append(forbidden(here, "may not specify more than 1 volume type per source"))
    return errors


def _files(part: Obj, kind: str, places: tuple[str, str], paths: set[str]) -> Errors:
    """The files of one source; `places` are the source's and the volume's; `paths` collects where they go."""
    errors: Errors = []
    for index, item in enumerate(part.get("items") or ()):
        if kind == "downwardAPI":
            errors += _file(item, places[0])
        else:
            errors += _item(item, f"{places[0]}.items[{index}]")
        path = item.get("path")
        if path and path in paths:
            shown = path if kind == "downwardAPI" else part.get("name") or ""
            errors.append(invalid(places[1], shown, TAKEN))
        elif path:
            paths.add(path)
    return errors


def _token(token: Obj, at: str, volume_at: str, options: Options) -> Errors:
    seconds, path = token.get("expirationSeconds") or 0, token.get("path") or ""
    errors: Errors = []
    if seconds < 600:
        why = "may not specify a duration less than 10 minutes"
        errors.append(invalid(f"{at}.expirationSeconds", seconds, why))
    if seconds > 1 << 32:
        why = "may not specify a duration larger than 2^32 seconds"
        errors.append(invalid(f"{at}.expirationSeconds", seconds, why))
    if not path:
        errors.append(required(f"{volume_at}.path"))
    elif not options.any_token_path:
        errors += check_unreserved(path, f"{volume_at}.path")
    return errors
