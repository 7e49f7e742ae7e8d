"""The parameters of a binding: objects of the policy's paramKind, by name or by labels."""

from sampan.api.json import Obj
from sampan.api.names import GVK, parse_api_version
from sampan.api.resource import Resource
from sampan.apiserver.admission.bodies import Bodies
from sampan.apiserver.admission.policy.records import ParamRef
from sampan.apiserver.live import LiveResources
from sampan.apiserver.objects import StoredObjects


class Misconfigured(Exception):
    """A policy or binding that cannot be used as it is."""


class Params:
    """Finds parameters among what is stored."""

    def __init__(self, objects: StoredObjects, live: LiveResources, bodies: Bodies) -> None:
        self._objects, self._live, self._bodies = objects, live, bodies

    def kind(self, wanted: tuple[str, str]) -> Resource:
        """The resource of a paramKind. Raises Misconfigured."""
        group, version = parse_api_version(wanted[0])
        found = self._live.of_kind(GVK(group, version, wanted[1]))
        if found is None:
            shown = f"{group}/{version}, Kind={wanted[1]}"
            raise Misconfigured(f"failed to find resource referenced by paramKind: '{shown}'")
        return found

    async def of(self, kind: Resource | None, ref: ParamRef | None, namespace: str) -> list[Obj | None]:
        """The parameters; one None where none are used, and none at all if that is no reason to refuse.

        Raises Misconfigured.
        """
        if kind is None or ref is None:
            return [None]
        found = await self._found(kind, ref, self._namespace(kind, ref, namespace))
        if not found and ref.denies:
            raise Misconfigured("no params found for policy binding with `Deny` parameterNotFoundAction")
        return [await self._bodies.of_version(one, kind) for one in found]

    def _namespace(self, kind: Resource, ref: ParamRef, namespace: str) -> str:
        if not kind.mapping.namespaced:
            if ref.namespace:
                raise Misconfigured("paramRef.namespace must not be provided for a cluster-scoped `paramKind`")
            return ""
        if not ref.namespace and not namespace:
            why = "cannot use namespaced paramRef in policy binding that matches cluster-scoped resources"
            raise Misconfigured(why)
        return ref.namespace or namespace

    async def _found(self, kind: Resource, ref: ParamRef, namespace: str) -> list[Obj]:
        stored = self._live.stored(kind).mapping
        if ref.name:
            one = await self._objects.get(stored.plural, namespace, ref.name, stored.group)
            return [] if one is None else [one]
        if ref.selector is None:
            raise Misconfigured("one of name or selector must be provided")
        everything = await self._objects.list(stored.plural, namespace, stored.group)
        return [one for one in everything if ref.selector.matches(one["metadata"].get("labels") or {})]
