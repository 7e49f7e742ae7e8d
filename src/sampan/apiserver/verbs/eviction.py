"""pods/eviction: delete a pod if its disruption budget allows it (upstream: registry/core/pod/storage/eviction.go)."""

from collections.abc import Sequence
from functools import cache

from sampan.api.errors import StatusError, bad_request, forbidden, invalid, too_many_requests
from sampan.api.json import Obj, loads
from sampan.api.meta import condition, is_condition_true, labels_of
from sampan.api.names import GVK
from sampan.api.schema.nodes import Node
from sampan.api.selectors import SelectorError, label_selector
from sampan.apiserver import write
from sampan.apiserver.answer import answer_object
from sampan.apiserver.body_kind import NEWEST, unrecognized
from sampan.apiserver.call import Call
from sampan.apiserver.context import RequestInfo
from sampan.apiserver.decoder import decode_body
from sampan.apiserver.options import PLAIN_WRITE, DeleteOptions, delete_options, write_options
from sampan.apiserver.query import Query
from sampan.apiserver.start import SYSTEM
from sampan.apiserver.verbs.binding import CREATED, EMPTY
from sampan.apiserver.verbs.delete import check_preconditions, delete_one
from sampan.apiserver.write import Change
from sampan.net.http import Request, Response
from sampan.resources.build import body_schema
from sampan.resources.strategies.checks import invalid as invalid_field
from sampan.resources.strategies.disruption import with_allowed_condition

EVICTION, OLD = GVK("policy", "v1", "Eviction"), GVK("policy", "v1beta1", "Eviction")
TRIES = 20
MOST_DISRUPTED = 2000
"""Evictions that the disruption controller has not seen yet."""
BUDGETS = ("policy", "v1", "poddisruptionbudgets")
CAUSE = "DisruptionBudget"
REFUSED = "Cannot evict pod as it would violate the pod's disruption budget."
SEVERAL = "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support."
FAILED: Obj = {
    "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": SEVERAL, "code": 500,
}  # fmt: skip
UNWANTED = "ignoreStoreReadErrorWithClusterBreakingPotential"


async def eviction(call: Call) -> Response:
    """POST of an Eviction."""
    request = call.request
    options = write_options(call.query, "CreateOptions")
    if not request.body:
        raise bad_request(unrecognized("Eviction", EMPTY, b""))
    body = _read(call, options.validation)
    name = call.info.name
    if (body.get("metadata") or {}).get("name") != name:
        raise bad_request("name in URL does not match name in Eviction object")
    given = body.get("deleteOptions")
    given = given if isinstance(given, dict) else {}
    if given.get(UNWANTED):
        why = "can not be set for pod eviction, try after removing the option"
        raise invalid("policy", "Eviction", name, [invalid_field(f"deleteOptions.{UNWANTED}", True, why)])
    wanted = delete_options(given, Query({}))
    if options.dry_run:
        wanted = wanted._replace(dry_run=True)
    asked = options.as_object("CreateOptions")
    body = await call.kit.admission.mutate(call.review("CREATE", body, None, dry_run=options.dry_run, options=asked))
    await call.kit.admission.validate(call.review("CREATE", body, None, dry_run=options.dry_run, options=asked))
    return await _evict(call, wanted)


@cache
def _schema() -> Node:
    return body_schema(NEWEST, EVICTION)


def _read(call: Call, validation: str) -> Obj:
    """The Eviction in the body, of policy/v1 or v1beta1; raises 400 and 415."""
    body, content_type = call.request.body, call.request.headers.get("content-type", "")
    gvk = OLD if b"policy/v1beta1" in body else EVICTION
    decoded = decode_body(body, content_type, gvk, _schema(), validation)
    call.warnings.extend(decoded.problems)
    call.told(decoded.obj, gvk)
    return write.check_namespace(call, decoded.obj)


async def _evict(call: Call, wanted: DeleteOptions) -> Response:
    pod = await _pod(call)
    for attempt in range(TRIES):
        if not _is_free(pod):
            break
        try:
            await _delete(call, _guarded(wanted, pod) if _may_recover(pod) else wanted)
            return answer_object(call, CREATED, 201)
        except StatusError as error:
            if error.reason != "Conflict" or wanted.version is not None or attempt + 1 == TRIES:
                raise
        pod = await _pod(call)
    budgets = await _budgets(call, pod)
    if len(budgets) > 1:
        return answer_object(call, FAILED, 500)
    unready = bool(budgets) and not is_condition_true(pod, "Ready") and _spares_unready(budgets[0])
    if budgets and not unready:
        await _count(call, budgets[0]["metadata"]["name"], wanted.dry_run)
    try:
        await _delete(call, _guarded(wanted, pod, always=True) if unready else wanted)
    except StatusError as error:
        if error.reason == "Conflict" and unready and wanted.version is None:
            raise still_processed(budgets[0]["metadata"]["name"]) from None
        raise
    return answer_object(call, CREATED, 201)


async def _pod(call: Call) -> Obj:
    registry = call.kit.registry
    return registry.object(call.entry, await registry.get(call.entry, call.namespace, call.info.name))


