"""The events.k8s.io group: events, kept as core events."""

from sampan.resources.row import Row, at

ROWS = (
    Row(
        group="events.k8s.io",
        version="v1",
        kind="Event",
        plural="events",
        short=("ev",),
        create_on_update=True,
        selectable={
            "reason": at("reason"),
            "regarding.kind": at("regarding", "kind"),
            "regarding.namespace": at("regarding", "namespace"),
            "regarding.name": at("regarding", "name"),
            "regarding.uid": at("regarding", "uid"),
            "regarding.apiVersion": at("regarding", "apiVersion"),
            "regarding.resourceVersion": at("regarding", "resourceVersion"),
            "regarding.fieldPath": at("regarding", "fieldPath"),
            "reportingController": at("reportingController"),
            "type": at("type"),
        },
    ),
)
