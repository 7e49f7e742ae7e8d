"""What is wrong with an event, by the group that is asked (core validation: ValidateEventCreate, ValidateEventUpdate).

Objects are looked at as core/v1 has them; errors speak of the internal fields, as upstream's do.
"""

from sampan.api.json import Obj
from sampan.api.meta import is_dns1123_subdomain, is_qualified_name, meta
from sampan.resources.convert import event_to_core
from sampan.resources.strategies.checks import IMMUTABLE, Errors, Shown, invalid, marshalled, required
from sampan.resources.validation.go_struct import Table, shown_struct

MOST, MOST_NOTE = 128, 1024
UNSET = "needs to be unset"
REFERENCE: Table = (
    ("Kind", "kind", ""), ("Namespace", "namespace", ""), ("Name", "name", ""), ("UID", "uid", ""),
    ("APIVersion", "apiVersion", ""), ("ResourceVersion", "resourceVersion", ""), ("FieldPath", "fieldPath", ""),
)  # fmt: skip
SOURCE: Table = (("Component", "component", ""), ("Host", "host", ""))


def check_core_event(event: Obj) -> Errors:
    """An event of core/v1, new or changed: few rules, for those who wrote events before the others came."""
    return _old_rules(event, "reportingComponent")


def check_event(obj: Obj) -> Errors:
    """A new event of events.k8s.io/v1, but for its metadata."""
    event = event_to_core(obj)
    errors = _old_rules(event, "reportingController")
    errors += _series(event)
    if not event.get("eventTime"):
        errors.append(required("eventTime"))
    if event.get("type") not in ("Normal", "Warning"):
        errors.append(invalid("type", "", f"has invalid value: {event.get('type') or ''}"))
    errors += [invalid(name, "", UNSET) for name in ("firstTimestamp", "lastTimestamp", "count") if event.get(name)]
    source = event.get("source") or {}
    if source.get("component") or source.get("host"):
        errors.append(invalid("source", "", UNSET))
    return errors


def check_event_update(new: Obj, old: Obj) -> Errors:
    """A changed event of events.k8s.io/v1: only its series may change."""
    after, before = event_to_core(new), event_to_core(old)
    errors = _old_rules(after, "reportingController")
    if (after.get("series") or None) != (before.get("series") or None):
        errors += _series(after)
    errors += _kept_struct("involvedObject", after, before, REFERENCE)
    errors += _kept_text("reason", after, before) + _kept_text("message", after, before)
    errors += _kept_struct("source", after, before, SOURCE)
    errors += _kept_time("firstTimestamp", after, before) + _kept_time("lastTimestamp", after, before)
    if (after.get("count") or 0) != (before.get("count") or 0):
        errors.append(invalid("count", after.get("count") or 0, IMMUTABLE))
    errors += _kept_text("reason", after, before) + _kept_text("type", after, before)
    errors += _kept_time("eventTime", after, before) + _kept_text("action", after, before)
    related = after.get("related")
    if related != before.get("related"):
        errors.append(invalid("related", shown_struct(related, REFERENCE, pointer=True), IMMUTABLE))
    errors += _kept_text("reportingComponent", after, before, "reportingController")
    return errors + _kept_text("reportingInstance", after, before)


def _kept_text(name: str, after: Obj, before: Obj, called: str = "") -> Errors:
    value = after.get(name) or ""
    return [] if value == (before.get(name) or "") else [invalid(called or name, value, IMMUTABLE)]


def _kept_struct(name: str, after: Obj, before: Obj, table: Table) -> Errors:
    value = after.get(name) or {}
    return [] if value == (before.get(name) or {}) else [invalid(name, shown_struct(value, table), IMMUTABLE)]


def _kept_time(name: str, after: Obj, before: Obj) -> Errors:
    value = after.get(name)
    return [] if value == before.get(name) else [invalid(name, Shown(marshalled(value)), IMMUTABLE)]


def _series(event: Obj) -> Errors:
    series = event.get("series")
    errors: Errors = []
    if series is not None:
        if (series.get("count") or 0) < 2:
            errors.append(invalid("series.count", "", "should be at least 2"))
        if not series.get("lastObservedTime"):
            errors.append(required("series.lastObservedTime"))
    return errors


def _old_rules(event: Obj, controller: str) -> Errors:
    namespace, about = meta(event).get("namespace") or "", (event.get("involvedObject") or {}).get("namespace") or ""
    errors: Errors = []
    if not event.get("eventTime"):
        fits = about == namespace if about else namespace in ("", "default")
    else:
        fits = bool(about) or namespace in ("default", "kube-system")
    if not fits:
        errors.append(invalid("involvedObject.namespace", about, "does not match event.namespace"))
    if event.get("eventTime"):
        errors += _new_fields(event, controller)
    return errors + [invalid("namespace", namespace, text) for text in is_dns1123_subdomain(namespace)]


def _new_fields(event: Obj, controller: str) -> Errors:
    name = event.get("reportingComponent") or ""
    errors: Errors = [] if name else [required(controller)]
    errors += [invalid(controller, name, text) for text in is_qualified_name(name)]
    for key in ("reportingInstance", "action", "reason"):
        value = event.get(key) or ""
        if not value:
            errors.append(required(key))
        if len(value.encode()) > MOST:
            errors.append(invalid(key, "", f"can have at most {MOST} characters"))
    if len((event.get("message") or "").encode()) > MOST_NOTE:
        errors.append(invalid("message", "", f"can have at most {MOST_NOTE} characters"))
    return errors
