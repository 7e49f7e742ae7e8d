"""The functions of CEL as Kubernetes has it (apiserver: pkg/cel/library, cel-go: ext)."""

from sampan.api.cel.function import Overload
from sampan.api.cel.library import formats, lists, network, numbers, optional, standard, strings

LIBRARIES: tuple[tuple[Overload, ...], ...] = (
    standard.FUNCTIONS,
    optional.FUNCTIONS,
    strings.FUNCTIONS,
    lists.FUNCTIONS,
    network.FUNCTIONS,
    numbers.FUNCTIONS,
    formats.FUNCTIONS,
)
