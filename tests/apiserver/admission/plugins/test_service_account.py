"""ServiceAccount."""

from collections.abc import Callable
from typing import Any

import pytest

from sampan.api.errors import StatusError
from sampan.apiserver.admission.plugins.service_account import MOUNT, ServiceAccount
from sampan.apiserver.admission.review import Review

Reviews = Callable[..., Review]
Obj = dict[str, Any]
PLUGIN = ServiceAccount()


def account(name: str = "default", **fields: Any) -> Obj:
    return {"metadata": {"name": name, "namespace": "ns"}, **fields}


def pod(annotations: Obj | None = None, **spec: Any) -> Obj:
    return {
        "metadata": {"name": "p", "annotations": annotations or {}},
        "spec": {"containers": [{"name": "c"}], **spec},
    }


def mounts(made: Obj, key: str = "containers") -> list[list[str]]:
    return [[m["mountPath"] for m in c.get("volumeMounts") or []] for c in made["spec"].get(key) or []]


def test_a_pod_gets_the_default_account_and_its_token(review: Reviews, stored: Any) -> None:
    made = stored(serviceaccounts=[account()]).mutate(
        PLUGIN, review("CREATE", "pods", pod(initContainers=[{"name": "i"}]))
    )
    assert (made["spec"]["serviceAccountName"], made["spec"]["serviceAccount"]) == ("default", "default")
    assert mounts(made) == mounts(made, "initContainers") == [[MOUNT]]
    (volume,) = made["spec"]["volumes"]
    assert volume["name"] == made["spec"]["containers"][0]["volumeMounts"][0]["name"] == "kube-api-access-abcde"
    sources = volume["projected"]["sources"]
    assert [next(iter(source)) for source in sources] == ["serviceAccountToken", "configMap", "downwardAPI"]
    assert sources[0]["serviceAccountToken"] == {"expirationSeconds": 3607, "path": "token"}


@pytest.mark.parametrize(
    ("of_account", "of_pod", "mounted"),
    [
        ({}, {}, True),
        (False, {}, False),
        (True, {}, True),
        (False, True, True),
        (True, False, False),
        ({}, False, False),
    ],
)
def test_who_wants_no_token_gets_none(
    review: Reviews, stored: Any, of_account: Any, of_pod: Any, mounted: bool
) -> None:
    def wish(value: Any) -> Obj:
        return {} if value == {} else {"automountServiceAccountToken": value}

    made = stored(serviceaccounts=[account(**wish(of_account))]).mutate(
        PLUGIN, review("CREATE", "pods", pod(**wish(of_pod)))
    )
    assert mounts(made) == [[MOUNT] if mounted else []]
    assert ("volumes" in made["spec"]) is mounted


def test_a_container_that_mounts_something_there_keeps_it(review: Reviews, stored: Any) -> None:
    own = {"name": "own", "volumeMounts": [{"name": "v", "mountPath": MOUNT}]}
    made = stored(serviceaccounts=[account()]).mutate(
        PLUGIN, review("CREATE", "pods", pod(containers=[own, {"name": "c"}]))
    )
    assert made["spec"]["containers"][0] == own
    assert mounts(made) == [[MOUNT], [MOUNT]]


def test_pull_secrets_come_from_the_account_unless_the_pod_names_some(review: Reviews, stored: Any) -> None:
    world = stored(serviceaccounts=[account(imagePullSecrets=[{"name": "a"}])])
    assert world.mutate(PLUGIN, review("CREATE", "pods", pod()))["spec"]["imagePullSecrets"] == [{"name": "a"}]
    own = pod(imagePullSecrets=[{"name": "b"}])
    assert world.mutate(PLUGIN, review("CREATE", "pods", own))["spec"]["imagePullSecrets"] == [{"name": "b"}]


def test_an_account_must_exist(review: Reviews, stored: Any) -> None:
    with pytest.raises(StatusError) as caught:
        stored(serviceaccounts=[account()]).mutate(PLUGIN, review("CREATE", "pods", pod(serviceAccountName="x")))
    why = 'error looking up service account ns/x: serviceaccount "x" not found'
    assert caught.value.message == f'pods "p" is forbidden: {why}'


def test_only_the_default_account_is_waited_for(review: Reviews) -> None:
    (need,) = PLUGIN.needs(review("CREATE", "pods", pod()))
    assert need.patience > 0
    (need,) = PLUGIN.needs(review("CREATE", "pods", pod(serviceAccountName="x")))
    assert need.patience == 0


MIRROR = {"kubernetes.io/config.mirror": "x"}


def test_a_mirror_pod_is_left_as_it_is(review: Reviews, stored: Any) -> None:
    made = pod(MIRROR, nodeName="n")
    assert stored().mutate(PLUGIN, review("CREATE", "pods", made)) == made
    stored().validate(PLUGIN, review("CREATE", "pods", made))


@pytest.mark.parametrize(
    ("spec", "why"),
    [
        ({"serviceAccountName": "a"}, "a mirror pod may not reference service accounts"),
        ({"imagePullSecrets": [{"name": "a"}]}, "a mirror pod may not reference secrets"),
        (
            {"volumes": [{"name": "v", "projected": {"sources": [{"serviceAccountToken": {"path": "t"}}]}}]},
            "a mirror pod may not use ServiceAccountToken volume projections",
        ),
    ],
)
def test_a_mirror_pod_names_no_secrets(review: Reviews, stored: Any, spec: Obj, why: str) -> None:
    with pytest.raises(StatusError) as caught:
        stored().mutate(PLUGIN, review("CREATE", "pods", pod(MIRROR, **spec)))
    assert caught.value.message == f'pods "p" is forbidden: {why}'
