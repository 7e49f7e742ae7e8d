"""Enhancements' files from a checkout of kubernetes/enhancements, or from a tar archive of it."""

import tarfile
from pathlib import Path, PurePosixPath
from typing import Any

from sampan.advisories.enhancements import Source

MOST = 2 * 1024 * 1024


def read_keps(path: Path) -> list[Source]:
    """All kep.yaml of a folder or archive, with their PRR files and readmes. Raises OSError and ValueError."""
    files = _of_folder(path) if path.is_dir() else _of_archive(path)
    prrs = {tuple(p.parts[-2:]): text for p, text in files.items() if "prod-readiness" in p.parts}
    found: list[Source] = []
    for place, text in sorted(files.items()):
        if place.name != "kep.yaml" or "NNNN-kep-template" in place.parts:
            continue
        folder = place.parent
        number = folder.name.partition("-")[0]
        prr = prrs.get((folder.parent.name, f"{number}.yaml"))
        readme = files.get(folder / "README.md")
        found.append(Source(str(place), _yaml(text), None if prr is None else _yaml(prr), readme))
    if not found:
        raise ValueError(f"{path}: no kep.yaml in it")
    return found


def _yaml(text: str) -> Any:
    """The document; a text that says why there is none."""
    import yaml

    loader = getattr(yaml, "CBaseLoader", yaml.BaseLoader)  # all scalars are texts: real dates have a month 13
    try:
        made = yaml.load(text, loader)
    except (yaml.YAMLError, ValueError) as error:
        return "not YAML: " + str(error).splitlines()[0]
    return made if isinstance(made, dict) else "not a mapping"


def _wanted(place: PurePosixPath) -> bool:
    return place.name in ("kep.yaml", "README.md") or ("prod-readiness" in place.parts and place.suffix == ".yaml")


def _of_folder(path: Path) -> dict[PurePosixPath, str]:
    places = {PurePosixPath(f.relative_to(path).as_posix()): f for f in path.rglob("*") if f.is_file()}
    return {place: file.read_text(errors="replace") for place, file in places.items() if _wanted(place)}


def _of_archive(path: Path) -> dict[PurePosixPath, str]:
    found: dict[PurePosixPath, str] = {}
    try:
        with tarfile.open(path) as archive:
            for member in archive:
                place = PurePosixPath(member.name)
                if member.isfile() and member.size <= MOST and _wanted(place):
                    data = archive.extractfile(member)
                    found[place] = data.read().decode(errors="replace") if data else ""
    except (tarfile.TarError, EOFError) as error:
        raise ValueError(f"{path}: neither a folder nor a tar archive: {error}") from error
    return found
