"""What is wrong with the selectors of workloads, and whether they select their own pods (apps, batch validation)."""

from collections.abc import Mapping

from sampan.api.json import Obj
from sampan.api.selectors import label_selector
from sampan.resources.strategies.checks import IMMUTABLE, Errors, Shown, invalid, marshalled, required, spec_of
from sampan.resources.validation.labels import check_label_selector, shown_selector

MISMATCH = "`selector` does not match template `labels`"
AT = "spec.selector"


def template_labels(spec: Obj) -> dict[str, str] | None:
    """The labels of a spec's template."""
    return ((spec.get("template") or {}).get("metadata") or {}).get("labels")


def selects(selector: Obj | None, labels: Mapping[str, str] | None) -> bool | None:
    """Whether a LabelSelector matches; a missing one does not. None: it cannot be read."""
    if selector is None:
        return False
    return None if check_label_selector(selector, "") else label_selector(selector).matches(labels or {})


def check_needed_selector(spec: Obj, kind: str) -> Errors:
    """There is a selector, it can be read, and it is not empty; `kind` stands in the error."""
    selector = spec.get("selector")
    if selector is None:
        return [required(AT)]
    return check_label_selector(selector, AT) + check_empty(selector, kind)


def check_empty(selector: Obj, kind: str) -> Errors:
    """A selector demands something."""
    if selector.get("matchLabels") or selector.get("matchExpressions"):
        return []
    return [invalid(AT, shown_selector(selector), f"empty selector is invalid for {kind}")]


def mismatch(spec: Obj, at: str = "spec") -> Errors:
    """The error of a template with labels that its workload does not select."""
    labels = template_labels(spec)
    shown = Shown(marshalled(None if labels is None else dict(sorted(labels.items()))))
    return [invalid(f"{at}.template.metadata.labels", shown, MISMATCH)]


def check_kept(new: Obj, old: Obj) -> Errors:
    """A workload's selector stays what it was."""
    selector = shown_selector(spec_of(new).get("selector"))
    return [] if selector == shown_selector(spec_of(old).get("selector")) else [invalid(AT, selector, IMMUTABLE)]
