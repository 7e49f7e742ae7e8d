"""Python's garbage collector, set for a process that keeps many objects for long."""

import gc

YOUNG, MIDDLE, OLD = 5000, 20, 200
"""Objects before a young collection, young ones before a middle one, middle ones before all is looked at."""


def spare_collector() -> None:
    """Look through all objects more seldom: a cluster's objects stay, and hardly any of them are in circles.

    For whoever owns the process, after it has started: what is there now is never looked at again.
    """
    gc.freeze()
    gc.set_threshold(YOUNG, MIDDLE, OLD)
