"""What webhooks leave in the audit log: their own annotations, who changed what, and who failed. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sampan.api.meta import is_qualified_name
from sampan.api.quote import go_json
from sampan.apiserver.admission.review import Review
from sampan.apiserver.admission.webhook import Hook

MUTATION, VALIDATION = "mutation.webhook.admission.k8s.io/", "validating.webhook.admission.k8s.io/"
PATCH = "patch.webhook.admission.k8s.io/"
"""Told only where requests are told."""


def place(index: int, *, second: bool = False) -> str:
    """Whose turn it was: which round, and which of all webhooks."""
    return f"round_{int(second)}_index_{index}"


@dataclass(slots=True)
class Turn:
    """The turn of a mutating webhook."""

    where: str
    fresh: bool
    """Whether any patch counts as a change: upstream finds the times of new managedFields changed by the first one."""
    patched: bool = False
    """Whether there was a patch that could be applied."""


def is_fresh(review: Review) -> bool:
    """Whether the request has brought managedFields of its own to a built-in kind."""
    if review.resource.custom or review.obj is None:
        return False
    mine = (review.obj.get("metadata") or {}).get("managedFields")
    return bool(mine) and (review.old is None or mine != review.old["metadata"].get("managedFields"))


def annotate(review: Review, key: str, value: str) -> None:
    """The first to say something under a key has said it; keys have a prefix and a name."""
    if key.count("/") == 1 and not is_qualified_name(key):
        review.annotations.setdefault(key, value)


def said(review: Review, hook: Hook, annotations: Mapping[str, str]) -> None:
    """What a webhook has to say itself."""
    for key, value in annotations.items():
        annotate(review, f"{hook.name}/{key}", value)


def mutated(review: Review, hook: Hook, where: str, changed: bool) -> None:
    """A mutating webhook has had its turn, whatever came of it."""
    value = {"configuration": hook.configuration, "webhook": hook.name, "mutated": changed}
    annotate(review, MUTATION + where, go_json(value))


def patched(review: Review, hook: Hook, where: str, operations: Sequence[Mapping[str, Any]]) -> None:
    """The patch of a mutating webhook that could be applied."""
    patch = [dict(sorted(operation.items())) for operation in operations]
    value = {"configuration": hook.configuration, "webhook": hook.name, "patch": patch, "patchType": "JSONPatch"}
    annotate(review, PATCH + where, go_json(value))


def failed_open(review: Review, hook: Hook, where: str, *, mutating: bool) -> None:
    """A webhook that failed was passed over."""
    annotate(review, f"failed-open.{MUTATION if mutating else VALIDATION}{where}", hook.name)
