"""The fixtures that Sampan gives to other projects' tests, as those use them: in a pytest of their own."""

import subprocess
import sys
from pathlib import Path

OURS = """
import urllib.request, ssl
import yaml
from sampan import Cluster
from sampan.api.names import ObjectRef
from sampan.resources.kinds import CONFIGMAPS, DEPLOYMENTS, NAMESPACES

def deployment(name):
    labels = {"app": name}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
    return {"metadata": {"name": name}, "spec": {"selector": {"matchLabels": labels}, "template": template}}

seen = []

def test_shared(cluster, kube_namespace):
    seen.append((cluster.server, kube_namespace))
    api = cluster.client()
    api.create(CONFIGMAPS, {"metadata": {"name": "a", "namespace": kube_namespace}, "data": {"k": "v"}})
    assert api.get(ObjectRef(CONFIGMAPS, kube_namespace, "a"))["data"] == {"k": "v"}

def test_same_cluster_other_namespace(cluster, kube_namespace):
    server, namespace = seen[0]
    assert server == cluster.server
    assert namespace != kube_namespace
    assert "a" not in [o["metadata"]["name"] for o in cluster.client().list(CONFIGMAPS, kube_namespace).items]

def test_fresh(fresh_cluster):
    assert fresh_cluster.server != seen[0][0]
    names = [o["metadata"]["name"] for o in fresh_cluster.client().list(NAMESPACES).items]
    assert names == ["default", "kube-node-lease", "kube-public", "kube-system"]

def test_kubeconfig(cluster):
    document = yaml.safe_load(cluster.kubeconfig.read_text())
    assert document["clusters"][0]["cluster"]["server"] == cluster.server

def test_own(pytestconfig):
    with Cluster(nodes=0) as own:
        assert own.client().call("GET", "/version")["major"] == "1"
"""


def test_in_a_project_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "test_mine.py").write_text(OURS)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--sampan-kubernetes-version", "1.36"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=50)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "5 passed" in done.stdout


def test_costs_nothing_until_asked(tmp_path: Path) -> None:
    (tmp_path / "test_none.py").write_text(
        "import sys\ndef test(): assert 'sampan.cluster.cluster' not in sys.modules\n"
    )
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=50)
    assert done.returncode == 0, done.stdout + done.stderr
