"""Trail: what is found out about one request, stage by stage, as audit events (audit.k8s.io/v1 Event)."""

from datetime import datetime
from typing import Any

from sampan.api.json import JSONDecodeError, Obj, loads
from sampan.api.times import format_micro
from sampan.apiserver.audit.policy import Policy, Wanted
from sampan.apiserver.context import RequestInfo, UserInfo
from sampan.net.http import Request, Response

MOST_AGENT = 1024
CUT = "...TRUNCATED"
JSON = "application/json"
PATCHES = "patch.webhook.admission.k8s.io/"
"""Annotations that have contents of requests."""
LONG = ("attach", "exec", "proxy", "log", "portforward")
HEAD = 64
"""How far into a body its kind stands, in bytes: the server writes it first."""


class Trail:
    """One request's. It is begun when its user is known; `annotations` is what others write into it."""

    def __init__(self, request: Request, audit_id: str, received: datetime, policy: Policy) -> None:
        self._request, self._received, self._policy = request, received, policy
        self.id = audit_id
        self.wanted: Wanted | None = None
        self.annotations: dict[str, str] = {}
        self._event: Obj = {}
        self._object: Obj | None = None
        self._patch = False

    def begin(self, user: UserInfo | None) -> None:
        """The user is known (None: nobody could be)."""
        request = self._request
        info: RequestInfo = request.context["info"]
        self.wanted = self._policy.wanted(user, info)
        if self.wanted.level == "None":
            return
        agent = request.headers.get("user-agent", "")
        self._event = {
            "kind": "Event",
            "apiVersion": "audit.k8s.io/v1",
            "level": self.wanted.level,
            "auditID": self.id,
            "stage": "",
            "requestURI": f"{request.path}?{request.query}" if request.query else request.path,
            "verb": info.verb,
            "user": user_of(user),
            "sourceIPs": source_addresses(request),
            **({"userAgent": agent if len(agent) <= MOST_AGENT else agent[:MOST_AGENT] + CUT} if agent else {}),
        }
        if info.is_resource:
            self._event["objectRef"] = reference(info)

    def impersonates(self, user: UserInfo, constraint: str) -> None:
        """The asker speaks for that user; `constraint`: the verb that let them, empty for the old one."""
        if self._event:
            self._event["impersonatedUser"] = user_of(user)
            if constraint:
                self._event["authenticationMetadata"] = {"impersonationConstraint": constraint}

    def asks(self, obj: Obj) -> None:
        """The object that is to be written."""
        meta = obj.get("metadata") or {}
        ref = self._event.get("objectRef")
        if ref is not None:
            found = {key: meta[key] for key in ("namespace", "name", "uid", "resourceVersion") if meta.get(key)}
            self._event["objectRef"] = {**ref, **{key: value for key, value in found.items() if key not in ref}}
        if self.wanted is not None and self.wanted.reaches("Request"):
            self._object = obj

    def patches(self) -> None:
        """The body of the request is a patch that is looked at."""
        self._patch = True

    def received(self) -> Obj | None:
        """The event of the stage RequestReceived, if that is wanted."""
        return self._stage("RequestReceived", self._received)

    def started(self, response: Response, now: datetime) -> Obj | None:
        """The event of the beginning of an answer that takes its time, or could have."""
        self._ends(response)
        return self._stage("ResponseStarted", now)

    def completed(self, response: Response, now: datetime) -> Obj | None:
        """The event of the end."""
        self._ends(response)
        return self._stage("ResponseComplete", now)

    def _ends(self, response: Response) -> None:
        """It is known what came of the request."""
        if not self._event or self.wanted is None:
            return
        whole = self.wanted.reaches("RequestResponse")
        context = self._request.context
        answer = context.get("answered")
        if (
            answer is None
            and "unanswered" not in context
            and response.stream is None
            and (whole or may_be_status(response))
        ):
            answer = body_of(response)
        self._event["responseStatus"] = status_of(response, answer)
        if self.wanted.reaches("Request"):
            asked = self._asked()
            if asked is not None:
                self._event["requestObject"] = self._trimmed(asked)
        if whole and isinstance(answer, dict):
            self._event["responseObject"] = self._trimmed(answer)

    def panicked(self, why: str, now: datetime) -> Obj | None:
        """The event of a request that the server itself broke on."""
        if not self._event:
            return None
        status = {
            "metadata": {},
            "status": "Failure",
            "message": f"APIServer panic'd: {why}",
            "reason": "InternalError",
        }
        self._event["responseStatus"] = {**status, "code": 500}
        return self._stage("Panic", now)

    def unknown_user(self, response: Response, now: datetime) -> Obj | None:
        """The event of a request whose credentials were refused."""
        self.begin(None)
        if not self._event:
            return None
        answer = body_of(response)
        self._event["responseStatus"] = status_of(response, answer)
        if self.wanted is not None and self.wanted.reaches("RequestResponse"):
            self._event["responseObject"] = answer
        return self._stage("ResponseStarted", now)

    def _asked(self) -> Any:
        if self._object is not None or not self._patch:
            return self._object
        try:
            return loads(self._request.body)
        except JSONDecodeError:
            return _from_yaml(self._request.body)

    def _trimmed(self, obj: Any) -> Any:
        if self.wanted is None or not self.wanted.omit_managed_fields or not isinstance(obj, dict):
            return obj
        made = without_managed_fields(obj)
        if isinstance(made.get("items"), list):
            made["items"] = [without_managed_fields(one) if isinstance(one, dict) else one for one in made["items"]]
        return made

    def _stage(self, stage: str, now: datetime) -> Obj | None:
        if not self._event or self.wanted is None or stage in self.wanted.omitted:
            return None
        times = {
            "requestReceivedTimestamp": format_micro(self._received),
            "stageTimestamp": format_micro(now),
        }
        told = self.annotations
        if told and not self.wanted.reaches("Request"):
            told = {key: value for key, value in told.items() if not key.startswith(PATCHES)}
        notes = {"annotations": dict(told)} if told else {}
        return {**self._event, "stage": stage, **times, **notes}


