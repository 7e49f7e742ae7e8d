"""Which extended resources device classes stand for (KEP-5004)."""

from collections.abc import Iterable

from sampan.api.json import Obj
from sampan.api.meta import name_of


def extended_resources(classes: Iterable[Obj]) -> dict[str, str]:
    """Names of device classes to their extended resources; empty for those that name none."""
    return {name_of(one): (one.get("spec") or {}).get("extendedResourceName") or "" for one in classes}
