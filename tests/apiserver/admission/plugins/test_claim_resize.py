"""PersistentVolumeClaimResize."""

from collections.abc import Callable
from typing import Any

import pytest

from sampan.api.errors import StatusError
from sampan.apiserver.admission.plugins.claim_resize import PersistentVolumeClaimResize
from sampan.apiserver.admission.review import Review

Reviews = Callable[..., Review]
Obj = dict[str, Any]
PLUGIN = PersistentVolumeClaimResize()
CLASSES = [
    {"metadata": {"name": "grows"}, "allowVolumeExpansion": True},
    {"metadata": {"name": "stays"}, "allowVolumeExpansion": False},
    {"metadata": {"name": "silent"}},
]


def claim(size: str, klass: str = "grows", phase: str = "Bound") -> Obj:
    spec = {"storageClassName": klass, "resources": {"requests": {"storage": size}}}
    return {"metadata": {"name": "c"}, "spec": spec, "status": {"phase": phase}}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (claim("1Gi"), claim("2Gi")),
        (claim("1Gi", "stays"), claim("1024Mi", "stays")),
        (claim("2Gi", "stays"), claim("1Gi", "stays")),
        (claim("1Gi", "stays", "Pending"), claim("1Gi", "stays", "Pending")),
    ],
)
def test_may(review: Reviews, stored: Any, old: Obj, new: Obj) -> None:
    stored(storageclasses=CLASSES).validate(PLUGIN, review("UPDATE", "persistentvolumeclaims", new, old))


UNBOUND = "Only bound persistent volume claims can be expanded"
UNFIT = (
    "only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize"
)


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        (claim("1Gi", phase="Pending"), claim("2Gi", phase="Pending"), UNBOUND),
        (claim("1Gi", "stays"), claim("2Gi", "stays"), UNFIT),
        (claim("1Gi", "silent"), claim("2Gi", "silent"), UNFIT),
        (claim("1Gi", ""), claim("2Gi", ""), UNFIT),
        (claim("1Gi", "gone"), claim("2Gi", "gone"), UNFIT),
        (claim("1Gi", "stays"), claim("2Gi", "grows"), UNFIT),
    ],
)  # fmt: skip
def test_may_not(review: Reviews, stored: Any, old: Obj, new: Obj, why: str) -> None:
    with pytest.raises(StatusError) as caught:
        stored(storageclasses=CLASSES).validate(PLUGIN, review("UPDATE", "persistentvolumeclaims", new, old))
    assert caught.value.message == f'persistentvolumeclaims "c" is forbidden: {why}'


def test_nothing_is_read_unless_a_claim_grows(review: Reviews) -> None:
    assert PLUGIN.needs(review("UPDATE", "persistentvolumeclaims", claim("1Gi"), claim("1Gi"))) == ()
