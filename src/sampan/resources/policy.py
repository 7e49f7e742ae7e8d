"""The policy group: disruption budgets."""

from sampan.resources.row import FIRST, STATUS, Row

ROWS = (
    Row(
        group="policy",
        version="v1",
        kind="PodDisruptionBudget",
        plural="poddisruptionbudgets",
        short=("pdb",),
        subresources=(STATUS,),
        generation_since=FIRST,
        unconditional_update=False,
    ),
)
