"""Arithmetic of amounts by resource name (upstream: pkg/quota/v1)."""

from collections.abc import Collection, Iterable, Mapping

from sampan.api import quantity

Amounts = Mapping[str, str]


def equal(a: Amounts, b: Amounts) -> bool:
    """Whether both name the same resources with the same numbers."""
    if a.keys() != b.keys():
        return False
    return all(amount == b[name] or quantity.compare(amount, b[name]) == 0 for name, amount in a.items())


def plus(a: Amounts, b: Amounts) -> dict[str, str]:
    """The sum of both."""
    made = dict(a)
    for name, amount in b.items():
        made[name] = quantity.add(made[name], amount) if name in made else amount
    return made


def increase(new: Amounts, old: Amounts) -> dict[str, str]:
    """By how much `new` is more than `old`; 0 where it is not."""
    made = dict.fromkeys(old, "0")
    for name, amount in new.items():
        rest = quantity.subtract(amount, old[name]) if name in old else amount
        made[name] = rest if quantity.number(rest) > 0 else "0"
    return made


def masked(amounts: Amounts, names: Collection[str]) -> dict[str, str]:
    """Only those resources."""
    return {name: amount for name, amount in amounts.items() if name in names}


def without_zeros(amounts: Amounts) -> dict[str, str]:
    """Only what is something."""
    return {name: amount for name, amount in amounts.items() if quantity.number(amount)}


def negative(amounts: Amounts) -> list[str]:
    """Names of what is below zero."""
    return [name for name, amount in amounts.items() if quantity.number(amount) < 0]


def beyond(amounts: Amounts, limits: Amounts) -> list[str]:
    """Names of what is more than its limit."""
    return [n for n, limit in limits.items() if n in amounts and quantity.compare(amounts[n], limit) > 0]


def canonical(amounts: Amounts) -> dict[str, str]:
    """Each as upstream writes it."""
    return {name: quantity.canonical(str(amount)) for name, amount in amounts.items()}


def shown(amounts: Amounts) -> str:
    """`cpu=1,memory=1Gi`, sorted."""
    return ",".join(f"{name}={quantity.canonical(amounts[name])}" for name in sorted(amounts))


def names_shown(names: Iterable[str]) -> str:
    """`cpu,memory`, sorted."""
    return ",".join(sorted(names))
