"""What is wrong with a RuntimeClass (node validation: ValidateRuntimeClass)."""

from sampan.api.json import Obj
from sampan.api.meta import is_dns1123_label
from sampan.resources.strategies.checks import Errors, duplicate, immutable, invalid, required
from sampan.resources.validation.go_struct import Table, shown_struct
from sampan.resources.validation.labels import check_labels
from sampan.resources.validation.node_labels import DEPRECATED
from sampan.resources.validation.pods.options import TEMPLATE, Seen
from sampan.resources.validation.pods.resources import check_overhead
from sampan.resources.validation.pods.tolerations import check_tolerations

NO_POD = Seen({}, frozenset(), "", True, None, TEMPLATE)
TOLERATION: Table = (
    ("Key", "key", ""), ("Operator", "operator", ""), ("Value", "value", ""), ("Effect", "effect", ""),
    ("TolerationSeconds", "tolerationSeconds", None),
)  # fmt: skip


def check_runtime_class(obj: Obj) -> Errors:
    """Handler, overhead and scheduling."""
    handler, overhead, scheduling = obj.get("handler") or "", obj.get("overhead"), obj.get("scheduling")
    errors: Errors = [] if handler else [required("handler")]
    errors += [invalid("handler", handler, text) for text in (is_dns1123_label(handler) if handler else ())]
    if overhead is not None:
        errors += check_overhead(overhead.get("podFixed") or {}, "overhead", NO_POD)
    return errors if scheduling is None else errors + _scheduling(scheduling, "scheduling")


def _scheduling(scheduling: Obj, at: str) -> Errors:
    errors = check_labels(scheduling.get("nodeSelector") or {}, f"{at}.nodeSelector")
    tolerations = scheduling.get("tolerations") or ()
    errors += check_tolerations(tolerations, f"{at}.tolerations", TEMPLATE)
    seen: set[tuple[str, ...]] = set()
    for index, one in enumerate(tolerations):
        key = tuple(one.get(name) or "" for name in ("key", "operator", "value", "effect"))
        if key in seen:
            errors.append(duplicate(f"{at}.tolerations[{index}]", shown_struct(one, TOLERATION)))
        seen.add(key)
    return errors


def check_handler_kept(new: Obj, old: Obj) -> Errors:
    """The handler stays."""
    return immutable("handler", new.get("handler") or "", old.get("handler") or "")


def warn_runtime_class(obj: Obj) -> list[str]:
    """Labels of nodes that go out of use."""
    selector = (obj.get("scheduling") or {}).get("nodeSelector") or {}
    return [f"scheduling.nodeSelector: {DEPRECATED[key]}" for key in selector if key in DEPRECATED]
