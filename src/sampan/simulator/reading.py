"""Stage objects from YAML: our own and KWOK's; errors name document and field."""

from typing import Any, get_args

from sampan.simulator.fields import Fields, StageError, boolean, integer, sequence, string, strings, text_map
from sampan.simulator.next_reading import read_next, read_steps
from sampan.simulator.paths import Path, PathError, compile_path
from sampan.simulator.stage import Amount, Operator, Requirement, Selector, Stage

OURS, KWOK = "sampan.dev/v1alpha1", "kwok.x-k8s.io/v1alpha1"
KINDS = ("Pod", "Node")


def read_stages(documents: list[Any]) -> tuple[Stage, ...]:
    """The stages of YAML documents; a List is its items. Raises StageError for whatever is not understood."""
    found: list[Stage] = []
    for number, document in enumerate(documents):
        items = document.get("items") if isinstance(document, dict) and document.get("kind") == "List" else [document]
        for item in items or ():
            stage = _stage(item, f"document {number + 1}")
            if any(stage.name == other.name for other in found):
                raise StageError(f"{stage.name}: metadata.name: there is a stage of that name already")
            found.append(stage)
    return tuple(found)


def _stage(document: Any, where: str) -> Stage:
    top = Fields(document, "", where)
    version, kind = top.take("apiVersion", string), top.take("kind", string)
    if kind != "Stage" or version not in (OURS, KWOK):
        raise StageError(f"{where}: expected a Stage of {OURS} or {KWOK}, not {kind} of {version}")
    meta = top.need("metadata", lambda value: value)
    name = meta.get("name") if isinstance(meta, dict) else None
    if not isinstance(name, str) or not name:
        raise StageError(f"{where}: metadata.name: must be given")
    spec = Fields(top.need("spec", lambda value: value), "spec", name)
    top.end()
    kind_of = _resource(spec)
    stage = Stage(
        name,
        kind_of,
        _selector(spec),
        _next(spec, kind_of, ours=version == OURS),
        spec.take("weight", integer) or 0,
        _from(spec, "weightFrom"),
        *_delays(spec),
    )
    spec.take("immediateNextStage", boolean)  # what we write is looked at again at once in any case
    spec.end()
    return stage


def _resource(spec: Fields) -> Any:
    reference = spec.need_fields("resourceRef")
    group, kind = reference.take("apiGroup", string), reference.take("kind", string)
    if kind not in KINDS or group not in (None, "", "v1"):
        raise reference.error("kind", f"expected one of {', '.join(KINDS)} of v1, not {kind} of {group or 'v1'}")
    reference.end()
    return kind


def _next(spec: Fields, kind: str, *, ours: bool) -> Any:
    if (steps := spec.take("steps", lambda value: value)) is not None:
        return read_steps(steps, spec, kind)
    return read_next(spec.need_fields("next"), kind, ours=ours)


def _selector(spec: Fields) -> Selector:
    """A Stage without a selector is for nothing, in KWOK as here: that is told rather than done."""
    selector = spec.need_fields("selector")
    expressions = selector.take("matchExpressions", sequence) or []
    made = Selector(
        selector.take("matchLabels", text_map) or {},
        selector.take("matchAnnotations", text_map) or {},
        tuple(_requirement(e, f"{selector.path}.matchExpressions[{n}]", spec) for n, e in enumerate(expressions)),
    )
    selector.end()
    return made


def _requirement(entry: Any, path: str, spec: Fields) -> Requirement:
    fields = Fields(entry, path, spec.where)
    if (inner := fields.take("jq", lambda value: value)) is not None:
        fields.end()
        fields = Fields(inner, f"{path}.jq", spec.where)
    if isinstance(entry, dict) and ("cel" in entry or "expression" in entry):
        raise StageError(f"{spec.where}: {path}: CEL expressions are not supported")
    key, operator = fields.need("key", _path), fields.need("operator", string)
    values = fields.take("values", strings) or ()
    fields.end()
    if operator not in get_args(Operator):
        raise fields.error("operator", f"expected one of {', '.join(get_args(Operator))}, not {operator}")
    if operator in ("In", "NotIn") and not values:
        raise fields.error("values", f"must not be empty for {operator}")
    if operator in ("Exists", "DoesNotExist") and values:
        raise fields.error("values", f"must be empty for {operator}")
    return Requirement(key, operator, frozenset(values))  # type: ignore[arg-type]


def _path(value: Any) -> Path:
    try:
        return compile_path(string(value))
    except PathError as error:
        raise ValueError(str(error)) from error


def _from(fields: Fields, name: str) -> Path | None:
    """`weightFrom`, `durationFrom`: `expressionFrom: PATH`, or newer `jq: {expression: PATH}`."""
    given = fields.take_fields(name)
    if given is None:
        return None
    newer = given.take_fields("jq")
    path = newer.need("expression", _path) if newer is not None else given.need("expressionFrom", _path)
    if newer is not None:
        newer.end()
    given.end()
    return path


def _delays(spec: Fields) -> tuple[Amount, Amount | None]:
    delay = spec.take_fields("delay")
    if delay is None:
        return Amount(), None
    least = delay.take("durationMilliseconds", _milliseconds)
    most = delay.take("jitterDurationMilliseconds", _milliseconds)
    least_from, most_from = _from(delay, "durationFrom"), _from(delay, "jitterDurationFrom")
    delay.end()
    jitter = Amount(most, most_from) if most is not None or most_from is not None else None
    return Amount(least or 0.0, least_from), jitter


def _milliseconds(value: Any) -> float:
    number = integer(value)
    if number < 0:
        raise ValueError("must not be negative")
    return number / 1000
