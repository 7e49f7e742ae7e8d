"""Reads the field numbers of Kubernetes' protobuf messages and prints api/protobuf/data/messages.json.

Usage: python tools/protobuf_facts.py KUBERNETES_SOURCE_TREE... > src/sampan/api/protobuf/data/messages.json

With several trees, oldest first, messages have the fields of all of them: numbers are never used again.

The .proto files say number and type of each field, the tags of the Go structs its name in JSON and what is inlined.
"""

import json
import re
import sys
from pathlib import Path

MESSAGE = re.compile(r"^message (\w+) \{(.*?)^\}", re.M | re.S)
FIELD = re.compile(r"^\s+(optional|repeated)?\s*(map<string,\s*[.\w]+>|[.\w]+) (\w+) = (\d+);", re.M)
STRUCT = re.compile(r"^type (\w+) struct \{\n(.*?)^\}", re.M | re.S)
TAGGED = re.compile(r'^\t.*`.*?(?:json:"([^"]*)".*?)?protobuf:"(?:bytes|varint|fixed64),(\d+)[^"]*"', re.M)
GROUP = re.compile(r'^const GroupName = "([^"]*)"', re.M)
STABLE = re.compile(r"v\d+")
MORE = ("flowcontrol/v1beta1", "flowcontrol/v1beta2", "flowcontrol/v1beta3", "storage/v1beta1", "meta/v1beta1")
MORE = (
    *MORE,
    "apidiscovery/v2beta1",
    "scheduling/v1alpha3",
    "metrics/v1beta1",
    "api/resource",
    "util/intstr",
    "pkg/runtime",
)
OTHER = ("testapigroup/v1", "audit/v1", "example/v1", "example2/v1", "extensions/v1beta1")
SPECIAL = (
    "Quantity",
    "IntOrString",
    "Time",
    "MicroTime",
    "Duration",
    "FieldsV1",
    "RawExtension",
    "Unknown",
    "TypeMeta",
)
SPECIAL = (*SPECIAL, "JSON", "JSONSchemaPropsOrArray", "JSONSchemaPropsOrBool", "JSONSchemaPropsOrStringArray")
"""Messages that the codec knows itself, because their JSON is not an object of their fields."""
NAME = re.compile(r"\.?k8s\.io\.(?:\w+\.)*?(\w+\.\w+\.\w+)$")


def folders(root: Path) -> list[Path]:
    """The packages whose messages are wanted."""
    found = sorted(file.parent for file in (root / "staging/src/k8s.io").rglob("generated.proto"))
    wanted = [f for f in found if STABLE.fullmatch(f.name) or "/".join(f.parts[-2:]) in MORE]
    return [f for f in wanted if "/".join(f.parts[-2:]) not in OTHER]


def without_comments(text: str) -> str:
    return re.sub(r"//[^\n]*", "", text)


def go_names(folder: Path) -> dict[str, dict[int, str]]:
    """Struct to field number to JSON name, empty for an inlined struct."""
    found: dict[str, dict[int, str]] = {}
    for file in sorted(folder.glob("*.go")):
        if file.name.endswith(("_test.go", ".pb.go")):
            continue
        for struct in STRUCT.finditer(without_comments(file.read_text())):
            names = found.setdefault(struct[1], {})
            for name, number in TAGGED.findall(struct[2]):
                names[int(number)] = name.split(",")[0]
    return found


def short(name: str, package: str) -> str:
    """`Container` within its package, `meta.v1.ObjectMeta` from another one."""
    if "." not in name:
        return name
    whole = name.lstrip(".")
    if whole.rpartition(".")[0] == package:
        return whole.rpartition(".")[2]
    match = NAME.match(whole)
    assert match, name
    return match[1]


def messages(folder: Path) -> dict[str, str]:
    """Message to its fields: `NAME NUMBER TYPE`, where *T repeats, {T} maps from strings, ^T is inlined."""
    text = without_comments((folder / "generated.proto").read_text())
    package = re.search(r"^package ([\w.]+);", text, re.M)
    assert package
    names = go_names(folder)
    made = {}
    for match in MESSAGE.finditer(text):
        if match[1] in SPECIAL:
            continue
        found, fields = FIELD.findall(match[2]), []
        for label, kind, name, number in found:
            if kind.startswith("map<"):
                kind = "{" + short(kind[4:-1].split(",")[1].strip(), package[1]) + "}"
            else:
                kind = ("*" if label == "repeated" else "") + short(kind, package[1])
            told = names.get(match[1])
            wrapper = told is None and len(found) == 1 and name == "items"
            key = "[]" if wrapper else (told or {}).get(int(number), name)
            if told is not None and int(number) in told and not key and kind[0].isupper():
                kind = "^" + kind
            fields.append(f"{key or name if kind[0] != '^' else ''} {number} {kind}")
        own = NAME.match(f"{package[1]}.{match[1]}")
        assert own, (package[1], match[1])
        made[own[1]] = ";".join(fields)
    return made


def merged(old: str, new: str) -> str:
    """The fields of both; the new ones come last, and win over an old one of the same number."""
    numbered = {field.split(" ")[1]: field for text in (old, new) if text for field in text.split(";")}
    return ";".join(numbered.values())


def main() -> None:
    """Print groups and messages, one a line."""
    groups: dict[str, str] = {}
    found: dict[str, str] = {}
    for folder in (folder for tree in sys.argv[1:] for folder in folders(Path(tree))):
        for name, fields in messages(folder).items():
            found[name] = merged(found.get(name, ""), fields)
        register = folder / "register.go"
        group = GROUP.search(register.read_text()) if register.exists() else None
        if group:
            groups[group[1]] = folder.parent.name
    lines = [f"{json.dumps(name)}:{json.dumps(fields)}" for name, fields in sorted(found.items())]
    body = ",\n".join(lines)
    sys.stdout.write(f'{{"groups":{json.dumps(groups, sort_keys=True)},\n"messages":{{\n{body}\n}}}}\n')


main()
