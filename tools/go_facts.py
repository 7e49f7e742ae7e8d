"""Reads the struct tags of Kubernetes' Go types and prints resources/data/gotypes.json.

Usage: python tools/go_facts.py KUBERNETES_SOURCE_TREE > src/sampan/resources/data/gotypes.json
"""

import json
import re
import sys
from pathlib import Path

STRUCT = re.compile(r"^type (\w+) struct \{\n(.*?)^\}", re.S | re.M)
FIELD = re.compile(r"^\t(?:(\w+)\s+)?([\w.*\[\]{}]+)\s+`([^`]*)`", re.M)
NAMED = re.compile(r"^(?:type |\t)(\w+) (=? ?(?:\[\]|map\[\w+\])?[\w.*]+)$", re.M)
JSON_TAG = re.compile(r'json:"([^"]*)"')
ALIASES = {"metav1": "meta", "v1": "core", "corev1": "core", "apiv1": "core"}
SCALARS = {"string", "bool", "int", "int32", "int64", "float64", "byte"}


def packages(root: Path) -> list[tuple[str, Path]]:
    """Definition name prefix and folder of each package of API types."""
    staging = root / "staging" / "src" / "k8s.io"
    found = [
        (f"io.k8s.api.{folder.parent.name}.{folder.name}.", folder)
        for folder in sorted((staging / "api").glob("*/v*"))
        if folder.is_dir()
    ]
    return [
        *found,
        ("io.k8s.apimachinery.pkg.apis.meta.v1.", staging / "apimachinery/pkg/apis/meta/v1"),
        (
            "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.",
            staging / "apiextensions-apiserver/pkg/apis/apiextensions/v1",
        ),
        (
            "io.k8s.kube-aggregator.pkg.apis.apiregistration.v1.",
            staging / "kube-aggregator/pkg/apis/apiregistration/v1",
        ),
    ]


def sources(folder: Path) -> str:
    """The Go files that declare the package's types."""
    files = [file for file in sorted(folder.glob("*.go")) if "types" in file.name and "swagger" not in file.name]
    text = "\n".join(file.read_text() for file in files if not file.name.endswith("_test.go"))
    return re.sub(r"//[^\n]*", "", text)


class Package:
    """The structs and named types of one package."""

    def __init__(self, prefix: str, folder: Path) -> None:
        text = sources(folder)
        self.prefix, self.name = prefix, folder.name
        self.structs = {match[1]: match[2] for match in STRUCT.finditer(text)}
        bare = STRUCT.sub("", text)
        self.named = {match[1]: match[2].lstrip("= ") for match in NAMED.finditer(bare) if match[1] not in self.structs}


def underlying(package: Package, world: dict[str, Package], go: str) -> tuple[str, str]:
    """Kind of a Go type (scalar, list, map, struct, time, ...) and its printed name."""
    go = go.lstrip("*")
    if go.startswith("[]"):
        return "list", "[]" + underlying(package, world, go[2:])[1]
    if go.startswith("map["):
        key, _, value = go[4:].partition("]")
        return "map", f"map[{underlying(package, world, key)[1]}]{underlying(package, world, value)[1]}"
    if go in SCALARS:
        return "scalar", "uint8" if go == "byte" else go
    owner, name = package, go
    if "." in go:
        alias, name = go.split(".", 1)
        full = ALIASES.get(alias, alias)
        known = {"Time": "time", "MicroTime": "time", "Quantity": "struct", "IntOrString": "struct"}
        if name in known:
            printed = {"Quantity": "resource.Quantity", "IntOrString": "intstr.IntOrString"}
            return known[name], printed.get(name, f"v1.{name}")
        if name in ("RawExtension", "UID", "NodeName", "NamespacedName"):
            return ("raw", "runtime.RawExtension") if name == "RawExtension" else ("scalar", f"types.{name}")
        owner = world.get(full, package)
    if name in ("Time", "MicroTime"):
        return "time", f"v1.{name}"
    if name in owner.structs:
        return "struct", f"{owner.name}.{name}"
    if name in owner.named:
        return underlying(owner, world, owner.named[name])[0], f"{owner.name}.{name}"
    return "struct", f"{owner.name}.{name}"


def facts(package: Package, world: dict[str, Package], struct: str) -> dict[str, str]:
    """Field to code (k keep, o omit when empty, a always, n always and null when missing) and Go type, if named."""
    found: dict[str, str] = {}
    for match in FIELD.finditer(package.structs[struct]):
        tag = JSON_TAG.search(match[3])
        if tag is None:
            continue
        name, *options = tag[1].split(",")
        if "inline" in options or (not match[1] and not name):
            inner = match[2].lstrip("*")
            if "." in inner:
                alias, inner = inner.split(".", 1)
                owner = world.get({"v1": "core", "corev1": "core", "metav1": "meta"}.get(alias, alias), package)
            else:
                owner = package
            if inner in owner.structs and inner != "TypeMeta":
                found |= {key: embedded(fact, inner) for key, fact in facts(owner, world, inner).items()}
            continue
        if not name or name == "-":
            continue
        kind, printed = underlying(package, world, match[2])
        pointer = match[2].startswith("*")
        omit, zero = "omitempty" in options, "omitzero" in options
        if pointer:
            code = "k" if omit or zero else "n"
        elif kind in ("scalar", "list", "map"):
            code = "o" if omit or zero else ("a" if kind == "scalar" else "n")
        elif kind in ("time", "raw"):
            code = "o" if zero else "n"
        else:
            code = "o" if zero else "a"
        leaf = re.sub(r"\[\]|map\[[\w.]+\]", "", printed)
        named = "." in printed and kind not in ("struct", "time", "raw") and not is_struct(leaf, package, world)
        special = named or (kind == "map" and printed != "map[string]string")
        found[name] = f"{code} {printed}" if special else code
    return found


def embedded(fact: str, struct: str) -> str:
    """The fact of a field that comes from a struct within the struct: `k v1.Type @Outer.Inner`."""
    rest, at, within = fact.partition(" @")
    return f"{rest} @{struct}{'.' if at else ''}{within}"


def is_struct(leaf: str, package: Package, world: dict[str, Package]) -> bool:
    """Whether the element type of a list is a struct, whose name the schema gives."""
    name = leaf.rpartition(".")[2]
    return any(name in one.structs for one in (package, *world.values()) if one.name == leaf.partition(".")[0])


def main() -> None:
    """Print the facts of all packages."""
    all_packages = [Package(prefix, folder) for prefix, folder in packages(Path(sys.argv[1]))]
    world = {package.prefix.split(".")[-3]: package for package in all_packages if package.name == "v1"}
    world["meta"] = next(p for p in all_packages if ".meta.v1." in p.prefix)
    result = {}
    for package in all_packages:
        for struct in package.structs:
            entry = facts(package, world, struct)
            if entry:
                result[package.prefix + struct] = entry
    for name in ("metadata",):
        for entry in result.values():
            if name in entry:
                entry[name] = "a"
    sys.stdout.write(json.dumps(dict(sorted(result.items())), separators=(",", ":")) + "\n")


main()
