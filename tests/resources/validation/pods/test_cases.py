"""What a real API server says to pods that are wrong, unwise or fine: cases/*.yaml, and the same as templates.

A case is a pod: `meta` and `spec` as given, or a container `c` with what `container` adds; `says` are its causes in
order, `warns` its warnings. `template_says` and `template_warns` are those of a PodTemplate, where they are not the
same with `template.` before them. <...> stands for a long text of api/meta.
"""

from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from sampan.api import meta
from sampan.api.names import GVK
from sampan.api.schema.decode import decode
from sampan.api.schema.nodes import Node
from sampan.resources.build import body_schema
from sampan.resources.strategies.pods import POD_TEMPLATES, PODS
from sampan.resources.validation.pods.dns import SEARCH, SEARCH_TEXT

CASES = Path(__file__).with_name("cases")
TEXTS = {
    "<not a label>": meta.regex_error(meta.DNS_LABEL_TEXT, meta.LABEL, "my-name", "123-abc"),
    "<not a subdomain>": meta.regex_error(meta.SUBDOMAIN_TEXT, meta.SUBDOMAIN, "example.com"),
    "<not a name>": meta.regex_error(meta.QUALIFIED_TEXT, meta.QUALIFIED, "MyName", "my.name", "123-abc"),
    "<not a label's value>": meta.regex_error(meta.LABEL_VALUE_TEXT, meta.LABEL_VALUE, "MyValue", "my_value", "12345"),
    "<not a key>": meta.regex_error(meta.CONFIG_KEY_TEXT, meta.CONFIG_KEY, "key.name", "KEY_NAME", "key-name"),
    "<not a search path>": meta.regex_error(SEARCH_TEXT, SEARCH, "example.com"),
}
Case = dict[str, Any]


def _cases() -> list[Any]:
    return [
        pytest.param(case, id=f"{path.stem}-{number}")
        for path in sorted(CASES.glob("*.yaml"))
        for number, case in enumerate(yaml.safe_load(path.read_text()))
    ]


@cache
def _schema(kind: str) -> Node:
    return body_schema("1.36", GVK("", "v1", kind))


def _spec(case: Case) -> Case:
    spec: Case = {"serviceAccountName": "default", **case.get("spec", {})}
    if "containers" not in spec:
        spec["containers"] = [{"name": "c", "image": "nginx:1.25", **case.get("container", {})}]
    return spec


def _long(texts: list[str]) -> list[str]:
    made = []
    for text in texts:
        for short, long in TEXTS.items():
            text = text.replace(short, long)
        made.append(text)
    return made


@pytest.mark.parametrize("case", _cases())
def test_pods(case: Case) -> None:
    given = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x", **case.get("meta", {})}, "spec": _spec(case)}
    pod, _ = decode(given, _schema("Pod"))
    pod = PODS.default(pod)
    warnings = PODS.early_warnings(pod)
    pod = PODS.prepare_create(pod)
    errors = PODS.validate_create(pod)
    assert [f"{error.field}: {error.message}" for error in errors] == _long(case.get("says", []))
    if not errors:
        warnings += PODS.warnings(pod)
    assert warnings == _long(case.get("warns", []))


@pytest.mark.parametrize("case", _cases())
def test_templates(case: Case) -> None:
    meta_given = {key: value for key, value in case.get("meta", {}).items() if key in ("labels", "annotations")}
    given = {"metadata": {"name": "x"}, "template": {"metadata": meta_given, "spec": _spec(case)}}
    template, _ = decode({"apiVersion": "v1", "kind": "PodTemplate", **given}, _schema("PodTemplate"))
    template = POD_TEMPLATES.prepare_create(POD_TEMPLATES.default(template))
    errors = POD_TEMPLATES.validate_create(template)
    says = [f"template.{text.removeprefix('metadata.')}" for text in case.get("says", [])]
    assert [f"{error.field}: {error.message}" for error in errors] == _long(case.get("template_says", says))
    if not errors:
        warns = [text if text.startswith("volume ") else f"template.{text}" for text in case.get("warns", [])]
        assert POD_TEMPLATES.warnings(template) == _long(case.get("template_warns", warns))


def test_nothing_of_what_comes_in_is_changed() -> None:
    pod = {
        "metadata": {
            "name": "x",
            "labels": {"a": "1"},
            "annotations": {"container.apparmor.security.beta.kubernetes.io/c": "unconfined"},
        },
        "spec": _spec({"container": {"lifecycle": {"stopSignal": "SIGTERM"}, "resources": {"limits": {"cpu": "1"}}}}),
    }
    before = yaml.safe_dump(pod)
    PODS.validate_create(PODS.prepare_create(PODS.default(pod)))
    assert yaml.safe_dump(pod) == before
