"""Stage objects from YAML: what is understood, and what errors say."""

import re
from pathlib import Path

import pytest

from sampan.simulator.documents import documents_of
from sampan.simulator.fields import StageError
from sampan.simulator.reading import read_stages
from sampan.simulator.stage import Containers, NodeChange

KWOK = """
apiVersion: kwok.x-k8s.io/v1alpha1
kind: Stage
metadata: {name: ready}
spec:
  resourceRef: {apiGroup: v1, kind: Pod}
  weight: 3
  weightFrom: {expressionFrom: '.metadata.annotations["w"]'}
  immediateNextStage: true
  selector:
    matchLabels: {app: web}
    matchAnnotations: {a: b}
    matchExpressions:
    - {key: .metadata.deletionTimestamp, operator: DoesNotExist}
    - jq: {key: .status.phase, operator: NotIn, values: [Running]}
  delay:
    durationMilliseconds: 1000
    durationFrom: {jq: {expression: '.metadata.annotations["d"]'}}
    jitterDurationMilliseconds: 5000
    jitterDurationFrom: {expressionFrom: .metadata.deletionTimestamp}
  next:
    event: {type: Warning, reason: R, message: 'of {{ .metadata.name }}'}
    finalizers: {add: [{value: a.io/f}], remove: [{value: b.io/f}], empty: false}
    delete: false
    statusTemplate: |
      phase: Running
"""
STEPS = """
apiVersion: kwok.x-k8s.io/v1alpha1
kind: Stage
metadata: {name: steps}
spec:
  resourceRef: {kind: Pod}
  selector: {}
  steps:
  - event: {reason: R}
  - patch: {root: status, subresource: status, type: strategic, template: 'phase: Running'}
"""


def test_all_of_kwoks_fields() -> None:
    (stage,) = read_stages(documents_of(KWOK))
    assert (stage.name, stage.kind, stage.weight) == ("ready", "Pod", 3)
    pod = {"metadata": {"labels": {"app": "web"}, "annotations": {"a": "b"}}, "status": {"phase": "Pending"}}
    assert stage.selector.matches(pod)
    assert not stage.selector.matches({**pod, "status": {"phase": "Running"}})
    assert not stage.selector.matches({**pod, "metadata": {"labels": {"app": "web"}}})
    assert (stage.delay.seconds, stage.jitter and stage.jitter.seconds) == (1.0, 5.0)
    assert stage.next.finalizers is not None
    assert stage.next.finalizers.add == ("a.io/f",)
    assert stage.next.event is not None
    assert stage.next.event.message.render({"metadata": {"name": "p"}}, {}) == "of p"


def test_steps_and_lists() -> None:
    entries = "".join(f"\n- {line}" if not n else f"\n  {line}" for n, line in enumerate(STEPS.strip().split("\n")))
    (stage,) = read_stages(documents_of(f"kind: List\nitems:{entries}"))
    assert stage.next.template is not None
    assert stage.next.event is not None


def test_the_stages_of_the_documentation() -> None:
    page = (Path(__file__).parents[2] / "docs" / "simulated-nodes.md").read_text()
    text = re.findall(r"^```yaml\n(.*?)^```$", page, re.M | re.S)[0]
    assert [stage.name for stage in read_stages(documents_of(text))] == ["starts", "crashes", "goes-silent"]


def ours(spec: str) -> str:
    return (
        "apiVersion: sampan.dev/v1alpha1\nkind: Stage\nmetadata: {name: s}\n"
        f"spec: {{resourceRef: {{kind: Pod}}, selector: {{}}, {spec}}}"
    )


def test_our_own_fields() -> None:
    (pod,) = read_stages(documents_of(ours("next: {pod: {containers: Failed, exitCode: 3, reason: Lost}}")))
    assert pod.next.pod == Containers("Failed", 3, "Lost")
    text = ours("next: {node: {ready: false, silent: true, message: m}}").replace("kind: Pod", "kind: Node")
    (node,) = read_stages(documents_of(text))
    assert node.next.node == NodeChange(False, "", "m", True)


TEMPLATE, DELAY = "s: spec.next.statusTemplate", "s: spec.delay"
LENGTH = "matchExpressions: [{key: '.a | length', operator: Exists}]"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("kind: Pod\napiVersion: v1", "document 1: expected a Stage of sampan.dev/v1alpha1"),
        ("3", "document 1: it: expected a mapping"),
        (ours("next: {}").replace("name: s", "x: s"), "document 1: metadata.name: must be given"),
        (ours("next: {}").replace("kind: Pod", "kind: Job"), "s: spec.resourceRef.kind: expected one of Pod, Node"),
        (ours("next: {}").replace("selector: {}, ", ""), "s: spec.selector: must be given"),
        (ours("weight: 1"), "s: spec.next: must be given"),
        (ours("next: {}, weight: x"), "s: spec.weight: expected a whole number"),
        (ours("next: {}, wait: 3"), "s: spec.wait: is not supported"),
        (ours("next: {delete: 1}"), "s: spec.next.delete: expected true or false"),
        (ours("next: {patches: []}"), "s: spec.next.patches: is not supported"),
        (ours("next: {pod: {containers: Sleeping}}"), "s: spec.next.pod.containers: expected one of Running"),
        (ours("next: {node: {silent: true}}"), "s: spec.next.node: is for stages of Nodes"),
        (ours("next: {event: {type: Odd, reason: r}}"), "s: spec.next.event.type: expected Normal or Warning"),
        (ours("next: {finalizers: {add: [{name: x}]}}"), "s: spec.next.finalizers.add[0].value: must be given"),
        (ours("next: {statusTemplate: '{{ Foo }}'}"), f"{TEMPLATE}: function 'Foo' is not supported"),
        (ours("next: {statusTemplate: '{{ define \"x\" }}'}"), f"{TEMPLATE}: 'define' is not supported"),
        (ours("next: {statusTemplate: '{{ if .a }}'}"), f"{TEMPLATE}: an end is missing"),
        (ours("next: {}, delay: {durationMilliseconds: -1}"), f"{DELAY}.durationMilliseconds: must not be negative"),
        (ours("next: {}, delay: {durationFrom: {expressionFrom: now}}"), f"{DELAY}.durationFrom.expressionFrom: 'now'"),
        (
            ours("next: {}").replace("selector: {}", "selector: {matchExpressions: [{key: .a, operator: In}]}"),
            "s: spec.selector.matchExpressions[0].values: must not be empty for In",
        ),
        (
            ours("next: {}").replace("selector: {}", f"selector: {{{LENGTH}}}"),
            "s: spec.selector.matchExpressions[0].key: '.a | length': 'length' is not understood",
        ),
        (
            ours("next: {}").replace("selector: {}", "selector: {matchExpressions: [{cel: {expression: x}}]}"),
            "s: spec.selector.matchExpressions[0]: CEL expressions are not supported",
        ),
        (STEPS.replace("- event: {reason: R}", "- delete: true"), "steps: spec.steps[1]: supported are event"),
        (ours("next: {}") + "\n---\n" + ours("next: {}"), "s: metadata.name: there is a stage of that name already"),
    ],
)  # fmt: skip
def test_errors_name_the_field(text: str, said: str) -> None:
    with pytest.raises(StageError) as error:
        read_stages(documents_of(text))
    assert str(error.value).startswith(said)
