"""Selectors of LIST and WATCH as one predicate over stored versions, without parsing them."""

from sampan.api.errors import bad_request
from sampan.api.resource import Resource
from sampan.api.selectors import (
    FieldRequirement,
    FieldSelector,
    LabelSelector,
    SelectorError,
    parse_fields,
    parse_labels,
)
from sampan.apiserver.call import Call
from sampan.apiserver.options import ListOptions, check_list_options, list_options
from sampan.apiserver.registry import Entry
from sampan.store.base import KeyValue

NAME, NAMESPACE = "metadata.name", "metadata.namespace"


class Matcher:
    """All of the label and field requirements of a request. `narrow` is the longest key prefix that they allow."""

    __slots__ = ("_fields", "_labels", "_named", "narrow")

    def __init__(self, labels: LabelSelector, fields: FieldSelector, narrow: str) -> None:
        self._labels = labels
        self._named = tuple(r for r in fields.requirements if r.field in (NAME, NAMESPACE))
        rest = tuple(r for r in fields.requirements if r.field not in (NAME, NAMESPACE))
        self._fields = FieldSelector(rest) if rest else None
        self.narrow = narrow

    def __call__(self, kv: KeyValue) -> bool:
        if self._named and not _named(self._named, kv.key):
            return False
        if self._labels and not self._labels.matches(kv.labels):
            return False
        return self._fields is None or self._fields.matches(kv.fields)


def _named(requirements: tuple[FieldRequirement, ...], key: str) -> bool:
    parts = key.split("/")
    namespace = parts[3] if len(parts) == 5 else ""
    for requirement in requirements:
        value = parts[-1] if requirement.field == NAME else namespace
        if (value == requirement.value) is requirement.negated:
            return False
    return True


def asked(call: Call, watching: bool) -> tuple[ListOptions, Matcher | None]:
    """What a LIST or WATCH asks for: its options, and the predicate of its selectors. Raises 400 and 422."""
    options = list_options(call.query, watching)
    name = call.info.name
    if not options.label_selector and not options.field_selector and not name:
        check_list_options(options, watching)
        return options, None
    try:
        labels, fields = parse_labels(options.label_selector), parse_fields(options.field_selector)
    except SelectorError as error:
        raise bad_request(str(error)) from None
    check_list_options(options, watching)
    for requirement in fields.requirements:
        check_field(call.resource, requirement.field)
    if name:
        if not fields:
            fields = FieldSelector((FieldRequirement(NAME, False, name),))
        elif fields.required(NAME) != name:
            raise bad_request("fieldSelector metadata.name doesn't match requested name")
    return options, matcher(call.entry, call.namespace, labels, fields)


def matcher(entry: Entry, namespace: str, labels: LabelSelector, fields: FieldSelector) -> Matcher | None:
    """The predicate of two selectors, None if they select everything."""
    if not labels and not fields:
        return None
    if entry.foreign:
        fields = as_stored(fields, entry)
    narrow = entry.range(namespace or (fields.required(NAMESPACE) or ""))
    name = fields.required(NAME)
    if name and narrow.count("/") == (4 if entry.resource.mapping.namespaced else 3):
        narrow += name
    return Matcher(labels, fields, narrow)


EVENT_FIELDS = {"regarding": "involvedObject", "reportingController": "reportingComponent"}


def as_stored(selector: FieldSelector, entry: Entry) -> FieldSelector:
    """The same selector with the names that the stored version's index has (events.k8s.io over core events)."""
    made = []
    for requirement in selector.requirements:
        field = requirement.field
        if field not in entry.stored.selectable:
            first, dot, rest = field.partition(".")
            field = EVENT_FIELDS.get(first, first) + dot + rest
        made.append(FieldRequirement(field, requirement.negated, requirement.value))
    return FieldSelector(tuple(made))


def check_field(resource: Resource, field: str) -> None:
    """Only some fields can be selected on."""
    if field in resource.selectable or field == NAME:
        return
    if field == NAMESPACE and (resource.mapping.namespaced or not resource.selectable):
        return
    if resource.mapping.group == "resource.k8s.io" and resource.selectable:
        named = f"{resource.gvk.api_version}, Kind={resource.gvk.kind}"
        raise bad_request(f"field label not supported for {named}: {field}")
    if resource.mapping.group == "batch" and resource.gvk.kind == "Job":
        raise bad_request(f'field label "{field}" not supported for Job')
    if resource.selectable or resource.custom:
        raise bad_request(f"field label not supported: {field}")
    raise bad_request(f'"{field}" is not a known field selector: only "{NAME}", "{NAMESPACE}"')
