"""The apiregistration.k8s.io group: API services."""

from sampan.resources.row import STATUS, Row

ROWS = (
    Row(
        group="apiregistration.k8s.io",
        version="v1",
        kind="APIService",
        plural="apiservices",
        namespaced=False,
        categories=("api-extensions",),
        subresources=(STATUS,),
        unconditional_update=False,
        status_keeps=("labels", "annotations", "finalizers", "ownerReferences"),
        definition="io.k8s.kube-aggregator.pkg.apis.apiregistration.v1.APIService",
    ),
)
