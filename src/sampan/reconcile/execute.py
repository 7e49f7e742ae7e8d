"""Perform a Plan through the Api, action by action."""

from collections.abc import MutableMapping
from dataclasses import dataclass
from typing import Protocol

from sampan.api.errors import StatusError
from sampan.api.json import Obj
from sampan.api.names import Key, ObjectRef, RestMapping
from sampan.client.api import Api
from sampan.client.recorder import Record
from sampan.reconcile.plan import Action, Ask, Call, Create, Delete, Emit, Patch, Requeue, Update


@dataclass(frozen=True, slots=True)
class Written:
    """An object that was written, at its new version; `created` if it was not there before."""

    mapping: RestMapping
    key: Key
    version: str
    created: bool = False


class Planner(Protocol):
    """Where Requeue goes."""

    def requeue(self, after: float) -> None: ...


@dataclass(frozen=True, slots=True)
class Executor:
    """Performs actions. StatusErrors of writes go up to the loop, which tries the key again."""

    api: Api
    recorder: Record

    async def perform(
        self, action: Action, planner: Planner, answers: MutableMapping[ObjectRef, Obj | None]
    ) -> Written | None:
        """One action; what it wrote, if it wrote."""
        match action:
            case Create():
                return await self._create(action)
            case Update(mapping, obj, subresource):
                return _written(mapping, await self.api.update(mapping, obj, subresource))
            case Patch():
                return await self._patch(action)
            case Delete():
                return await self._delete(action)
            case Emit(about, type_, reason, message):
                self.recorder.event(about, type_, reason, message)
            case Requeue(after):
                planner.requeue(after)
            case Ask(ref):
                answers[ref] = await self._ask(ref)
            case Call(method, path, body):
                await self._call(method, path, body)
        return None

    async def _create(self, action: Create) -> Written | None:
        try:
            return _written(action.mapping, await self.api.create(action.mapping, action.obj), created=True)
        except StatusError as error:
            if action.exists_ok and error.reason == "AlreadyExists":
                return None
            raise

    async def _patch(self, action: Patch) -> Written | None:
        try:
            made = await self.api.patch(action.ref, action.patch, action.kind, action.subresource)
        except StatusError as error:
            if action.missing_ok and error.code == 404:
                return None
            raise
        return _written(action.ref.mapping, made)

    async def _delete(self, action: Delete) -> Written | None:
        ref = action.ref
        try:
            answer = await self.api.delete(
                ref, uid=action.uid, propagation=action.propagation, grace_seconds=action.grace_seconds
            )
        except StatusError as error:
            if error.code == 404 or (action.uid and error.code == 409):
                return None
            raise
        if answer.get("kind") == "Status":
            return Written(ref.mapping, Key(ref.namespace, ref.name), str(2**63))
        return _written(ref.mapping, answer)

    async def _ask(self, ref: ObjectRef) -> Obj | None:
        """A live read; a reference without a name asks for the list of the kind in that namespace."""
        try:
            if ref.name:
                return await self.api.get(ref)
            return await self.api.call("GET", ref.mapping.path(ref.namespace))
        except StatusError as error:
            if error.code in (404, 405):
                return None
            raise

    async def _call(self, method: str, path: str, body: Obj | None) -> None:
        try:
            await self.api.call(method, path, body)
        except StatusError as error:
            if error.code not in (404, 405):
                raise


def _written(mapping: RestMapping, obj: Obj, *, created: bool = False) -> Written:
    meta = obj.get("metadata") or {}
    key = Key(meta.get("namespace", ""), meta.get("name", ""))
    return Written(mapping, key, meta.get("resourceVersion", ""), created)
