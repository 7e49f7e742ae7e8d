"""@kubernetes/client-node from npm: typed calls, an informer, server-side apply, exec; as a program of its own."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent / "node"


def test_an_informer_sees_everything(kubectl: Any, tmp_path: Path) -> None:
    node = shutil.which("node")
    modules = Path(__file__).parents[3] / ".test-tools" / "node" / "node_modules"
    assert node, "node is not on PATH: run the tests by `make test`"
    assert modules.is_dir(), "run the tests by `make test`, which installs the npm package"
    shutil.copy(HERE / "informer.mjs", tmp_path)
    (tmp_path / "node_modules").symlink_to(modules)
    done = subprocess.run(
        [node, str(tmp_path / "informer.mjs"), kubectl.namespace],
        env=kubectl.environment, capture_output=True, text=True, timeout=60, cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    saw = json.loads(done.stdout)
    assert saw["seen"] == ["add before 0", "add c 1", "update c 2", "delete c 2"]
    assert saw["managers"] == ["kubernetes-client-javascript Update", "node-test Apply"]
    assert saw["refused"] == {"code": 422, "field": "spec.containers"}
    assert (saw["words"], saw["status"]) == ("ahoy\n", "Success")
