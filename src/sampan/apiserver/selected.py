"""What label and field selectors say about what is asked for, as authorizers are told (KEP-4601). Pure."""

from typing import NamedTuple

from sampan.api.json import Obj
from sampan.api.selectors import (
    OPERATORS,
    FieldRequirement,
    Requirement,
    SelectorError,
    check_key,
    parse_fields,
    parse_labels,
    requirement,
)

FIELD, LABEL = "fieldSelector", "labelSelector"


class Selected(NamedTuple):
    """The requirements that could be read; `wrong` names the selectors of which something could not be."""

    fields: tuple[FieldRequirement, ...] = ()
    labels: tuple[Requirement, ...] = ()
    wrong: tuple[str, ...] = ()


NOTHING_SELECTED: Selected = Selected()


def selected(fields: str, labels: str) -> Selected:
    """The selectors of a request's query, or of an expression."""
    wrong: list[str] = []
    found: tuple[FieldRequirement, ...] = ()
    chosen: tuple[Requirement, ...] = ()
    try:
        found = parse_fields(fields).requirements if fields else ()
    except SelectorError:
        wrong.append(FIELD)
    try:
        chosen = parse_labels(labels).requirements if labels else ()
    except SelectorError:
        wrong.append(LABEL)
    return Selected(found, chosen, tuple(wrong))


def reviewed(attributes: Obj) -> Selected:
    """The selectors of ResourceAttributes in an access review."""
    fields, labels = attributes.get(FIELD) or {}, attributes.get(LABEL) or {}
    if not fields and not labels:
        return NOTHING_SELECTED
    made = selected(fields.get("rawSelector") or "", labels.get("rawSelector") or "")
    wrong = set(made.wrong)
    found, chosen = made.fields, made.labels
    if terms := fields.get("requirements"):
        read = [_field(term) for term in terms]
        found = tuple(one for one in read if one is not None)
        wrong |= {FIELD} if None in read else set()
    if terms := labels.get("requirements"):
        made_of = [_label(term) for term in terms]
        chosen = tuple(one for one in made_of if one is not None)
        wrong |= {LABEL} if None in made_of else set()
    return Selected(found, chosen, tuple(sorted(wrong)))


def _field(term: Obj) -> FieldRequirement | None:
    operator, values = term.get("operator"), list(term.get("values") or ())
    if operator not in ("In", "NotIn") or len(values) != 1:
        return None
    return FieldRequirement(term.get("key") or "", operator == "NotIn", values[0])


def _label(term: Obj) -> Requirement | None:
    operator, values = OPERATORS.get(term.get("operator") or ""), term.get("values") or ()
    if operator is None or (operator in ("in", "notin")) != bool(values):
        return None
    try:
        requirement(check_key(term.get("key") or ""), operator, values)
    except SelectorError:
        return None
    return Requirement(term["key"], operator, tuple(values))  # as it came: others are told the same


def ignored(selection: Selected) -> list[str]:
    """What a review's evaluationError says of selectors that could not be read."""
    read = {FIELD: bool(selection.fields), LABEL: bool(selection.labels)}
    how = {True: "partially ignored", False: "ignored"}
    return [
        f"spec.resourceAttributes.{name} {how[some]} due to parse error"
        for name, some in read.items()
        if name in selection.wrong
    ]
