"""Keep as many pods as the ReplicationController asks for: a ReplicaSet's loop over a kind whose selector is a map."""

from sampan.api.json import Obj
from sampan.api.names import GVK
from sampan.api.selectors import LabelSelector, label_selector
from sampan.controllers.names import spec
from sampan.controllers.replicaset import Form, controller
from sampan.resources.kinds import REPLICATIONCONTROLLERS


def selector_of(owner: Obj) -> LabelSelector:
    """All of its labels must be equal."""
    return label_selector({"matchLabels": spec(owner).get("selector") or {}})


FORM = Form(
    GVK("", "v1", "ReplicationController"),
    REPLICATIONCONTROLLERS,
    selector_of,
    tells_terminating=False,
    component="replication-controller",
)
CONTROLLER = controller("replicationcontroller-controller", FORM)
