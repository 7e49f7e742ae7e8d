"""The authorization.k8s.io group: who may do what."""

from functools import partial

from sampan.resources.row import CREATE_ONLY, Row

_row = partial(Row, group="authorization.k8s.io", version="v1", verbs=CREATE_ONLY)

ROWS = (
    _row(kind="LocalSubjectAccessReview", plural="localsubjectaccessreviews"),
    _row(kind="SelfSubjectAccessReview", plural="selfsubjectaccessreviews", namespaced=False),
    _row(kind="SelfSubjectRulesReview", plural="selfsubjectrulesreviews", namespaced=False),
    _row(kind="SubjectAccessReview", plural="subjectaccessreviews", namespaced=False),
)
