"""Access reviews: may somebody, may I, what may I, who am I."""

from typing import Any

from sampan.api.errors import FieldError, invalid
from sampan.api.json import Obj
from sampan.apiserver.answer import answer_object
from sampan.apiserver.authorizer import Authorizer
from sampan.apiserver.call import Call
from sampan.apiserver.connectors.body import read
from sampan.apiserver.connectors.tokens import user_object
from sampan.apiserver.context import UserInfo
from sampan.apiserver.rbac import MASTERS, Attributes, Rule
from sampan.net.http import Response

GROUP = "authorization.k8s.io"
EXACTLY_ONE = "exactly one of nonResourceAttributes or resourceAttributes must be specified"


def _refuse(field: str, value: str, why: str) -> Exception:
    cause = FieldError("FieldValueInvalid", field, f"Invalid value: {value}: {why}")
    return invalid(GROUP, "", "", [cause])


def attributes(spec: Obj) -> Attributes:
    """The attributes that a review's spec asks about; raises 422."""
    resource, path = spec.get("resourceAttributes"), spec.get("nonResourceAttributes")
    if resource is not None and path is not None:
        shown = f'{{"Path":"{path.get("path", "")}","Verb":"{path.get("verb", "")}"}}'
        raise _refuse("spec.nonResourceAttributes", shown, "cannot be specified in combination with resourceAttributes")
    if resource is None and path is None:
        raise _refuse("spec.resourceAttributes", "null", EXACTLY_ONE)
    if path is not None:
        return Attributes(path.get("verb", ""), path=path.get("path", ""))
    wanted: dict[str, Any] = resource or {}
    return Attributes(
        wanted.get("verb", ""),
        wanted.get("group", ""),
        wanted.get("resource", ""),
        wanted.get("subresource", ""),
        wanted.get("namespace", ""),
        wanted.get("name", ""),
    )


class AccessReviews:
    """Handlers over the authorizer."""

    def __init__(self, authorizer: Authorizer) -> None:
        self._authorizer = authorizer

    async def _status(self, user: UserInfo, wanted: Attributes) -> Obj:
        if await self._authorizer.allows(user, wanted):
            return {"allowed": True}
        why = await self._authorizer.why_not(user, wanted)
        return {"allowed": False, **({"reason": why} if why else {})}

    async def subject(self, call: Call) -> Response:
        """SubjectAccessReview and LocalSubjectAccessReview."""
        body = read(call, call.resource.gvk)
        spec = body.get("spec") or {}
        wanted = attributes(spec)
        groups = tuple(spec.get("groups") or ())
        if not spec.get("user") and not groups:
            raise _refuse("spec.user", '""', "at least one of user or group must be specified")
        extra = {key: tuple(values) for key, values in (spec.get("extra") or {}).items()}
        user = UserInfo(spec.get("user") or "", spec.get("uid") or "", groups, extra)
        return answer_object(call, {**body, "status": await self._status(user, wanted)}, 201)

    async def self(self, call: Call) -> Response:
        """SelfSubjectAccessReview."""
        body = read(call, call.resource.gvk)
        wanted = attributes(body.get("spec") or {})
        return answer_object(call, {**body, "status": await self._status(call.user, wanted)}, 201)

    async def rules(self, call: Call) -> Response:
        """SelfSubjectRulesReview: everything that the asker may do in a namespace."""
        body = read(call, call.resource.gvk)
        namespace = (body.get("spec") or {}).get("namespace") or ""
        if not namespace:
            raise _refuse("spec.namespace", '""', "no namespace on request")
        found: list[Rule] = []
        if MASTERS in call.user.groups:
            every = frozenset(("*",))
            found += [
                Rule(every, every, every, frozenset(), ()),
                Rule(every, frozenset(), frozenset(), frozenset(), ("*",)),
            ]
        book = await self._authorizer.book()
        for grant in book.of(call.user):
            if grant.namespace in ("", namespace):
                found += grant.rules
        status = {
            "resourceRules": [_resource_rule(rule) for rule in found if rule.resources],
            "nonResourceRules": [
                {"verbs": sorted(rule.verbs), "nonResourceURLs": list(rule.paths)} for rule in found if rule.paths
            ],
            "incomplete": False,
        }
        return answer_object(call, {**body, "status": status}, 201)

    async def who_am_i(self, call: Call) -> Response:
        """SelfSubjectReview."""
        body = read(call, call.resource.gvk)
        meta = {**(body.get("metadata") or {}), "creationTimestamp": call.kit.now()}
        return answer_object(call, {**body, "metadata": meta, "status": {"userInfo": user_object(call.user)}}, 201)


def _resource_rule(rule: Rule) -> Obj:
    made: Obj = {
        "verbs": sorted(rule.verbs),
        "apiGroups": sorted(rule.groups),
        "resources": sorted(rule.resources),
    }
    return {**made, "resourceNames": sorted(rule.names)} if rule.names else made