def _is_free(pod: Obj) -> bool:
    """Whether nothing is disrupted by its end, so that no budget is asked."""
    going = pod["metadata"].get("deletionTimestamp") is not None
    return going or (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed", "Pending")


def _may_recover(pod: Obj) -> bool:
    """Whether it could become ready while it is being evicted."""
    return not pod["metadata"].get("deletionTimestamp") and (pod.get("status") or {}).get("phase") == "Pending"


def _guarded(wanted: DeleteOptions, pod: Obj, *, always: bool = False) -> DeleteOptions:
    """Options for this very state of the pod, if the client has not asked for one."""
    if wanted.version is not None and not always:
        return wanted
    return wanted._replace(version=pod["metadata"]["resourceVersion"])


async def _budgets(call: Call, pod: Obj) -> Sequence[Obj]:
    """The budgets that select the pod."""
    page = await call.kit.store.range(f"/policy/poddisruptionbudgets/{call.namespace}/")
    found = []
    for kv in page.items:
        budget: Obj = loads(kv.value)
        selector = (budget.get("spec") or {}).get("selector")
        try:
            if selector is not None and label_selector(selector).matches(labels_of(pod)):
                found.append(budget)
        except SelectorError:
            continue
    return found


def _spares_unready(budget: Obj) -> bool:
    """Whether pods that are not ready may go without being counted (KEP-3017)."""
    if (budget.get("spec") or {}).get("unhealthyPodEvictionPolicy") == "AlwaysAllow":
        return True
    status = budget.get("status") or {}
    desired = status.get("desiredHealthy") or 0
    return desired > 0 and (status.get("currentHealthy") or 0) >= desired


def still_processed(name: str) -> StatusError:
    """429: the budget's status is not of its newest state."""
    return _refused(f"The disruption budget {name} is still being processed by the server.", 10)


def _refused(message: str, retry_after: int) -> StatusError:
    error = too_many_requests(REFUSED, retry_after)
    details: Obj = {"causes": [{"reason": CAUSE, "message": message}]}
    if retry_after:
        details["retryAfterSeconds"] = retry_after
    else:
        error.headers = {}
    error.details = details
    return error


async def _count(call: Call, name: str, dry_run: bool) -> None:
    """Take one disruption from the budget. Raises 403 and 429."""
    budgets = call.kit.live.get(*BUDGETS)
    assert budgets is not None
    path = f"{budgets.mapping.path(call.namespace)}/{name}/status"
    request = Request("PUT", path, headers={"user-agent": "kube-apiserver"}, context={"user": SYSTEM})
    info = RequestInfo(True, "update", path, "policy", "v1", call.namespace, budgets.mapping.plural, "status", name)
    inner = Call(call.kit, request, info, budgets, call.kit.registry.entry(budgets))
    pod, now = call.info.name, call.kit.now()

    async def make(old: Obj) -> Obj:
        return counted(old, pod, now)

    options = PLAIN_WRITE._replace(dry_run=True) if dry_run else PLAIN_WRITE
    await write.update(inner, Change(make, "status"), options, "UpdateOptions")


def counted(budget: Obj, pod: str, now: str) -> Obj:
    """The budget with one disruption less, and the pod among the disrupted; raises 403 and 429."""
    meta, status = budget["metadata"], budget.get("status") or {}
    name, allowed = meta["name"], status.get("disruptionsAllowed") or 0
    disrupted = status.get("disruptedPods") or {}
    if (status.get("observedGeneration") or 0) < (meta.get("generation") or 0):
        raise still_processed(name)
    if allowed < 0:
        raise forbidden("policy", "poddisruptionbudget", name, "pdb disruptions allowed is negative")
    if len(disrupted) > MOST_DISRUPTED:
        why = "DisruptedPods map too big - too many evictions not confirmed by PDB controller"
        raise forbidden("policy", "poddisruptionbudget", name, why)
    if allowed == 0:
        raise _refused(_why(name, budget, status), 0)
    made = {**status, "disruptionsAllowed": allowed - 1, "disruptedPods": {**disrupted, pod: now}}
    if allowed == 1:
        made = with_allowed_condition(made, now)
    return {**budget, "status": made}


def _why(name: str, budget: Obj, status: Obj) -> str:
    """Why it allows no disruption."""
    allowed = condition(budget, "DisruptionAllowed") or {}
    said = allowed.get("message") if allowed.get("status") == "False" else ""
    reason = allowed.get("reason")
    desired, current = status.get("desiredHealthy") or 0, status.get("currentHealthy") or 0
    if said and reason == "SyncFailed":
        return f"The disruption budget {name} does not allow evicting pods currently because it failed sync: {said}"
    if current <= desired:
        return f"The disruption budget {name} needs {desired} healthy pods and has {current} currently"
    more = f" ({reason}): {said}" if said else ""
    return f"The disruption budget {name} does not allow evicting pods currently{more}"


async def _delete(call: Call, options: DeleteOptions) -> None:
    """Say in the pod's status why it goes, then delete it. Neither is asked of admission: the eviction was."""
    if not options.dry_run:
        now = call.kit.now()

        async def make(old: Obj) -> Obj:
            check_preconditions(call, call.info.name, old["metadata"], options)
            return _condemned(old, now)

        change = Change(make, "status", admit=False, tracks=False)
        written = await write.update(call, change, PLAIN_WRITE, "UpdateOptions")
        if options.version is not None:
            options = options._replace(version=loads(written.value)["metadata"]["resourceVersion"])
    await delete_one(call, call.info.name, options, admit=False)


def _condemned(pod: Obj, now: str) -> Obj:
    """The pod with its DisruptionTarget condition."""
    conditions = list((pod.get("status") or {}).get("conditions") or ())
    at = next((n for n, one in enumerate(conditions) if one.get("type") == "DisruptionTarget"), len(conditions))
    before = conditions[at] if at < len(conditions) else {}
    since = before.get("lastTransitionTime") if before.get("status") == "True" else now
    conditions[at : at + 1] = [
        {
            "type": "DisruptionTarget", "status": "True", "lastProbeTime": None, "lastTransitionTime": since,
            "reason": "EvictionByEvictionAPI", "message": "Eviction API: evicting",
        }
    ]  # fmt: skip
    return {**pod, "status": {**(pod.get("status") or {}), "conditions": conditions}}
