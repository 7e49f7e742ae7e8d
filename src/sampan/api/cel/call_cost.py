"""What calls of functions cost at most, and how large their results are (apiserver: cel/library/cost.go, cel-go)."""

import math
from collections.abc import Callable
from typing import NamedTuple

from sampan.api.cel.sizes import MOST, UNKNOWN, Size, added, scaled, times
from sampan.api.cel.syntax import Call, Const, Expr
from sampan.api.cel.types import BYTES, STRING, Type, list_of

TRAVERSAL, PATTERN = 0.1, 0.25
"""Steps for a character of a text; for one of a regular expression."""
CHECK = 350_000
LONGEST_FORMAT_PATTERN, LONGEST_FORMAT = 128, 64


class Given(NamedTuple):
    """An argument: its size, and that of its items, where they are known."""

    type: Type
    size: Size | None
    item: Size | None
    expr: Expr

    @property
    def any_size(self) -> Size:
        return self.size or UNKNOWN


Cost = tuple[int, Size | None] | None
Estimate = Callable[[Given | None, list[Given], Call], Cost]


def _one(target: Given | None, args: list[Given], call: Call) -> Cost:
    return 1, None


def _check(target: Given | None, args: list[Given], call: Call) -> Cost:
    return CHECK, None


def _selector(target: Given | None, args: list[Given], call: Call) -> Cost:
    length = args[0].any_size.most
    return added(10, added(scaled(length, TRAVERSAL), scaled(scaled(length, 0.5), 50))), None


def _items(target: Given | None, args: list[Given], call: Call) -> Cost:
    """Each item of a list is compared once; of a text, each character is looked at."""
    if target is None:
        return None
    size = target.any_size.most
    if not target.type.params:
        return scaled(size, TRAVERSAL), None
    each = 1
    if target.type.params[0].kind in ("string", "bytes"):
        each = added(1, scaled((target.item or UNKNOWN).most, TRAVERSAL))
    return times(size, each), None


def _argument(factor: float, keeps: bool = False) -> Estimate:
    def estimate(target: Given | None, args: list[Given], call: Call) -> Cost:
        if not args:
            return None
        size = args[0].any_size
        return scaled(size.most, factor), size if keeps else None

    return estimate


def _text(target: Given | None, args: list[Given], call: Call) -> Cost:
    if target is None:
        return None
    return scaled(target.any_size.most, TRAVERSAL), target.any_size


def _replace(target: Given | None, args: list[Given], call: Call) -> Cost:
    if target is None or len(args) < 2:
        return None
    size, old, new = target.any_size, args[0].any_size, args[1].any_size
    count, kept = 0, 0
    if old.least == 0:
        count, kept = min(MOST, size.most + 1), size.most
    elif new.most <= old.least:
        kept = size.most
    else:
        count = math.ceil(float(size.most) / float(old.least))
    count_least, kept_least = 0, 0
    if old.most == 0:
        count_least, kept_least = min(MOST, size.least + 1), size.least
    elif old.most <= new.least:
        kept_least = size.least
    else:
        count_least = math.ceil(float(size.least) / float(old.most))
    made = Size(count_least, min(MOST, count)).by(new).plus(Size(kept_least, kept))
    return scaled(size.most, 2 * TRAVERSAL), made


def _split(target: Given | None, args: list[Given], call: Call) -> Cost:
    if target is None:
        return None
    most = target.any_size.most
    cost = scaled(most, 2 * TRAVERSAL)
    if len(args) > 1 and isinstance(args[1].expr, Const) and type(args[1].expr.value) is int:
        most = args[1].expr.value % 2**64
    return cost, Size(0, most)


def _join(target: Given | None, args: list[Given], call: Call) -> Cost:
    if target is None:
        return None
    count = target.any_size
    made = Size(0, 0)
    if target.type.params:
        made = count.by(target.item or UNKNOWN)
    if args:
        between = Size(max(0, count.least - 1), max(0, count.most - 1))
        made = made.plus(args[0].any_size.by(between))
    return scaled(made.most, TRAVERSAL), made


