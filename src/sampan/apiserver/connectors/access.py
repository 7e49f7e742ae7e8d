"""Access reviews: may somebody, may I, what may I, who am I."""

from sampan.api.json import Obj
from sampan.apiserver.answer import answer_review
from sampan.apiserver.authorizer import Authorizer
from sampan.apiserver.call import Call
from sampan.apiserver.connectors.access_spec import attributes, check, no_namespace
from sampan.apiserver.connectors.body import read
from sampan.apiserver.connectors.tokens import user_object
from sampan.apiserver.context import UserInfo
from sampan.apiserver.rbac import Attributes, Rule, aggregate
from sampan.apiserver.selected import ignored
from sampan.net.http import Response


class AccessReviews:
    """Handlers over the authorizer."""

    def __init__(self, authorizer: Authorizer) -> None:
        self._authorizer = authorizer

    async def _status(self, user: UserInfo, wanted: Attributes) -> Obj:
        decision = await self._authorizer.authorize(user, wanted)
        status: Obj = {"allowed": decision.allowed}
        if decision.denied:
            status["denied"] = True
        if decision.reason:
            status["reason"] = decision.reason
        if trouble := [*([decision.error] if decision.error else ()), *ignored(wanted.selected)]:
            status["evaluationError"] = "; ".join(trouble)
        return status

    async def subject(self, call: Call) -> Response:
        """SubjectAccessReview and LocalSubjectAccessReview."""
        body = read(call, call.resource.gvk)
        check(body, call.namespace, of_subject=True, local=call.resource.mapping.namespaced)
        spec = body.get("spec") or {}
        extra = {key: tuple(values) for key, values in (spec.get("extra") or {}).items()}
        user = UserInfo(spec.get("user") or "", spec.get("uid") or "", tuple(spec.get("groups") or ()), extra)
        if call.namespace:
            body = {**body, "metadata": {**(body.get("metadata") or {}), "namespace": call.namespace}}
        return answer_review(call, {**body, "status": await self._status(user, attributes(spec))})

    async def self(self, call: Call) -> Response:
        """SelfSubjectAccessReview."""
        body = read(call, call.resource.gvk)
        check(body, "")
        wanted = attributes(body.get("spec") or {})
        return answer_review(call, {**body, "status": await self._status(call.user, wanted)})

    async def rules(self, call: Call) -> Response:
        """SelfSubjectRulesReview: everything that the asker may do in a namespace, as far as roles say it."""
        body = read(call, call.resource.gvk)
        namespace = (body.get("spec") or {}).get("namespace") or ""
        if not namespace:
            raise no_namespace()
        found, errors, incomplete = await self._authorizer.rights(call.user, namespace)
        status: Obj = {
            "resourceRules": [_resource_rule(rule) for rule in found if rule.resources],
            "nonResourceRules": [
                {"verbs": list(rule.verbs), "nonResourceURLs": list(rule.paths)} for rule in found if rule.paths
            ],
            "incomplete": incomplete,
        }
        if errors:
            status["evaluationError"] = aggregate(list(dict.fromkeys(errors)))
        return answer_review(call, {**body, "metadata": {}, "spec": {}, "status": status})

    async def who_am_i(self, call: Call) -> Response:
        """SelfSubjectReview."""
        body = read(call, call.resource.gvk)
        said = {"kind": body["kind"], "apiVersion": body["apiVersion"]}
        meta = {"creationTimestamp": call.kit.now()}
        return answer_review(call, {**said, "metadata": meta, "status": {"userInfo": user_object(call.user)}})


def _resource_rule(rule: Rule) -> Obj:
    made: Obj = {"verbs": list(rule.verbs), "apiGroups": list(rule.groups), "resources": list(rule.resources)}
    return {**made, "resourceNames": list(rule.names)} if rule.names else made
