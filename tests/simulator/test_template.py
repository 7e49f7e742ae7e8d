"""Go templates as Stage objects use them."""

from typing import Any

import pytest

from sampan.simulator.documents import mapping_of
from sampan.simulator.expression import Functions, TemplateError
from sampan.simulator.template import parse

POD: dict[str, Any] = {
    "metadata": {"name": "p", "annotations": {"x.io/n": "7"}},
    "spec": {"nodeName": "n1", "containers": [{"name": "a", "image": "i:1"}, {"name": "b", "image": "j"}]},
}
FUNCTIONS: Functions = {"Now": lambda: "2026-01-01T00:00:00Z", "NodeIPWith": lambda node: f"ip-of-{node}"}


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("{{ .metadata.name }}", "p"),
        ("{{ .metadata.none }}", "<no value>"),
        ("{{ .metadata.name | Quote }}", '"p"'),
        ("{{ NodeIPWith .spec.nodeName | Quote }}", '"ip-of-n1"'),
        ("{{ $x := Now }}{{ $x }}", "2026-01-01T00:00:00Z"),
        ("{{ if .spec.none }}yes{{ else }}no{{ end }}", "no"),
        ("{{ if .a }}1{{ else if .spec }}2{{ else }}3{{ end }}", "2"),
        ('{{ if eq .metadata.name "q" "p" }}yes{{ end }}', "yes"),
        ("{{ with .spec.nodeName }}{{ . }}{{ $.metadata.name }}{{ end }}", "n1p"),
        ("{{ range .spec.containers }}{{ .name }},{{ end }}", "a,b,"),
        ("{{ range $i, $c := .spec.containers }}{{ $i }}{{ $c.name }}{{ end }}", "0a1b"),
        ("{{ range .spec.none }}x{{ else }}none{{ end }}", "none"),
        ("{{ $n := 0 }}{{ range .spec.containers }}{{ $n = add1 $n }}{{ end }}{{ $n }}", "2"),
        ('{{ or ( index .metadata.annotations "x.io/n" ) 3 }}', "7"),
        ('{{ index (or .metadata.labels dict) "x" | default "d" }}', "d"),
        ("{{ ( index .spec.containers 0 ).name }}", "a"),
        ("{{ not .spec.hostNetwork }}", "true"),
        ('{{ printf "%s-%d" .metadata.name 3 }}', "p-3"),
        ("a  {{- /* nothing */ -}}  b", "ab"),
    ],
)
def test_what_a_template_makes(text: str, made: str) -> None:
    assert parse(text).render(POD, FUNCTIONS) == made


def test_a_status() -> None:
    text = """
    {{ $now := Now }}
    containerStatuses:
    {{ range .spec.containers }}
    - name: {{ .name | Quote }}
      state: {running: {startedAt: {{ $now }}}}
    {{ end }}
    annotations:
    {{ YAML .metadata.annotations 3 }}
    """
    made = mapping_of(parse(text).render(POD, FUNCTIONS))
    assert [entry["name"] for entry in made["containerStatuses"]] == ["a", "b"]
    assert made["containerStatuses"][0]["state"]["running"]["startedAt"] == "2026-01-01T00:00:00Z"
    assert made["annotations"] == {"x.io/n": "7"}


@pytest.mark.parametrize("text", ["- a", "{{ .metadata.name }}", "a: [", "{{ index .spec.containers 7 }}"])
def test_templates_that_make_no_status(text: str) -> None:
    with pytest.raises(TemplateError):
        mapping_of(parse(text).render(POD, FUNCTIONS))


@pytest.mark.parametrize(
    "text", ["{{ .a", "{{ end }}", "{{ if }}x{{ end }}", "{{ a | .b }}", "{{ (.a }}", "{{ $x := }}"]
)
def test_templates_that_are_not_understood(text: str) -> None:
    with pytest.raises(TemplateError):
        parse(text)