def _find(target: Given | None, args: list[Given], call: Call) -> Cost:
    if target is None or not args:
        return None
    size = target.any_size.most
    steps = times(scaled(added(size, 1), TRAVERSAL), scaled(args[0].any_size.most, PATTERN))
    return steps, Size(0, size)


def _matches(target: Given | None, args: list[Given], call: Call) -> Cost:
    if target is None or len(args) != 1:
        return None
    return times(scaled(added(target.any_size.most, 1), TRAVERSAL), scaled(args[0].any_size.most, PATTERN)), None


def _contains(target: Given | None, args: list[Given], call: Call) -> Cost:
    if target is None or len(args) != 1:
        return None
    return times(scaled(target.any_size.most, TRAVERSAL), scaled(args[0].any_size.most, TRAVERSAL)), None


def _ip(target: Given | None, args: list[Given], call: Call) -> Cost:
    return (1, None) if target is not None else _argument(TRAVERSAL)(target, args, call)


def _contains_network(whole: bool) -> Estimate:
    def estimate(target: Given | None, args: list[Given], call: Call) -> Cost:
        if not args:
            return None
        cost = scaled(32, TRAVERSAL) + (scaled(16, TRAVERSAL) + 1 if whole else 0)
        if any(one.params[1].kind == "string" for one in call.overloads):
            cost = added(cost, scaled(args[0].any_size.most, TRAVERSAL))
        return cost, None

    return estimate


def _validate(target: Given | None, args: list[Given], call: Call) -> Cost:
    if not args:
        return None
    return scaled(scaled(args[0].any_size.most, TRAVERSAL), LONGEST_FORMAT_PATTERN * PATTERN), None


CHEAP = frozenset(
    ("net.IP", "net.CIDR", "kubernetes.Quantity", "kubernetes.Semver", "kubernetes.authorization.Authorizer",
     "kubernetes.authorization.PathCheck", "kubernetes.authorization.GroupCheck",
     "kubernetes.authorization.ResourceCheck", "kubernetes.authorization.Decision")
)  # fmt: skip
"""Types whose values are compared at once."""


def _equals(target: Given | None, args: list[Given], call: Call) -> Cost:
    left, right = args
    if call.function == "_==_" and left.type == right.type:
        if left.type.name in CHEAP:
            return 1, None
        if left.type.name == "kubernetes.NamedFormat":
            return scaled(LONGEST_FORMAT, TRAVERSAL), None
        if left.type.name == "kubernetes.URL":
            return scaled(right.size.most if right.size is not None else 1, TRAVERSAL), None
    return scaled(min(left.any_size.most, right.any_size.most), TRAVERSAL), None


def _order(target: Given | None, args: list[Given], call: Call) -> Cost:
    if not any(one.params[0].kind in ("string", "bytes") for one in call.overloads):
        return None
    cost = scaled(min(args[0].any_size.most, args[1].any_size.most), TRAVERSAL)
    return (max(1, cost) if len(call.overloads) > 1 else cost), None


def _in(target: Given | None, args: list[Given], call: Call) -> Cost:
    if not any(one.params[1].kind == "list" for one in call.overloads):
        return None
    return max(args[1].any_size.most, 1 if len(call.overloads) > 1 else 0), None


def _list_made(count: Size, factor: float = 1.0) -> Cost:
    """A new list, for which a list of that size is gone over."""
    return added(11, scaled(count.most, factor)), count


def _number(given: Given, otherwise: int) -> int:
    value = given.expr.value if isinstance(given.expr, Const) else None
    return otherwise if type(value) is not int or value < 0 else value


def _slice(target: Given | None, args: list[Given], call: Call) -> Cost:
    if target is None:
        return None
    count = (_number(args[1], target.any_size.most) - _number(args[0], 0)) % 2**64
    return _list_made(Size(count, count))


def _range(target: Given | None, args: list[Given], call: Call) -> Cost:
    count = _number(args[0], MOST)
    return _list_made(Size(count, count))


def _reverse(target: Given | None, args: list[Given], call: Call) -> Cost:
    return None if target is None else _list_made(target.any_size)


