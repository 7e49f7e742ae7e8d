"""PRINTERS: group and kind to the columns and the row function of its Table, as upstream's printers print it."""

from collections.abc import Mapping
from typing import Final

from sampan.resources.printers import core, network, policy, storage, workloads
from sampan.resources.printers.base import DEFAULT, Printer

PRINTERS: Final[Mapping[tuple[str, str], Printer]] = {
    **core.PRINTERS,
    **workloads.PRINTERS,
    **network.PRINTERS,
    **storage.PRINTERS,
    **policy.PRINTERS,
}

__all__ = ["DEFAULT", "PRINTERS", "Printer"]
