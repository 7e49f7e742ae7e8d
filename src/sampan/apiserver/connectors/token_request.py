"""Make tokens: serviceaccounts/token (upstream: registry/core/serviceaccount/storage/token.go)."""

import uuid
from datetime import timedelta
from typing import NamedTuple

from sampan.api.errors import FieldError, bad_request, conflict, invalid, not_found
from sampan.api.json import Obj
from sampan.api.names import GVK, parse_api_version
from sampan.api.quote import go_quoted
from sampan.api.times import format_time
from sampan.apiserver.answer import answer_review
from sampan.apiserver.authn.service_accounts import ServiceAccountTokens
from sampan.apiserver.call import Call
from sampan.apiserver.connectors.body import read
from sampan.apiserver.objects import StoredObjects
from sampan.net.http import Response
from sampan.resources.build import body_schema
from sampan.resources.strategies.checks import invalid as wrong

GROUP = "authentication.k8s.io"
TOKEN_REQUEST = GVK(GROUP, "v1", "TokenRequest")
SHORTEST, LONGEST, USUAL = 600, 2**32, 3600
WARN_ONLY = 3607
"""What kubelets ask for the default token: it lives for a year, so that old clients go on (KEP-1205)."""
A_YEAR = 365 * 24 * 3600
ISSUED = "authentication.kubernetes.io/issued-credential-id"
BOUND = {"Pod": "pods", "Secret": "secrets", "Node": "nodes"}


class Bound(NamedTuple):
    """What a token is to be as good as, and the node of a pod."""

    obj: Obj | None = None
    node: Obj | None = None


class TokenRequests:
    """The handler of TokenRequest."""

    def __init__(self, objects: StoredObjects, tokens: ServiceAccountTokens, version: str) -> None:
        self._objects, self._tokens = objects, tokens
        self._schema = body_schema(version, TOKEN_REQUEST)

    async def request(self, call: Call) -> Response:
        """POST serviceaccounts/NAME/token."""
        body = read(call, TOKEN_REQUEST, self._schema, _with_life)
        review = call.review("CREATE", body, None)
        body = await call.kit.admission.mutate(review)
        account = await self._account(call, body.get("metadata") or {})
        spec = body.get("spec") or {}
        _check_seconds(spec["expirationSeconds"])
        await call.kit.admission.validate(review.with_obj(body))
        bound = await self._bound(call, spec.get("boundObjectRef"))
        spec = {
            **spec,
            "audiences": spec.get("audiences") or list(self._tokens.audiences),
            "expirationSeconds": self._shortened(call, spec["expirationSeconds"]),
        }
        spec.setdefault("boundObjectRef", None)
        now = call.kit.clock.now()
        token = self._issue(call, account, bound, spec)
        expires = format_time(now + timedelta(seconds=spec["expirationSeconds"]))
        own = {key: account["metadata"][key] for key in ("name", "namespace", "uid")}
        made: Obj = {
            "kind": TOKEN_REQUEST.kind,
            "apiVersion": TOKEN_REQUEST.api_version,
            "metadata": {**(body.get("metadata") or {}), **own, "creationTimestamp": format_time(now)},
            "spec": spec,
            "status": {"token": token, "expirationTimestamp": expires},
        }
        return answer_review(call, made)

    async def _account(self, call: Call, meta: Obj) -> Obj:
        """The account, which the body's metadata may name as well. Raises 404, 409, 422."""
        name, namespace = call.info.name, call.info.namespace
        if meta.get("name") and meta["name"] != name:
            cause = wrong("metadata.name", meta["name"], "must match the service account name if specified")
            raise invalid(GROUP, TOKEN_REQUEST.kind, name, [cause])
        account = await self._objects.get("serviceaccounts", namespace, name)
        if account is None:
            raise not_found("", "serviceaccounts", name)
        own = account["metadata"]["uid"]
        if meta.get("uid") and meta["uid"] != own:
            why = f"the UID in the token request ({meta['uid']}) does not match the UID of the service account ({own})"
            raise conflict(GROUP, TOKEN_REQUEST.kind, name, why)
        return account

    def _shortened(self, call: Call, seconds: int) -> int:
        longest = self._tokens.settings.longest
        if longest <= 0 or seconds <= longest:
            return seconds
        call.warnings.append(f"requested expiration of {seconds} seconds shortened to {longest} seconds")
        return longest

    def _issue(self, call: Call, account: Obj, bound: Bound, spec: Obj) -> str:
        seconds, audiences = spec["expirationSeconds"], spec["audiences"]
        life = seconds
        of_pod = bound.obj is not None and bound.obj["kind"] == "Pod"
        if of_pod and seconds == WARN_ONLY and self._tokens.settings.extends:
            life = A_YEAR if set(audiences) <= set(self._tokens.audiences) else seconds
        identity = str(uuid.UUID(int=call.kit.rng.getrandbits(128), version=4))
        call.annotate({ISSUED: f"JTI={identity}"})
        return self._tokens.issue(
            account, audiences, life, call.kit.clock.now(), bound=bound.obj, id_=identity, node=bound.node,
            warn_after=seconds if life > seconds else 0,
        )  # fmt: skip

    async def _bound(self, call: Call, ref: Obj | None) -> Bound:
        if ref is None:
            return Bound()
        kind, name = ref.get("kind") or "", ref.get("name") or ""
        group, version = _group_version(ref.get("apiVersion") or "")
        plural = BOUND.get(kind) if not group else None
        if plural is None:
            raise bad_request(f"cannot bind token to object of type {group}/{version}, Kind={kind}")
        found = await self._objects.get(plural, "" if kind == "Node" else call.info.namespace, name)
        if found is None:
            raise not_found("", plural, name)
        node = None
        if kind == "Pod":
            spec = found.get("spec") or {}
            if spec.get("serviceAccountName") != call.info.name:
                named = go_quoted(call.info.name)
                why = f"cannot bind token for serviceaccount {named} to pod running with different serviceaccount name."
                raise bad_request(why)
            node = await self._node(spec.get("nodeName") or "")
        if ref.get("uid") and found["metadata"]["uid"] != ref["uid"]:
            why = f"the UID in the bound object reference ({ref['uid']}) does not match the UID in record. "
            raise conflict(group, kind, name, why + "The object might have been deleted and then recreated")
        return Bound({"kind": kind, **found}, node)

    async def _node(self, name: str) -> Obj | None:
        """The node of a pod; of one that is not there, just its name."""
        if not name:
            return None
        found = await self._objects.get("nodes", "", name)
        return {"kind": "Node", **(found or {"metadata": {"name": name}})}


def _group_version(text: str) -> tuple[str, str]:
    """As schema.FromAPIVersionAndKind reads it: what cannot be read is nothing."""
    return parse_api_version(text) if text and text.count("/") < 2 else ("", "")


def _with_life(body: Obj) -> Obj:
    """SetDefaults_TokenRequestSpec."""
    spec = body.get("spec") or {}
    if spec.get("expirationSeconds") is not None:
        return body
    return {**body, "spec": {**spec, "expirationSeconds": USUAL}}


def _check_seconds(seconds: int) -> None:
    problem = ""
    if seconds < SHORTEST:
        problem = "may not specify a duration less than 10 minutes"
    elif seconds > LONGEST:
        problem = "may not specify a duration larger than 2^32 seconds"
    if problem:
        cause = FieldError("FieldValueInvalid", "spec.expirationSeconds", f"Invalid value: {seconds}: {problem}")
        raise invalid(GROUP, TOKEN_REQUEST.kind, "", [cause])
