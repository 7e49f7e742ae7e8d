"""The variables of admission policies, and their types (apiserver: admission/plugin/cel)."""

from collections.abc import Mapping
from functools import lru_cache

from sampan.api.cel.environment import Environment
from sampan.api.cel.function import Overload, fn
from sampan.api.cel.types import (
    BOOL,
    DYN,
    INT,
    STRING,
    TIMESTAMP,
    AnyField,
    Field,
    Type,
    list_of,
    map_of,
)
from sampan.resources.policies import authz


def _object(name: str, /, **fields: Type) -> Type:
    return Type("object", (), name, {key: Field(key, type_) for key, type_ in fields.items()})


KIND = _object("kubernetes.GroupVersionKind", group=STRING, version=STRING, kind=STRING)
RESOURCE = _object("kubernetes.GroupVersionResource", group=STRING, version=STRING, resource=STRING)
USER = _object(
    "kubernetes.UserInfo", username=STRING, uid=STRING, groups=list_of(STRING), extra=map_of(STRING, list_of(STRING))
)
REQUEST = _object(
    "kubernetes.AdmissionRequest",
    kind=KIND, resource=RESOURCE, subResource=STRING, requestKind=KIND, requestResource=RESOURCE,
    requestSubResource=STRING, name=STRING, namespace=STRING, operation=STRING, userInfo=USER, dryRun=BOOL, options=DYN,
)  # fmt: skip
TEXTS = map_of(STRING, STRING)
CONDITION = _object(
    "kubernetes.NamespaceCondition",
    status=STRING, type=STRING, lastTransitionTime=TIMESTAMP, message=STRING, reason=STRING,
)  # fmt: skip
NAMESPACE = _object(
    "kubernetes.Namespace",
    metadata=_object(
        "kubernetes.NamespaceMetadata",
        name=STRING, generateName=STRING, namespace=STRING, labels=TEXTS, annotations=TEXTS, UID=STRING,
        creationTimestamp=TIMESTAMP, deletionGracePeriodSeconds=INT, deletionTimestamp=TIMESTAMP, generation=INT,
        resourceVersion=STRING, finalizers=list_of(STRING),
    ),
    spec=_object("kubernetes.NamespaceSpec", finalizers=list_of(STRING)),
    status=_object("kubernetes.NamespaceStatus", conditions=list_of(CONDITION), phase=STRING),
)  # fmt: skip


class _PatchFields(dict[str, Field]):
    """A JSONPatch accepts any field, but nothing has the type of those that it does not know."""

    def __init__(self) -> None:
        super().__init__({key: Field(key, STRING) for key in ("op", "path", "from")}, value=Field("value", DYN))

    def __missing__(self, name: str) -> Field:
        return Field(name, Type(""))


OBJECT = Type("object", (), "Object", AnyField())
PATCH = Type("object", (), "JSONPatch", _PatchFields())


def _escape_key(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")


ESCAPE: tuple[Overload, ...] = (fn("jsonpatch.escapeKey", "(string) -> string", _escape_key),)


@lru_cache(maxsize=256)
def mutated(name: str) -> Type | None:
    """The types that mutations make: Object, Object.spec, …, JSONPatch."""
    if name == "JSONPatch":
        return PATCH
    return Type("object", (), name, AnyField()) if name == "Object" or name.startswith("Object.") else None


def environment(
    variables: Mapping[str, Type] | None, *, params: bool, authorizer: bool = True, mutation: bool = False
) -> Environment:
    """What an expression of a policy sees. `variables` are the policy's own, by name; None where there are none."""
    seen = {"object": DYN, "oldObject": DYN, "request": REQUEST, "namespaceObject": NAMESPACE}
    if params:
        seen["params"] = DYN
    if authorizer:
        seen["authorizer"] = authz.Authorizer.cel_type
        seen["authorizer.requestResource"] = authz.ResourceCheck.cel_type
    if variables is not None:
        seen["variables"] = _object("kubernetes.variables", **variables)
    functions = [*authz.FUNCTIONS, *(ESCAPE if mutation else ())]
    return Environment(seen, functions, mutated if mutation else lambda name: None)
