"""The apiextensions.k8s.io group: custom resource definitions."""

from sampan.resources.row import FIRST, STATUS, Row

ROWS = (
    Row(
        group="apiextensions.k8s.io",
        version="v1",
        kind="CustomResourceDefinition",
        plural="customresourcedefinitions",
        namespaced=False,
        short=("crd", "crds"),
        categories=("api-extensions",),
        subresources=(STATUS,),
        generation_since=FIRST,
        unconditional_update=False,
        before="v1beta1",
        always_before=True,
        definition="io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinition",
    ),
)
