"""Make and review tokens: serviceaccounts/token and TokenReview."""

import uuid
from datetime import timedelta

from sampan.api.errors import FieldError, bad_request, conflict, invalid, not_found
from sampan.api.json import Obj
from sampan.api.names import GVK
from sampan.api.times import format_time
from sampan.apiserver.answer import answer_review
from sampan.apiserver.authn.jwt import BadToken, InvalidToken
from sampan.apiserver.authn.tokens import BearerTokens
from sampan.apiserver.call import Call
from sampan.apiserver.connectors.body import read
from sampan.apiserver.context import UserInfo
from sampan.apiserver.objects import StoredObjects
from sampan.net.http import Response
from sampan.resources.build import body_schema

TOKEN_REQUEST = GVK("authentication.k8s.io", "v1", "TokenRequest")
SHORTEST, LONGEST, USUAL = 600, 2**32, 3600
WARN_ONLY = 3607
A_YEAR = 365 * 24 * 3600
ISSUED = "authentication.kubernetes.io/issued-credential-id"
BOUND = {"Pod": "pods", "Secret": "secrets", "Node": "nodes"}


class Tokens:
    """Handlers over the tokens; those of service accounts are made here."""

    def __init__(self, objects: StoredObjects, bearer: BearerTokens, version: str) -> None:
        assert bearer.accounts is not None
        self._objects, self._bearer, self._tokens = objects, bearer, bearer.accounts
        self._schema = body_schema(version, TOKEN_REQUEST)

    async def request(self, call: Call) -> Response:
        """POST serviceaccounts/NAME/token (TokenRequest)."""
        account = await self._objects.get("serviceaccounts", call.info.namespace, call.info.name)
        if account is None:
            raise not_found("", "serviceaccounts", call.info.name)
        body = read(call, TOKEN_REQUEST, self._schema, _with_life)
        review = call.review("CREATE", body, None)
        body = await call.kit.admission.mutate(review)
        await call.kit.admission.validate(review.with_obj(body))
        spec = body.get("spec") or {}
        seconds = spec.get("expirationSeconds") or USUAL
        _check_seconds(seconds)
        bound = await self._bound(call, spec.get("boundObjectRef"))
        node = None
        if bound is not None and bound["kind"] == "Pod" and (name := (bound.get("spec") or {}).get("nodeName")):
            node = await self._objects.get("nodes", "", name)
        audiences = spec.get("audiences") or [self._tokens.issuer]
        now = call.kit.clock.now()
        # Kubelets ask for 3607 s for the default token: it lives for a year, so that old clients go on (KEP-1205).
        life = A_YEAR if seconds == WARN_ONLY and bound is not None else seconds
        id_ = _uuid(call)
        node = {"kind": "Node", **node} if node else None
        token = self._tokens.issue(
            account, audiences, life, now, bound=bound, id_=id_, node=node, warn_after=seconds if life > seconds else 0
        )
        call.annotate({ISSUED: f"JTI={id_}"})
        expires = format_time(now + timedelta(seconds=seconds))
        spec = {**spec, "audiences": audiences, "expirationSeconds": seconds}
        spec.setdefault("boundObjectRef", None)
        meta = {k: account["metadata"][k] for k in ("name", "namespace")}
        if owners := (body.get("metadata") or {}).get("managedFields"):
            meta["managedFields"] = owners
        made: Obj = {
            "kind": "TokenRequest",
            "apiVersion": "authentication.k8s.io/v1",
            "metadata": {**meta, "uid": _uuid(call), "creationTimestamp": format_time(now)},
            "spec": spec,
            "status": {"token": token, "expirationTimestamp": expires},
        }
        return answer_review(call, made)

    async def _bound(self, call: Call, ref: Obj | None) -> Obj | None:
        if ref is None:
            return None
        kind, name = ref.get("kind", ""), ref.get("name", "")
        plural = BOUND.get(kind)
        if plural is None:
            raise bad_request(
                f"cannot bind token for serviceaccount to object of type {ref.get('apiVersion')}, Kind={kind}"
            )
        found = await self._objects.get(plural, "" if kind == "Node" else call.info.namespace, name)
        if found is None:
            raise not_found("", plural, name)
        if ref.get("uid") and found["metadata"]["uid"] != ref["uid"]:
            why = f"the UID in the bound object reference ({ref['uid']}) does not match the UID in record. "
            raise conflict("", plural, name, why + "The object might have been deleted and then recreated")
        if kind == "Pod":
            account = (found.get("spec") or {}).get("serviceAccountName")
            if account != call.info.name:
                raise bad_request(
                    f"cannot bind token for serviceaccount {call.info.name!r} to pod running with different "
                    "serviceaccount name."
                )
        return {"kind": kind, **found}

    async def review(self, call: Call) -> Response:
        """POST tokenreviews."""
        body = read(call, call.resource.gvk)
        spec = body.get("spec") or {}
        token = spec.get("token") or ""
        if not token:
            raise bad_request("token is required for TokenReview in authentication")
        status: Obj
        try:
            now = call.kit.clock.now()
            user, audiences = await self._bearer.check(token, spec.get("audiences") or (), now)
            status = {"authenticated": True, "user": user_object(user), "audiences": audiences}
        except InvalidToken as error:
            status = {"user": {}, "error": f"[invalid bearer token, {error}]"}
        except BadToken:
            status = {"user": {}, "error": "invalid bearer token"}
        return answer_review(call, {**body, "status": status})


def _with_life(body: Obj) -> Obj:
    """SetDefaults_TokenRequestSpec."""
    spec = body.get("spec") or {}
    return body if spec.get("expirationSeconds") else {**body, "spec": {**spec, "expirationSeconds": USUAL}}


def _uuid(call: Call) -> str:
    return str(uuid.UUID(int=call.kit.rng.getrandbits(128), version=4))


def _check_seconds(seconds: int) -> None:
    field = "spec.expirationSeconds"
    problem = ""
    if seconds < SHORTEST:
        problem = "may not specify a duration less than 10 minutes"
    elif seconds > LONGEST:
        problem = "may not specify a duration larger than 2^32 seconds"
    if problem:
        cause = FieldError("FieldValueInvalid", field, f"Invalid value: {seconds}: {problem}")
        raise invalid("authentication.k8s.io", "TokenRequest", "", [cause])


def user_object(user: UserInfo) -> Obj:
    """A UserInfo as the API writes it."""
    made: Obj = {"username": user.name} if user.name else {}
    if user.uid:
        made["uid"] = user.uid
    if user.groups:
        made["groups"] = list(user.groups)
    if user.extra:
        made["extra"] = {key: list(values) for key, values in user.extra.items()}
    return made
