"""The authentication.k8s.io group: who am I, whose token is this."""

from functools import partial

from sampan.resources.row import CREATE_ONLY, Row

_row = partial(Row, group="authentication.k8s.io", version="v1", namespaced=False, verbs=CREATE_ONLY)

ROWS = (
    _row(kind="SelfSubjectReview", plural="selfsubjectreviews", since=28),
    _row(kind="TokenReview", plural="tokenreviews"),
)
