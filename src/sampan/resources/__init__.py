"""The built-in kinds: what a schema cannot say. BUILTINS is the table of them all."""

from typing import Final

from sampan.resources import (
    admissionregistration,
    apiextensions,
    apiregistration,
    apps,
    authentication,
    authorization,
    autoscaling,
    batch,
    certificates,
    coordination,
    core,
    discovery_group,
    events,
    flowcontrol,
    networking,
    node,
    policy,
    rbac,
    resource_group,
    scheduling,
    storage,
    storagemigration,
)
from sampan.resources.row import Row

# In the order in which upstream's discovery lists the groups; within a group and kind the preferred version first.
BUILTINS: Final[tuple[Row, ...]] = (
    *core.ROWS,
    *apiregistration.ROWS,
    *apps.ROWS,
    *events.ROWS,
    *authentication.ROWS,
    *authorization.ROWS,
    *autoscaling.ROWS,
    *batch.ROWS,
    *certificates.ROWS,
    *networking.ROWS,
    *policy.ROWS,
    *rbac.ROWS,
    *storage.ROWS,
    *admissionregistration.ROWS,
    *apiextensions.ROWS,
    *scheduling.ROWS,
    *coordination.ROWS,
    *node.ROWS,
    *discovery_group.ROWS,
    *resource_group.ROWS,
    *flowcontrol.ROWS,
    *storagemigration.ROWS,
)
