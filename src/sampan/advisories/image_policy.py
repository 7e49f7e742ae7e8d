"""A MutatingAdmissionPolicy that rewrites images by a mirror map, for clusters that must not ask the old registry."""

import json
import re
from collections.abc import Mapping, Sequence

from sampan.api.json import Obj

DEFAULT_MAP = {"k8s.gcr.io/": "registry.k8s.io/"}
PREFIX = re.compile(r"[a-z0-9][a-z0-9._:-]*(/[a-z0-9._-]+)*/")
FIELDS = ("containers", "initContainers")


def parse_mirrors(texts: Sequence[str]) -> dict[str, str]:
    """`OLD=NEW` prefixes, both ending in a slash (added where it is missing). Raises ValueError."""
    found: dict[str, str] = {}
    for text in texts:
        old, mark, new = text.partition("=")
        old, new = old.rstrip("/") + "/", new.rstrip("/") + "/"
        if not mark or not PREFIX.fullmatch(old) or not PREFIX.fullmatch(new):
            raise ValueError(f"{text!r}: expected OLD=NEW, prefixes of images such as k8s.gcr.io=registry.k8s.io")
        found[old] = new
    return found


def rewrite(image: str, mirrors: Mapping[str, str]) -> str:
    """The image by its longest prefix; itself if there is none."""
    for old in _longest_first(mirrors):
        if image.startswith(old):
            return mirrors[old] + image.removeprefix(old)
    return image


def policy(mirrors: Mapping[str, str], name: str = "rewrite-images") -> list[Obj]:
    """The policy and its binding: new and changed pods get their images rewritten as `rewrite` does."""
    version = "admissionregistration.k8s.io/v1"
    hits = " || ".join(f"c.image.startsWith({json.dumps(old)})" for old in _longest_first(mirrors))
    parts = [f"{field}: {_rewritten(field, hits, mirrors)}" for field in FIELDS]
    expression = f"Object{{spec: Object.spec{{{', '.join(parts)}}}}}"
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}
    any_hit = " || ".join(f"({_held(field)}.exists(c, {hits}))" for field in FIELDS)
    return [
        {
            "apiVersion": version,
            "kind": "MutatingAdmissionPolicy",
            "metadata": {"name": name},
            "spec": {
                "failurePolicy": "Ignore",
                "reinvocationPolicy": "IfNeeded",
                "matchConstraints": {"resourceRules": [rule]},
                "matchConditions": [{"name": "old-images", "expression": any_hit}],
                "mutations": [{"patchType": "ApplyConfiguration", "applyConfiguration": {"expression": expression}}],
            },
        },
        {
            "apiVersion": version,
            "kind": "MutatingAdmissionPolicyBinding",
            "metadata": {"name": name},
            "spec": {"policyName": name},
        },
    ]


def _held(field: str) -> str:
    return f"object.spec.{field}" if field == "containers" else f"object.spec.?{field}.orValue([])"


def _rewritten(field: str, hits: str, mirrors: Mapping[str, str]) -> str:
    image = "c.image"
    for old in reversed(_longest_first(mirrors)):
        new, cut = json.dumps(mirrors[old]), len(old)
        image = f"c.image.startsWith({json.dumps(old)}) ? {new} + c.image.substring({cut}) : ({image})"
    made = f"Object.spec.{field}{{name: c.name, image: {image}}}"
    return f"{_held(field)}.filter(c, {hits}).map(c, {made})"


def _longest_first(mirrors: Mapping[str, str]) -> list[str]:
    return sorted(mirrors, key=lambda old: (-len(old), old))
