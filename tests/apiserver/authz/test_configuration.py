"""AuthorizationConfigurations: what is wrong with them, in a real API server's words, and what they become."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from sampan.apiserver.authz.configuration import load
from sampan.apiserver.config_shape import ConfigFileError

CASES = yaml.safe_load(Path(__file__).with_name("configurations.yaml").read_text())


@pytest.mark.parametrize("case", CASES, ids=[case["case"] for case in CASES])
def test_what_is_said(case: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "kubeconfig").touch()
    text = case["text"] if "text" in case else yaml.safe_dump(case["document"])
    try:
        text = text.replace("KUBECONFIG", str(tmp_path / "kubeconfig")).replace("DIRECTORY", str(tmp_path))
        load(text.encode())
        said = ""
    except ConfigFileError as error:
        said = str(error)
    assert said.replace(str(tmp_path), "DIRECTORY") == case["says"]


def test_what_it_becomes(tmp_path: Path) -> None:
    webhook = {
        "timeout": "1.5s",
        "unauthorizedTTL": "2m",
        "cacheAuthorizedRequests": False,
        "subjectAccessReviewVersion": "v1",
        "matchConditionSubjectAccessReviewVersion": "v1",
        "failurePolicy": "Deny",
        "connectionInfo": {"type": "KubeConfigFile", "kubeConfigFile": str(tmp_path / "k")},
        "matchConditions": [{"expression": "request.user != 'x'"}],
    }
    (tmp_path / "k").touch()
    chain = [{"type": "Webhook", "name": "hook", "webhook": webhook}, {"type": "RBAC", "name": "rbac"}]
    kind = {"apiVersion": "apiserver.config.k8s.io/v1", "kind": "AuthorizationConfiguration"}
    text = yaml.safe_dump({**kind, "authorizers": chain}).encode()
    hook, rbac = load(text)
    assert (rbac.type, rbac.name, rbac.webhook) == ("RBAC", "rbac", None)
    made = hook.webhook
    assert made is not None
    assert (made.timeout, made.authorized_ttl, made.unauthorized_ttl, made.deny_on_error) == (1.5, 0.0, 120.0, True)
    assert [one.source for one in made.conditions] == ["request.user != 'x'"]
    assert made.kubeconfig == tmp_path / "k"
    with pytest.raises(ConfigFileError, match=r"^missing required types: \[AlwaysDeny Node\]$"):
        load(text, {"Node", "RBAC", "AlwaysDeny"})


def test_too_many_conditions() -> None:
    hook = {"matchConditions": [{"expression": f"request.user == '{n}'"} for n in range(65)]}
    kind = {"apiVersion": "apiserver.config.k8s.io/v1", "kind": "AuthorizationConfiguration"}
    chain = [{"type": "Webhook", "name": "hook", "webhook": hook}]
    with pytest.raises(ConfigFileError, match=r"matchConditions: Too many: 65: must have at most 64 items\]$"):
        load(yaml.safe_dump({**kind, "authorizers": chain}).encode())