def _from_yaml(body: bytes) -> Any:
    """What is applied may be YAML; None for what is neither."""
    import yaml

    try:
        return yaml.safe_load(body)
    except (yaml.YAMLError, UnicodeDecodeError):
        return None


def takes_time(info: RequestInfo) -> bool:
    """Whether answers to such requests are told when they begin (upstream: BasicLongRunningRequestCheck)."""
    return info.verb in ("watch", "proxy") or (info.is_resource and info.subresource in LONG)


def without_managed_fields(obj: Obj) -> Obj:
    """A copy of the outer parts without metadata.managedFields."""
    meta = obj.get("metadata")
    if not isinstance(meta, dict) or "managedFields" not in meta:
        return dict(obj)
    return {**obj, "metadata": {key: value for key, value in meta.items() if key != "managedFields"}}


def user_of(user: UserInfo | None) -> Obj:
    """A user as events show one."""
    if user is None:
        return {}
    made: Obj = {"username": user.name, "uid": user.uid, "groups": list(user.groups)}
    made["extra"] = {key: list(values) for key, values in user.extra.items()}
    return {key: value for key, value in made.items() if value}


def reference(info: RequestInfo) -> Obj:
    """What is asked for."""
    made = {
        "resource": info.resource, "namespace": info.namespace, "name": info.name, "apiGroup": info.group,
        "apiVersion": info.version, "subresource": info.subresource,
    }  # fmt: skip
    return {key: value for key, value in made.items() if value}


def source_addresses(request: Request) -> list[str]:
    """Where the request came from: what proxies say, then the peer."""
    said = [part.strip() for part in request.headers.get("x-forwarded-for", "").split(",") if part.strip()]
    if not said and request.headers.get("x-real-ip"):
        said = [request.headers["x-real-ip"]]
    peer = request.peer.host if request.peer is not None else ""
    return [*said, peer] if peer and (not said or said[-1] != peer) else said


def may_be_status(response: Response) -> bool:
    """Whether a JSON body is worth reading for a Status: large answers are not parsed to find that they are none."""
    return b'"Status"' in response.body[:HEAD]


def body_of(response: Response) -> Any:
    """A JSON body, parsed; None for another one."""
    kind = next((value for name, value in response.headers if name.lower() == "content-type"), "")
    if not kind.startswith(JSON) or not response.body:
        return None
    try:
        return loads(response.body)
    except JSONDecodeError:
        return None


def status_of(response: Response, answer: Any) -> Obj:
    """What came of the request: of a Status what it says, else the code alone."""
    made: Obj = {"metadata": {}}
    if isinstance(answer, dict) and answer.get("kind") == "Status" and answer.get("apiVersion") == "v1":
        made |= {key: answer[key] for key in ("status", "message", "reason") if answer.get(key)}
        if answer.get("details") is not None:
            made["details"] = answer["details"]
    return {**made, "code": response.status}
