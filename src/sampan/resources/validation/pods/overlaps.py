"""Files of a volume that would hide one another (upstream: warningsForOverlappingVirtualPaths)."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from sampan.api.json import Obj
from sampan.resources.strategies.checks import quoted


class File(NamedTuple):
    """A path in a volume, and the source that it comes from if that must be said."""

    path: str
    source: str = ""

    def __str__(self) -> str:
        return f"{quoted(self.path)} ({self.source})" if self.source else quoted(self.path)


def warn_overlaps(volumes: Iterable[Obj]) -> list[str]:
    """Of volumes with files whose paths are the same, or lie in one another."""
    warnings: list[str] = []
    for volume in volumes:
        name = quoted(volume.get("name") or "")
        for key, title, named in (("configMap", "ConfigMap", "name"), ("secret", "Secret", "secretName")):
            source = volume.get(key)
            if source is not None and source.get("items"):
                what = f"{title} {quoted(source.get(named) or '')}"
                warnings += _warn(name, what, _files(source, ""))
        source = volume.get("downwardAPI")
        if source is not None and source.get("items"):
            warnings += _warn(name, "DownwardAPI", _files(source, ""))
        if volume.get("projected") is not None:
            warnings += _projected(name, volume["projected"].get("sources") or ())
    return warnings


def _files(source: Obj, label: str) -> list[File]:
    return [File(item.get("path") or "", label) for item in source.get("items") or ()]


def _warn(volume: str, what: str, files: Sequence[File], known: Sequence[File] = ()) -> list[str]:
    """Each file is looked for among those before it."""
    warnings: list[str] = []
    paths = [file.path for file in (*known, *files)]
    if len(set(paths)) == len(paths) and not any("/" in path for path in paths):
        return warnings
    before = list(known)
    for file in files:
        file = file._replace(path=file.path.rstrip("/"))
        met = (other for other in before if _meet(file, other))
        warnings += [f"volume {volume} ({what}): overlapping paths: {file} with {other}" for other in met]
        before.append(file)
    return warnings


def _meet(one: File, other: File) -> bool:
    if not one.path or not other.path:
        return False
    return f"{one.path}/".startswith(f"{other.path}/") or f"{other.path}/".startswith(f"{one.path}/")


def _projected(volume: str, sources: Iterable[Obj]) -> list[str]:
    warnings: list[str] = []
    known: list[File] = []
    for source in sources:
        if not any(value is not None for value in source.values()):
            warnings.append(f"volume {volume} (Projected) has no sources provided")
            continue
        files = _source_files(source)
        warnings += _warn(volume, "Projected", files, known)
        known += [file._replace(path=file.path.rstrip("/")) for file in files]
    return warnings


def _source_files(source: Obj) -> list[File]:
    for key, title in (("configMap", "ConfigMap"), ("secret", "Secret")):
        part = source.get(key)
        if part is not None and part.get("items"):
            return _files(part, f"{title} {quoted(part.get('name') or '')}")
    if (source.get("downwardAPI") or {}).get("items"):
        return _files(source["downwardAPI"], "DownwardAPI")
    if source.get("serviceAccountToken") is not None:
        return [File(source["serviceAccountToken"].get("path") or "", "ServiceAccountToken")]
    return []
