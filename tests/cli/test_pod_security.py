"""sampan pod-security check: which objects it judges, what it says, its exit codes; whatever stands in the files."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sampan.api.pod_security.carriers import BY_KIND
from sampan.cli.main import cli

Check = Callable[..., Result]
Obj = dict[str, Any]
GOOD = """
apiVersion: v1
kind: Pod
metadata: {name: good}
spec:
  securityContext: {runAsNonRoot: true, seccompProfile: {type: RuntimeDefault}}
  volumes: [{name: scratch}]
  containers:
  - {name: c, image: i, securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}}
"""
BAD_SPEC = "{hostPID: true, containers: [{name: c, image: i}]}"
BAD = f"apiVersion: v1\nkind: Pod\nmetadata: {{name: bad, namespace: ns}}\nspec: {BAD_SPEC}\n"


@pytest.fixture
def check(tmp_path: Path) -> Check:
    """Runs it on a file of this text; `{}` in the arguments stands for the file, which is the last one by itself."""

    def run(text: str | bytes, *arguments: str) -> Result:
        file = tmp_path / "pods.yaml"
        file.write_bytes(text.encode() if isinstance(text, str) else text)
        given = [*arguments, *([] if "-" in arguments else [str(file)])]
        return CliRunner().invoke(cli, ["pod-security", "check", *given], input=text)

    return run


def test_all_pass(check: Check) -> None:
    done = check(GOOD)
    assert (done.exit_code, done.stdout, done.stderr) == (
        0, "1 object with pods: none violates restricted:latest\n", "",
    )  # fmt: skip


def test_some_violate(check: Check, tmp_path: Path) -> None:
    done = check(f"{GOOD}---\n{BAD}", "--level", "baseline")
    assert done.exit_code == 1
    assert done.stdout == (
        f"{tmp_path}/pods.yaml:11: Pod ns/bad violates baseline:latest\n  host namespaces: hostPID=true\n"
        "2 objects with pods: 1 violates baseline:latest\n"
    )
    assert check(f"{GOOD}---\n{BAD}", "--level", "privileged").exit_code == 0


def test_standard_input_and_several_files(check: Check, tmp_path: Path) -> None:
    other = tmp_path / "other.json"
    other.write_text(json.dumps(yaml.safe_load(GOOD)))
    done = check(BAD, "--level", "baseline", str(other), "-")
    assert done.exit_code == 1
    assert done.stdout.splitlines()[0] == "-:1: Pod ns/bad violates baseline:latest"
    assert done.stdout.splitlines()[-1] == "2 objects with pods: 1 violates baseline:latest"


def test_versions(check: Check) -> None:
    text = "apiVersion: v1\nkind: Pod\nspec: {containers: [{name: c, livenessProbe: {httpGet: {host: h, port: 1}}}]}\n"
    assert check(text, "--level", "baseline", "--version", "v1.33").exit_code == 0
    assert check(text, "--level", "baseline", "--version", "v1.34").exit_code == 1
    assert check(text, "--level", "baseline", "--version", "v1.99").exit_code == 1


@pytest.mark.parametrize("version", ["v1.08", "1.24", "v2.0", ""])
def test_bad_versions_are_bad_usage(check: Check, version: str) -> None:
    done = check(GOOD, "--version", version)
    assert done.exit_code == 2
    assert 'must be "latest" or "v1.x"' in done.stderr


def test_no_file_is_bad_usage() -> None:
    assert CliRunner().invoke(cli, ["pod-security", "check"]).exit_code == 2


@pytest.mark.parametrize(("group", "kind"), BY_KIND)
def test_every_carrier_is_judged(check: Check, group: str, kind: str) -> None:
    path = BY_KIND[group, kind]
    pod: Obj = {"metadata": {"labels": {"a": "b"}}, "spec": {"hostPID": True, "containers": [{"name": "c"}]}}
    obj: Obj = pod
    for field in reversed(path):
        obj = {field: obj}
    whole = {**obj, "apiVersion": f"{group}/v1".lstrip("/"), "kind": kind, "metadata": {"name": "x"}}
    done = check(json.dumps(whole), "--level", "baseline")
    assert done.exit_code == 1, done.output
    assert f"{kind} x violates baseline:latest\n  host namespaces: hostPID=true" in done.stdout


def test_lists_are_unfolded_and_the_rest_is_left_alone(check: Check) -> None:
    texts = [
        f"{{apiVersion: v1, kind: List, items: [{{apiVersion: v1, kind: Pod, spec: {BAD_SPEC}}}]}}",
        f"{{apiVersion: v1, kind: PodList, items: [{{metadata: {{name: a}}, spec: {BAD_SPEC}}}]}}",
        "{apiVersion: v1, kind: ConfigMap}",
        "# nothing",
        "{apiVersion: batch.example.com/v1, kind: Job, spec: {template: 5}}",
        "{apiVersion: v1, kind: ReplicationController, spec: {replicas: 0}}",
    ]
    done = check("\n---\n".join(texts), "--level", "baseline")
    assert done.exit_code == 1
    assert done.stdout.splitlines()[-1] == "2 objects with pods, 3 without: 2 violate baseline:latest"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a: [", "pods.yaml: not YAML: line "),
        ("just text", "pods.yaml:1: not a Kubernetes object: it needs apiVersion and kind"),
        ("kind: Pod", "pods.yaml:1: not a Kubernetes object: it needs apiVersion and kind"),
        ("[1, 2]", "pods.yaml:1: not a Kubernetes object"),
        ("apiVersion: v1\nkind: Pod\nspec: {containers: 5}", "pods.yaml:1: Pod: json: cannot unmarshal number"),
        ("apiVersion: v1\nkind: Pod\nspec: {containers: [5]}", "pods.yaml:1: Pod: json: cannot unmarshal number"),
        ("apiVersion: v1\nkind: Pod\nspec: {hostPID: 'yes'}", "pods.yaml:1: Pod: json: cannot unmarshal string"),
        ("apiVersion: v1\nkind: Pod", "pods.yaml:1: Pod: its pod has no containers"),
        ("apiVersion: extensions/v1beta1\nkind: Deployment", "is not served any more; use apps/v1"),
        ("apiVersion: batch/v1beta1\nkind: CronJob", "is not served any more; use batch/v1"),
        ("apiVersion: v2\nkind: Pod", "is not served any more; use v1"),
        (b"\xff\xfe\x00", "pods.yaml: "),
        ("\x00", "pods.yaml: "),
        ("a: &a [*a]", "pods.yaml: not YAML: line 1: "),
        ("a: *b", "pods.yaml: not YAML: line 1: "),
    ],
)
def test_bad_input(check: Check, text: str | bytes, says: str) -> None:
    done = check(text)
    assert done.exit_code == 2
    assert done.stderr.startswith("Error: ")
    assert says in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_bad_input_does_not_hide_the_rest(check: Check) -> None:
    done = check(f"{BAD}---\nkind: Pod\n---\n{GOOD}", "--level", "baseline")
    assert done.exit_code == 2
    assert "2 objects with pods: 1 violates" in done.stdout


def test_files_that_are_not_there(tmp_path: Path) -> None:
    for place, says in ((tmp_path / "none", "No such file or directory"), (tmp_path, "Is a directory")):
        done = CliRunner().invoke(cli, ["pod-security", "check", str(place)])
        assert (done.exit_code, done.stderr) == (2, f"Error: {place}: {says}\n")


def test_hostile_names_are_not_obeyed_by_terminals(check: Check) -> None:
    obj = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "\x1b[31m\n"}, "spec": yaml.safe_load(BAD_SPEC)}
    assert "\x1b" not in check(json.dumps(obj)).output


def test_json(check: Check, tmp_path: Path) -> None:
    done = check(f"{GOOD}---\n{BAD}---\nkind: x\n", "--level", "baseline", "-o", "json")
    said = json.loads(done.stdout)
    file = f"{tmp_path}/pods.yaml"
    assert said == {
        "policy": "baseline:latest",
        "allowed": False,
        "results": [
            {"file": file, "line": 2, "kind": "Pod", "namespace": "", "name": "good", "allowed": True,
             "violations": []},
            {
                "file": file, "line": 11, "kind": "Pod", "namespace": "ns", "name": "bad", "allowed": False,
                "violations": [{"check": "hostNamespaces", "reason": "host namespaces", "detail": "hostPID=true"}],
            },
        ],
        "withoutPods": 0,
        "errors": [f"{file}:16: not a Kubernetes object: it needs apiVersion and kind"],
    }  # fmt: skip
    assert done.exit_code == 2


def test_sarif(check: Check, tmp_path: Path) -> None:
    done = check(f"{BAD}---\nkind: x\n", "-o", "sarif", "--level", "baseline")
    log = json.loads(done.stdout)
    (run,) = log["runs"]
    assert log["version"] == "2.1.0"
    rules = run["tool"]["driver"]["rules"]
    assert len(rules) == len({rule["id"] for rule in rules}) == 19
    (result,) = run["results"]
    assert rules[result["ruleIndex"]]["id"] == result["ruleId"] == "hostNamespaces"
    assert result["message"]["text"] == "Pod ns/bad violates baseline:latest: host namespaces (hostPID=true)"
    place = result["locations"][0]["physicalLocation"]
    assert place == {"artifactLocation": {"uri": f"{tmp_path}/pods.yaml"}, "region": {"startLine": 1}}
    (invocation,) = run["invocations"]
    assert invocation["executionSuccessful"] is False
    assert "it needs apiVersion and kind" in invocation["toolExecutionNotifications"][0]["message"]["text"]


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=5) | st.sampled_from(["Pod", "v1", "windows"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(
        ["spec", "containers", "securityContext", "capabilities", "add", "name", "volumes", "seccompProfile", "os",
         "annotations", "metadata", "ports", "livenessProbe", "httpGet", "template", "items", "kind", "apiVersion"]
    ), inner, max_size=4),
    max_leaves=20,
)  # fmt: skip


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(
    JUNK, st.sampled_from(["Pod", "List", "PodList", "Deployment"]), st.sampled_from(["v1", "apps/v1", "a/b/c", "/"])
)
def test_whatever_stands_in_a_file_it_ends_with_a_code(check: Check, junk: Any, kind: str, version: str) -> None:
    for value in (junk, {"metadata": junk, "spec": junk, "items": junk, "kind": kind, "apiVersion": version}):
        done = check(json.dumps(value))
        assert done.exit_code in (0, 1, 2), done.output
        assert done.exception is None or isinstance(done.exception, SystemExit)
