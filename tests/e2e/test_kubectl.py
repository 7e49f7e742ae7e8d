"""What people do with kubectl, by the real one."""

import json
import re
import signal
from pathlib import Path
from typing import Any

import pytest
import yaml

pytestmark = [pytest.mark.kubectl, pytest.mark.xdist_group("e2e")]

WEB = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {app: web}}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - name: web
        image: nginx:1.25
        ports: [{containerPort: 80}]
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  selector: {app: web}
  ports: [{port: 80, targetPort: 80}]
"""
KINDS = (
    "all,configmaps,secrets,serviceaccounts,persistentvolumeclaims,ingresses,networkpolicies,roles,rolebindings,events,"
    "endpoints,endpointslices,horizontalpodautoscalers,poddisruptionbudgets,resourcequotas,limitranges,leases"
)
WIDE_KINDS = "nodes,namespaces,persistentvolumes,storageclasses,clusterroles,clusterrolebindings,priorityclasses,crds"


@pytest.fixture
def web(kubectl: Any) -> Any:
    """The Deployment and Service above, running."""
    kubectl("apply", "-f", "-", given=WEB)
    kubectl("rollout", "status", "deployment/web", "--timeout=20s")
    return kubectl


def test_apply_creates_configures_and_leaves_alone(kubectl: Any) -> None:
    assert kubectl("apply", "-f", "-", given=WEB).splitlines() == ["deployment.apps/web created", "service/web created"]
    assert "deployment.apps/web unchanged" in kubectl("apply", "-f", "-", given=WEB)
    changed = WEB.replace("replicas: 2", "replicas: 3")
    assert "deployment.apps/web configured" in kubectl("apply", "-f", "-", given=changed)
    kubectl("wait", "--for=jsonpath={.status.readyReplicas}=3", "deployment/web", "--timeout=20s")


def test_apply_prunes_what_the_manifest_drops(kubectl: Any) -> None:
    full = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"a": "1", "b": "2"}}
    kubectl("apply", "-f", "-", given=yaml.safe_dump(full))
    kubectl("patch", "configmap", "c", "--type=merge", "-p", '{"data": {"own": "3"}}')
    kubectl("apply", "-f", "-", given=yaml.safe_dump({**full, "data": {"a": "1"}}))
    assert json.loads(kubectl("get", "configmap", "c", "-o", "json"))["data"] == {"a": "1", "own": "3"}


def test_server_side_apply_and_its_conflicts(kubectl: Any) -> None:
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"a": "1"}}
    assert "serverside-applied" in kubectl("apply", "--server-side", "-f", "-", given=yaml.safe_dump(config))
    other = yaml.safe_dump({**config, "data": {"a": "2"}})
    refused = kubectl.try_("apply", "--server-side", "--field-manager=other", "-f", "-", given=other)
    assert refused.returncode == 1
    assert 'conflict with "kubectl": .data.a' in refused.stderr
    kubectl("apply", "--server-side", "--field-manager=other", "--force-conflicts", "-f", "-", given=other)
    assert kubectl("get", "configmap", "c", "-o", "jsonpath={.data.a}") == "2"


def test_get_in_every_form(web: Any) -> None:
    header, *rows = web("get", "deployments").splitlines()
    assert header.split() == ["NAME", "READY", "UP-TO-DATE", "AVAILABLE", "AGE"]
    assert rows[0].split()[:4] == ["web", "2/2", "2", "2"]
    wide = web("get", "pods", "-o", "wide").splitlines()
    assert wide[0].split()[:7] == ["NAME", "READY", "STATUS", "RESTARTS", "AGE", "IP", "NODE"]
    assert all(row.split()[2] == "Running" for row in wide[1:])
    assert yaml.safe_load(web("get", "deployment", "web", "-o", "yaml"))["spec"]["replicas"] == 2
    assert json.loads(web("get", "pods", "-o", "json"))["kind"] == "List"
    assert web("get", "pods", "-o", "jsonpath={.items[*].status.phase}") == "Running Running"
    assert web("get", "svc", "web", "-o", "name") == "service/web\n"
    columns = web("get", "deploy", "-o", "custom-columns=N:.metadata.name,R:.spec.replicas")
    assert columns.split() == ["N", "R", "web", "2"]
    assert web("get", "pods", "-l", "app=none", "--ignore-not-found") == ""
    assert "pod/web-" in web("get", "pods", "--field-selector=status.phase=Running", "-o", "name")


@pytest.mark.parametrize("kinds", KINDS.split(","))
def test_get_all_common_kinds(web: Any, kinds: str) -> None:
    for output in ([], ["-o", "wide"], ["-o", "yaml"], ["-A"]):
        web("get", kinds, *output)


@pytest.mark.parametrize("kinds", WIDE_KINDS.split(","))
def test_get_cluster_kinds(kubectl: Any, kinds: str) -> None:
    for output in ([], ["-o", "wide"], ["-o", "json"]):
        kubectl("get", kinds, *output)


def test_get_watch(web: Any) -> None:
    web("wait", "--for=create", "configmap/kube-root-ca.crt", "--timeout=10s")
    watching = web.start("get", "configmaps", "-w", "-o", "name")
    try:
        assert watching.stdout.readline() == "configmap/kube-root-ca.crt\n"  # the list; what follows is the watch
        web("create", "configmap", "seen", "--from-literal=a=b")
        assert watching.stdout.readline() == "configmap/seen\n"
        web("label", "configmap", "seen", "x=y")
        assert watching.stdout.readline() == "configmap/seen\n"
    finally:
        watching.send_signal(signal.SIGINT)
        watching.wait(10)
        watching.stdout.close()


def test_describe(web: Any) -> None:
    text = web("describe", "deployment", "web")
    assert re.search(r"Replicas:\s+2 desired \| 2 updated \| 2 total \| 2 available \| 0 unavailable", text)
    assert "ScalingReplicaSet" in text
    pod = web("describe", web("get", "pods", "-o", "name").split()[0])
    assert "Successfully assigned" in pod
    assert "Container started" in pod
    assert "Endpoints:" in web("describe", "service", "web")
    assert "Ready" in web("describe", "nodes")


def test_three_kinds_of_patch(web: Any) -> None:
    strategic = (
        '{"spec": {"template": {"spec": {"containers": [{"name": "web", "env": [{"name": "A", "value": "1"}]}]}}}}'
    )
    web("patch", "deployment", "web", "-p", strategic)
    container = json.loads(web("get", "deployment", "web", "-o", "json"))["spec"]["template"]["spec"]["containers"][0]
    assert container["image"] == "nginx:1.25"
    assert container["env"] == [{"name": "A", "value": "1"}]
    web("patch", "deployment", "web", "--type=merge", "-p", '{"metadata": {"labels": {"x": "y"}}}')
    web("patch", "deployment", "web", "--type=json", "-p", '[{"op": "remove", "path": "/metadata/labels/x"}]')
    assert "x" not in json.loads(web("get", "deployment", "web", "-o", "json"))["metadata"]["labels"]


def test_edit(web: Any, tmp_path: Path) -> None:
    editor = tmp_path / "editor"
    editor.write_text("#!/bin/sh\nsed -i 's/replicas: 2/replicas: 1/' \"$1\"\n")
    editor.chmod(0o755)
    import subprocess

    environment = {**web.environment, "KUBE_EDITOR": str(editor)}
    done = subprocess.run(
        web.arguments("edit", "deployment", "web"), env=environment, capture_output=True, text=True, timeout=20
    )
    assert "deployment.apps/web edited" in done.stdout, done.stderr
    assert web("get", "deployment", "web", "-o", "jsonpath={.spec.replicas}") == "1"


def test_scale_and_autoscale(web: Any) -> None:
    web("scale", "deployment/web", "--replicas=4")
    web("rollout", "status", "deployment/web", "--timeout=20s")
    assert len(web("get", "pods", "-l", "app=web", "-o", "name").split()) == 4
    assert "autoscaled" in web("autoscale", "deployment", "web", "--min=1", "--max=5", "--cpu=50%")


def test_rollout_status_history_undo(web: Any) -> None:
    web("set", "image", "deployment/web", "web=nginx:1.26")
    assert "successfully rolled out" in web("rollout", "status", "deployment/web", "--timeout=20s")
    history = web("rollout", "history", "deployment/web")
    assert re.findall(r"^(\d+)", history, re.M) == ["1", "2"]
    web("rollout", "undo", "deployment/web")
    web("rollout", "status", "deployment/web", "--timeout=20s")
    path = "jsonpath={.spec.template.spec.containers[0].image}"
    assert web("get", "deployment", "web", "-o", path) == "nginx:1.25"
    web("rollout", "restart", "deployment/web")
    web("rollout", "status", "deployment/web", "--timeout=20s")


def test_delete_waits_until_it_is_gone(web: Any) -> None:
    assert "deleted" in web("delete", "-f", "-", given=WEB)
    web("wait", "--for=delete", "pod", "-l", "app=web", "--timeout=30s")
    assert web("get", "deploy,rs,pods", "-o", "name") == ""


def test_logs(kubectl: Any) -> None:
    kubectl("run", "talker", "--image=busybox", "--restart=Never", "--", "sh", "-c", "echo one; echo two; sleep 1")
    kubectl("wait", "--for=condition=Ready", "pod/talker", "--timeout=20s")
    assert kubectl("logs", "-f", "talker") == "one\ntwo\n"
    assert kubectl("logs", "talker", "--tail=1") == "two\n"
    stamped = kubectl("logs", "talker", "--timestamps").splitlines()[0]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+Z one", stamped)
    missing = kubectl.try_("logs", "talker", "-c", "nobody")
    assert "container nobody is not valid for pod talker" in missing.stderr


def test_create_token(kubectl: Any, up: Any) -> None:
    token = kubectl("create", "token", "default", "--duration=10m").strip()
    assert token.count(".") == 2
    server = re.search(r"https://\S+", up.ready)
    assert server is not None
    anyone = ("--kubeconfig=/dev/null", f"--server={server[0]}", "--insecure-skip-tls-verify", f"--token={token}")
    who = kubectl.try_(*anyone, "auth", "whoami", "-o", "jsonpath={.status.userInfo.username}")
    assert who.stdout == f"system:serviceaccount:{kubectl.namespace}:default", who.stderr


def test_api_resources_versions_and_explain(kubectl: Any) -> None:
    listed = kubectl("api-resources", "-o", "name").split()
    assert {"pods", "deployments.apps", "storageclasses.storage.k8s.io"} <= set(listed)
    assert {"v1", "apps/v1", "batch/v1"} <= set(kubectl("api-versions").split())
    text = kubectl("explain", "pod.spec")
    assert "containers\t<[]Container> -required-" in text
    assert "FIELDS:" in kubectl("explain", "deployment", "--recursive")


def test_wait_for_a_condition(kubectl: Any) -> None:
    kubectl("apply", "-f", "-", given=WEB)
    assert "condition met" in kubectl("wait", "--for=condition=Available", "deployment/web", "--timeout=20s")
    late = kubectl.try_("wait", "--for=condition=Never", "deployment/web", "--timeout=1s")
    assert late.returncode == 1


def test_diff(web: Any) -> None:
    assert web.try_("diff", "-f", "-", given=WEB).returncode == 0
    changed = web.try_("diff", "-f", "-", given=WEB.replace("nginx:1.25", "nginx:1.27"))
    assert changed.returncode == 1, changed.stderr
    assert re.search(r"^\+.*nginx:1.27", changed.stdout, re.M)


def test_label_annotate_taint_cordon(web: Any) -> None:
    web("label", "deployment", "web", "tier=front")
    web("annotate", "deployment", "web", "note=hello")
    assert web("get", "deployment", "-l", "tier=front", "-o", "name") == "deployment.apps/web\n"
    web("cordon", "node-1")
    assert "SchedulingDisabled" in web("get", "node", "node-1")
    web("uncordon", "node-1")
    web("taint", "node", "node-1", "k=v:PreferNoSchedule")
    web("taint", "node", "node-1", "k-")


def test_auth_and_cluster_info(kubectl: Any) -> None:
    assert kubectl("auth", "can-i", "create", "deployments").strip() == "yes"
    no = kubectl.try_("auth", "can-i", "create", "deployments", "--as=nobody")
    assert no.stdout.strip() == "no"
    assert "is running at" in kubectl("cluster-info")
    assert "Server Version: v1.37" in kubectl("version")
    assert kubectl("get", "--raw", "/readyz") == "ok"


def test_create_of_many_kinds(kubectl: Any) -> None:
    kubectl("create", "deployment", "d", "--image=nginx", "--replicas=1")
    kubectl("expose", "deployment", "d", "--port=80")
    kubectl("create", "secret", "generic", "s", "--from-literal=a=b")
    kubectl("create", "serviceaccount", "sa")
    kubectl("create", "role", "r", "--verb=get", "--resource=pods")
    kubectl("create", "rolebinding", "rb", "--role=r", f"--serviceaccount={kubectl.namespace}:sa")
    kubectl("create", "quota", "q", "--hard=pods=10")
    kubectl("create", "poddisruptionbudget", "p", "--selector=app=d", "--min-available=1")
    kubectl("create", "ingress", "i", "--rule=host.example/=d:80")
    kubectl("rollout", "status", "deployment/d", "--timeout=20s")
    allowed = kubectl("auth", "can-i", "get", "pods", f"--as=system:serviceaccount:{kubectl.namespace}:sa")
    assert allowed.strip() == "yes"
    kubectl("wait", "--for=jsonpath={.subsets[0].addresses[0].ip}", "endpoints/d", "--timeout=20s")


def test_api_resources_wide_and_of_a_group(kubectl: Any) -> None:
    header, *rows = kubectl("api-resources", "--api-group=apps", "-o", "wide").splitlines()
    assert header.split() == ["NAME", "SHORTNAMES", "APIVERSION", "NAMESPACED", "KIND", "VERBS", "CATEGORIES"]
    deployments = next(row.split() for row in rows if row.startswith("deployments"))
    assert deployments[1:5] == ["deploy", "apps/v1", "true", "Deployment"]
    assert set(deployments[5].split(",")) == {
        "create", "delete", "deletecollection", "get", "list", "patch", "update", "watch",
    }  # fmt: skip


def test_explain_every_field_of_a_pod(kubectl: Any) -> None:
    text = kubectl("explain", "pod.spec", "--recursive")
    for field in ("containers\t<[]Container> -required-", "livenessProbe\t<Probe>", "whenUnsatisfiable\t<string>"):
        assert field in text
    one = kubectl("explain", "deployment.spec.strategy.rollingUpdate.maxSurge")
    assert one.startswith("GROUP:      apps\nKIND:       Deployment\nVERSION:    v1\n\nFIELD: maxSurge <IntOrString>")


def test_events(web: Any) -> None:
    text = web("events", "--for=deployment/web")
    assert "ScalingReplicaSet" in text
    assert "Scaled up replica set" in text
    assert "Scheduled" in web("events", "--types=Normal")
    assert "pod/web-" in web("get", "events", "--sort-by=.lastTimestamp", "-o", "wide")


def test_drain_evicts(web: Any) -> None:
    try:
        drained = web("drain", "node-1", "--ignore-daemonsets", "--pod-selector=app=web", "--timeout=30s")
        assert drained.startswith("node/node-1 cordoned\n")
        assert len(re.findall("^pod/web-.* evicted$", drained, re.M)) == 2, drained
        assert drained.endswith("node/node-1 drained\n")
    finally:
        web("uncordon", "node-1")


def test_dry_runs_change_nothing(kubectl: Any) -> None:
    assert "(server dry run)" in kubectl("apply", "--dry-run=server", "-f", "-", given=WEB)
    assert "(dry run)" in kubectl("apply", "--dry-run=client", "-f", "-", given=WEB)
    assert kubectl("get", "deployments", "-o", "name") == ""


def test_replace_and_create_from_a_directory(kubectl: Any, tmp_path: Path) -> None:
    deployment, service = WEB.split("---\n")
    (tmp_path / "deployment.yaml").write_text(deployment)
    (tmp_path / "service.yaml").write_text(service)
    assert kubectl("create", "-f", str(tmp_path)).splitlines() == ["deployment.apps/web created", "service/web created"]
    (tmp_path / "deployment.yaml").write_text(deployment.replace("replicas: 2", "replicas: 1"))
    assert "replaced" in kubectl("replace", "-f", str(tmp_path / "deployment.yaml"))
    assert kubectl("get", "deployment", "web", "-o", "jsonpath={.spec.replicas}") == "1"
    kubectl("apply", "-k", str(kustomization(tmp_path)))
    assert kubectl("get", "deployment", "web", "-o", "jsonpath={.metadata.labels.by}") == "kustomize"


def kustomization(folder: Path) -> Path:
    """A kustomization over the two manifests of a folder."""
    labels = [{"pairs": {"by": "kustomize"}}]
    made = {"resources": ["deployment.yaml", "service.yaml"], "labels": labels}
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(made))
    return folder


def test_custom_resources(kubectl: Any) -> None:
    group = f"{kubectl.namespace}.example.com"
    schema = {"type": "object", "properties": {"spec": {"type": "object", "properties": {"size": {"type": "integer"}}}}}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    names = {"plural": "boats", "singular": "boat", "kind": "Boat"}
    spec = {"group": group, "scope": "Namespaced", "names": names, "versions": [version]}
    crd = {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "spec": spec}
    kubectl("create", "-f", "-", given=yaml.safe_dump({**crd, "metadata": {"name": f"boats.{group}"}}))
    kubectl("wait", "--for=condition=Established", f"crd/boats.{group}", "--timeout=10s")
    boat = {"apiVersion": f"{group}/v1", "kind": "Boat", "metadata": {"name": "b"}, "spec": {"size": 3}}
    kubectl("apply", "-f", "-", given=yaml.safe_dump(boat))
    assert kubectl("get", f"boats.{group}", "b", "-o", "jsonpath={.spec.size}") == "3"
    wrong = kubectl.try_("apply", "-f", "-", given=yaml.safe_dump({**boat, "spec": {"size": "big"}}))
    assert wrong.returncode == 1
    assert "spec.size" in wrong.stderr
    assert "size\t<integer>" in kubectl("explain", f"boats.{group}.spec")
    kubectl("delete", "crd", f"boats.{group}")


def test_jsonpath_waits_and_field_selectors(web: Any) -> None:
    pod = web("get", "pods", "-o", "name").split()[0]
    web("wait", "--for=jsonpath={.status.phase}=Running", pod, "--timeout=10s")
    assert web("get", "pods", "--field-selector=spec.nodeName=node-1", "-o", "name").count("pod/") == 2
    assert web("get", "pods", "--field-selector=spec.nodeName!=node-1", "-o", "name") == ""
    assert web("get", "pods", "-l", "app in (web),!gone", "-o", "name").count("pod/") == 2


@pytest.mark.parametrize(
    ("manifest", "words"),
    [
        ("{", "error parsing STDIN"),
        ("apiVersion: v1\nkind: Nothing\nmetadata: {name: x}", 'no matches for kind "Nothing"'),
        ("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: Not_Valid}", 'Invalid value: "Not_Valid"'),
        ("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\nbogus: 1", 'unknown field "bogus"'),
        ("apiVersion: v1\nkind: Pod\nmetadata: {name: x}\nspec: {containers: []}", "spec.containers: Required value"),
        ("apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: x}\nspec: {replicas: two}", "spec.replicas"),
    ],
)
def test_bad_manifests_are_refused_in_words(kubectl: Any, manifest: str, words: str) -> None:
    done = kubectl.try_("create", "-f", "-", given=manifest)
    assert done.returncode == 1
    assert words in done.stderr


def test_a_node_agent_through_the_proxy(kubectl: Any) -> None:
    assert kubectl("get", "--raw", "/api/v1/nodes/node-1/proxy/healthz") == "ok"
    pods = json.loads(kubectl("get", "--raw", "/api/v1/nodes/node-1/proxy/pods"))
    assert pods["kind"] == "PodList"
    refused = kubectl.try_("get", "--raw", "/api/v1/nodes/node-1:22/proxy/")
    assert "address not allowed" in refused.stderr