def _flatten(target: Given | None, args: list[Given], call: Call) -> Cost:
    depth = float(_number(args[0], MOST)) if args else 1.0
    return None if target is None else _list_made(target.any_size, depth)


def _squared(target: Given | None, args: list[Given], call: Call) -> Cost:
    """Each item is compared with each other."""
    if target is None:
        return None
    texts = call.function == "sort" and any(one.params[0] in TEXTS for one in call.overloads)
    return _list_made(target.any_size.by(target.any_size), 2 + TRAVERSAL * texts)


TEXTS = (list_of(STRING), list_of(BYTES))


def _sets(factor: float) -> Estimate:
    def estimate(target: Given | None, args: list[Given], call: Call) -> Cost:
        return added(1, scaled(args[0].any_size.by(args[1].any_size).most, factor)), None

    return estimate


def _bytes(target: Given | None, args: list[Given], call: Call) -> Cost:
    if not any(one.params[0].kind == "string" for one in call.overloads):
        return None
    size = args[0].any_size
    return max(1, scaled(size.most, TRAVERSAL)), Size(size.least, size.most * 4 % 2**64)


def _string(target: Given | None, args: list[Given], call: Call) -> Cost:
    if not any(one.params[0].kind == "bytes" for one in call.overloads):
        return None
    size = args[0].any_size
    return max(1, scaled(size.most, TRAVERSAL)), Size(size.least // 4, size.most)


def _quote(target: Given | None, args: list[Given], call: Call) -> Cost:
    size = args[0].any_size
    return scaled(size.most, TRAVERSAL), Size(size.least + 2, (size.most * 2 + 2) % 2**64)


def _format(target: Given | None, args: list[Given], call: Call) -> Cost:
    return None if target is None else (scaled(target.any_size.most, TRAVERSAL), None)


CALLS: dict[str, Estimate] = {
    "check": _check,
    **dict.fromkeys(
        ("serviceAccount", "path", "group", "resource", "subresource", "namespace", "name", "allowed", "reason",
         "error", "errored", "masked", "prefixLength", "family", "isUnspecified", "isLoopback", "isLinkLocalMulticast",
         "isLinkLocalUnicast", "isGlobalUnicast", "format.named", "sign", "asInteger", "isInteger",
         "asApproximateFloat", "isGreaterThan", "isLessThan", "compareTo", "add", "sub", "major", "minor", "patch",
         "getScheme", "getHostname", "getHost", "getPort", "getEscapedPath", "getQuery"), _one),
    **dict.fromkeys(("fieldSelector", "labelSelector"), _selector),
    **dict.fromkeys(("isSorted", "sum", "max", "min", "indexOf", "lastIndexOf"), _items),
    **dict.fromkeys(("url", "jsonpatch.escapeKey"), _argument(TRAVERSAL, keeps=True)),
    **dict.fromkeys(("cidr", "isIP", "isCIDR", "quantity", "isQuantity", "semver", "isSemver"), _argument(TRAVERSAL)),
    "ip.isCanonical": _argument(2 * TRAVERSAL),
    **dict.fromkeys(("lowerAscii", "upperAscii", "substring", "trim"), _text),
    "replace": _replace,
    "split": _split,
    "join": _join,
    **dict.fromkeys(("find", "findAll"), _find),
    "matches": _matches,
    "contains": _contains,
    "ip": _ip,
    "containsIP": _contains_network(False),
    "containsCIDR": _contains_network(True),
    "validate": _validate,
    **dict.fromkeys(("startsWith", "endsWith"), _argument(TRAVERSAL)),
    **dict.fromkeys(("_==_", "_!=_"), _equals),
    **dict.fromkeys(("_<_", "_<=_", "_>_", "_>=_"), _order),
    "@in": _in,
    "slice": _slice,
    "lists.range": _range,
    "reverse": _reverse,
    "flatten": _flatten,
    **dict.fromkeys(("distinct", "sort"), _squared),
    **dict.fromkeys(("sets.contains", "sets.intersects"), _sets(1)),
    "sets.equivalent": _sets(2),
    "bytes": _bytes,
    "string": _string,
    "strings.quote": _quote,
    "format": _format,
}  # fmt: skip
