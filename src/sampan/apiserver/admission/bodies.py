"""Objects as webhooks see them: in the kind and version that a rule names; and what their patches make of them."""

from collections.abc import Mapping

from sampan.api.errors import StatusError, internal
from sampan.api.json import JSONDecodeError, Obj, loads
from sampan.api.names import GVK
from sampan.api.patch.json import PatchFailed, apply
from sampan.api.patch.places import DEDUCED, Place, place_of
from sampan.api.resource import Resource
from sampan.api.schema.decode import DecodeError, decode
from sampan.api.selectors import LabelSelector
from sampan.apiserver.admission.review import Review
from sampan.apiserver.admission.webhook import Target, kind_of
from sampan.apiserver.admission.webhook_review import Answer, Question
from sampan.apiserver.conversion import Conversion
from sampan.apiserver.live import LiveResources
from sampan.apiserver.managers import root_place
from sampan.apiserver.verbs.scale import SCALE_NODE, scale_of, with_value
from sampan.apiserver.webhook_client import CallFailed


class Bodies:
    """The bodies of reviews over the served resources."""

    def __init__(self, live: LiveResources, conversions: Mapping[tuple[str, str], Conversion]) -> None:
        self._live, self._conversions = live, conversions
        self._equivalents: dict[tuple[Resource, str], tuple[Resource, ...]] = {}
        live.on_change(self._equivalents.clear)

    def equivalents(self, resource: Resource, subresource: str) -> tuple[Resource, ...]:
        """The other versions and groups in which the same objects are served."""
        key = (resource, subresource)
        found = self._equivalents.get(key)
        if found is None:
            stored = self._live.stored(resource)
            found = self._equivalents[key] = tuple(
                other
                for other in self._live.all()
                if other is not resource
                and self._live.stored(other) is stored
                and (not subresource or subresource in other.subresources)
            )
        return found

    def selected(self, selector: LabelSelector, review: Review) -> bool:
        """Whether the new or the old object has the labels."""
        return any(
            selector.matches((obj.get("metadata") or {}).get("labels") or {})
            for obj in (_shown(review, review.obj), _shown(review, review.old))
            if obj is not None
        )

    async def converted(self, review: Review, target: Target) -> tuple[Obj | None, Obj | None]:
        """The new and the old object for the webhook."""
        made = []
        for obj in (review.obj, review.old):
            body = _shown(review, obj)
            if body is not None and not _other_body(review):
                body = await self._convert(body, review.resource, target.resource)
            made.append(None if body is None else _of_kind(body, target.kind))
        return made[0], made[1]

    async def of_version(self, obj: Obj, resource: Resource) -> Obj:
        """An object as it is stored, in the version of a resource."""
        return _of_kind(await self._convert(obj, self._live.stored(resource), resource), resource.gvk)

    async def patched(
        self, name: str, operations: list[Obj], answer: Answer, question: Question, *, always: bool = False
    ) -> Obj | None:
        """The request's object after the patch, or None if nothing changed (and it is not `always` to be a change).
        Raises CallFailed, StatusError."""
        if question.obj is None:
            why = "attempted to modify the object, which is not supported for this operation"
            raise internal(f'admission webhook "{name}" {why}')
        if answer.patch_type != "JSONPatch":
            raise CallFailed(f'unsupported patch type "{answer.patch_type}"', 400)
        try:
            made = apply(question.obj, operations)
        except PatchFailed as failed:
            raise internal(failed.why) from None
        except StatusError as error:
            raise internal(error.message) from None
        if not isinstance(made, dict):
            raise internal("json: cannot unmarshal the patched object")
        if made == question.obj and not always:
            return None
        return await self.back(made, question.review, question.target)

    def place(self, target: Target, review: Review) -> Place:
        """How objects of the target's kind merge."""
        if _is_scale(review):
            return place_of(SCALE_NODE)
        return DEDUCED if _other_body(review) else root_place(self._live, target.resource)

    async def back(self, made: Obj, review: Review, target: Target, strict: bool = False) -> Obj:
        """A changed object of the target's kind as the request's own. `strict`: built-in kinds have known fields only.

        Raises StatusError 500.
        """
        resource = target.resource
        named = made.get("apiVersion"), made.get("kind")
        if strict and resource.schema.name and named != (target.kind.api_version, target.kind.kind) and all(named):
            scheme = "pkg/api/legacyscheme/scheme.go:30"
            raise internal(f'no kind "{named[1]}" is registered for version "{named[0]}" in scheme "{scheme}"')
        if _is_scale(review):
            assert review.obj is not None
            assert review.resource.scale is not None
            replicas = (made.get("spec") or {}).get("replicas") or 0
            return with_value(review.obj, review.resource.scale.replicas, replicas)
        if _other_body(review):
            return made
        try:
            decoded, unknown = decode(made, resource.schema)
        except DecodeError as error:
            raise internal(str(error)) from None
        if strict and unknown and resource.schema.name:
            raise internal("strict decoding error: " + ", ".join(f'unknown field "{path}"' for path in unknown))
        decoded = resource.strategy.default(_of_kind(decoded, target.kind))
        back = await self._convert(decoded, resource, review.resource)
        return _of_kind(back, review.resource.gvk)

    async def _convert(self, obj: Obj, source: Resource, target: Resource) -> Obj:
        """An object of one served version as another one."""
        if source is target:
            return obj
        live = self._live
        conversion = self._conversions.get((source.mapping.group, source.mapping.plural))
        if conversion is not None:
            return (await conversion.convert([_of_kind(obj, source.gvk)], target.gvk.api_version))[0]
        if live.stored(source) is not source and source.to_storage is not None:
            obj = source.to_storage(obj)
        if live.stored(target) is not target and target.from_storage is not None:
            obj = target.from_storage(obj)
        return obj


def operations_of(answer: Answer) -> list[Obj]:
    if not answer.patch:
        return []
    try:
        value = loads(answer.patch)
    except JSONDecodeError as error:
        raise CallFailed(f"received undecodable patch in webhook response: {error}") from None
    if value is not None and not (isinstance(value, list) and all(isinstance(one, dict) for one in value)):
        why = "json: cannot unmarshal into Go value of type jsonpatch.Patch"
        raise CallFailed(f"received undecodable patch in webhook response: {why}")
    return value or []


def _is_scale(review: Review) -> bool:
    return review.subresource == "scale" and review.resource.scale is not None


def _other_body(review: Review) -> bool:
    """Whether the subresource's body is of another kind than the object."""
    return kind_of(review.resource, review.subresource) != review.resource.gvk


def _shown(review: Review, obj: Obj | None) -> Obj | None:
    if obj is None or not _is_scale(review) or review.resource.scale is None:
        return obj
    return scale_of(obj, review.resource.scale)


def _of_kind(obj: Obj, kind: GVK) -> Obj:
    rest = {key: value for key, value in obj.items() if key not in ("kind", "apiVersion")}
    return {"kind": kind.kind, "apiVersion": kind.api_version, **rest}
