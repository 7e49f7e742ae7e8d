"""A question to an authorizer as the spec of a SubjectAccessReview, for servers outside and for expressions. Pure."""

from collections.abc import Sequence

from sampan.api.json import Obj
from sampan.api.selectors import FieldRequirement, Operator, Requirement
from sampan.apiserver.authz.expressions import STRINGS
from sampan.apiserver.context import UserInfo
from sampan.apiserver.rbac import Attributes

OPERATORS: dict[Operator, str] = {
    "=": "In", "in": "In", "!=": "NotIn", "notin": "NotIn", "exists": "Exists", "!": "DoesNotExist",
}  # fmt: skip
"""What may be told; a selector without the rest of its terms only selects more."""


def spec_of(user: UserInfo, wanted: Attributes) -> Obj:
    """The spec; what is empty is left out."""
    made: Obj = {}
    if wanted.path or not (wanted.resource or wanted.version):
        made["nonResourceAttributes"] = _filled({"path": wanted.path, "verb": wanted.verb})
    else:
        made["resourceAttributes"] = _filled({
            "namespace": wanted.namespace, "verb": wanted.verb, "group": wanted.group, "version": wanted.version,
            "resource": wanted.resource, "subresource": wanted.subresource, "name": wanted.name,
            "fieldSelector": _terms(_fields(wanted.selected.fields)),
            "labelSelector": _terms(_labels(wanted.selected.labels)),
        })  # fmt: skip
    made |= _filled({
        "user": user.name, "groups": list(user.groups),
        "extra": {key: list(values) for key, values in user.extra.items()}, "uid": user.uid,
    })  # fmt: skip
    return made


def _filled(given: Obj) -> Obj:
    return {key: value for key, value in given.items() if value}


def _terms(terms: list[Obj]) -> Obj | None:
    return {"requirements": terms} if terms else None


def _fields(terms: Sequence[FieldRequirement]) -> list[Obj]:
    return [{"key": one.field, "operator": "NotIn" if one.negated else "In", "values": [one.value]} for one in terms]


def _labels(terms: Sequence[Requirement]) -> list[Obj]:
    made = []
    for one in terms:
        if (operator := OPERATORS.get(one.operator)) is not None:
            told: Obj = {"key": one.key, "operator": operator}
            made.append({**told, "values": list(one.values)} if one.values else told)
    return made


def seen(spec: Obj) -> Obj:
    """The spec as match conditions see it: with all texts, the empty ones as well."""
    made: Obj = {
        "user": spec.get("user", ""), "groups": spec.get("groups", []), "uid": spec.get("uid", ""),
        "extra": spec.get("extra", {}),
    }  # fmt: skip
    if "nonResourceAttributes" in spec:
        paths = spec["nonResourceAttributes"]
        made["nonResourceAttributes"] = {"path": paths.get("path", ""), "verb": paths.get("verb", "")}
        return made
    given = spec["resourceAttributes"]
    attributes: Obj = {key: given.get(key, "") for key in STRINGS}
    for name in ("fieldSelector", "labelSelector"):
        if name in given:
            terms = [{"values": [], **term} for term in given[name]["requirements"]]
            attributes[name] = {"requirements": terms}
    made["resourceAttributes"] = attributes
    return made
