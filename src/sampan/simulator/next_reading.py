"""`spec.next` of a Stage, and the newer `spec.steps`, from YAML."""

from typing import Any

from sampan.simulator.expression import TemplateError
from sampan.simulator.fields import Fields, boolean, integer, mapping, sequence, string
from sampan.simulator.stage import Containers, Finalizers, Next, NodeChange, StageEvent
from sampan.simulator.template import Template, parse

STATES = ("Running", "Succeeded", "Failed", "CrashLoopBackOff")


def read_next(fields: Fields, kind: str, *, ours: bool) -> Next:
    """`next`; `pod`, `node` and `status` are our own and not KWOK's. Raises StageError."""
    pod = node = status = None
    if ours:
        pod = _pod(fields.take_fields("pod"), fields, kind)
        node = _node(fields.take_fields("node"), fields, kind)
        status = fields.take("status", mapping)
    made = Next(
        _event(fields.take_fields("event")),
        _finalizers(fields.take_fields("finalizers")),
        bool(fields.take("delete", boolean)),
        pod,
        node,
        status,
        fields.take("statusTemplate", template),
    )
    fields.end()
    return made


def read_steps(steps: Any, spec: Fields, kind: str) -> Next:
    """`steps`: an event, finalizers, a patch of the status, a deletion; each at most once, in this order."""
    if not isinstance(steps, list):
        raise spec.error("steps", "expected a list")
    parts: dict[str, Any] = {}
    order = ("event", "finalizers", "patch", "delete")
    at = 0
    for number, entry in enumerate(steps):
        fields = Fields(entry, f"spec.steps[{number}]", spec.where)
        name = next((name for name in order if isinstance(entry, dict) and name in entry), "")
        if not name:
            raise spec.error(f"steps[{number}]", f"expected one of {', '.join(order)}")
        if name in parts or order.index(name) < at:
            raise spec.error(f"steps[{number}]", f"supported are {', '.join(order)}, each once and in this order")
        at = order.index(name)
        match name:
            case "event":
                parts[name] = _event(fields.take_fields(name))
            case "finalizers":
                parts[name] = _finalizers(fields.take_fields(name))
            case "delete":
                parts[name] = fields.take(name, boolean)
            case _:
                parts[name] = _patch(fields.need_fields(name))
        fields.end()
    return Next(
        parts.get("event"), parts.get("finalizers"), bool(parts.get("delete")), template=parts.get("patch")
    )  # fmt: skip


def _patch(fields: Fields) -> Template:
    for name, wanted in (("root", "status"), ("subresource", "status"), ("type", "strategic")):
        given = fields.take(name, string)
        if given not in (None, wanted):
            raise fields.error(name, f"only {wanted} is supported")
    made = fields.need("template", template)
    fields.end()
    return made


def template(value: Any) -> Template:
    """A template. Raises ValueError."""
    try:
        return parse(string(value))
    except TemplateError as error:
        raise ValueError(str(error)) from error


def _event(fields: Fields | None) -> StageEvent | None:
    if fields is None:
        return None
    type_ = fields.take("type", string) or "Normal"
    if type_ not in ("Normal", "Warning"):
        raise fields.error("type", f"expected Normal or Warning, not {type_}")
    made = StageEvent(
        "Normal" if type_ == "Normal" else "Warning",
        fields.need("reason", string),
        fields.take("message", template) or parse(""),
    )
    fields.end()
    return made


def _finalizers(fields: Fields | None) -> Finalizers | None:
    if fields is None:
        return None
    made = Finalizers(
        _values(fields, "add"), _values(fields, "remove"), bool(fields.take("empty", boolean))
    )  # fmt: skip
    fields.end()
    return made


def _values(fields: Fields, name: str) -> tuple[str, ...]:
    made = []
    for number, entry in enumerate(fields.take(name, sequence) or ()):
        item = Fields(entry, f"{fields.path}.{name}[{number}]", fields.where)
        made.append(item.need("value", string))
        item.end()
    return tuple(made)


def _pod(fields: Fields | None, parent: Fields, kind: str) -> Containers | None:
    if fields is None:
        return None
    if kind != "Pod":
        raise parent.error("pod", "is for stages of Pods")
    state: Any = fields.need("containers", string)
    if state not in STATES:
        raise fields.error("containers", f"expected one of {', '.join(STATES)}, not {state}")
    made = Containers(
        state,
        fields.take("exitCode", integer) or 0,
        fields.take("reason", string) or "",
        fields.take("message", string) or "",
        fields.take("container", string) or "",
    )
    fields.end()
    return made


def _node(fields: Fields | None, parent: Fields, kind: str) -> NodeChange | None:
    if fields is None:
        return None
    if kind != "Node":
        raise parent.error("node", "is for stages of Nodes")
    made = NodeChange(
        fields.take("ready", boolean),
        fields.take("reason", string) or "",
        fields.take("message", string) or "",
        fields.take("silent", boolean),
    )
    fields.end()
    return made
