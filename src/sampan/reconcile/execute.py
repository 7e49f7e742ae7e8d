"""Perform a Plan through the Api, action by action."""

from collections.abc import Callable, MutableMapping
from dataclasses import dataclass
from typing import Protocol

from sampan.api.errors import StatusError
from sampan.api.json import Obj
from sampan.api.meta import name_of
from sampan.api.names import Key, ObjectRef, RestMapping
from sampan.client.api import Api
from sampan.client.recorder import Record
from sampan.reconcile.plan import Action, Announce, Ask, Call, Counted, Create, Delete, Emit, Patch, Requeue, Update


@dataclass(frozen=True, slots=True)
class Written:
    """An object that was written, at its new version; `created` if it was not there before."""

    mapping: RestMapping
    key: Key
    version: str
    created: bool = False


class Planner(Protocol):
    """Where Requeue goes."""

    def requeue(self, after: float, key: Key | None) -> None: ...


@dataclass(frozen=True, slots=True)
class Executor:
    """Performs actions. StatusErrors of writes go up to the loop, which tries the key again."""

    api: Api
    recorder: Record
    count: Callable[[Counted, bool], None] = lambda counted, failed: None
    """Told of every counted write, and whether it failed."""

    async def perform(
        self, action: Action, planner: Planner, answers: MutableMapping[ObjectRef, Obj | None]
    ) -> Written | None:
        """One action; what it wrote, if it wrote."""
        match action:
            case Create():
                return await self._create(action)
            case Update():
                return await self._update(action)
            case Patch():
                return await self._patch(action)
            case Delete():
                return await self._delete(action)
            case Emit(about, type_, reason, message):
                self.recorder.event(about, type_, reason, message)
            case Requeue(after, key):
                planner.requeue(after, key)
            case Ask(ref, None):
                answers[ref] = await self._ask(ref)
            case Ask(ref, body):
                answers[ref] = await self.api.call("POST", ref.mapping.path(ref.namespace), body)
            case Call(method, path, body):
                await self._call(method, path, body)
        return None

    async def _create(self, action: Create) -> Written | None:
        try:
            made = await self.api.create(action.mapping, action.obj)
        except StatusError as error:
            if action.exists_ok and error.reason == "AlreadyExists":
                return None
            if action.announce is not None:
                if is_terminating(error):
                    return None
                self._refused(action.announce, name_of(action.obj), error)
            raise
        self._done(action.announce, name_of(made))
        return _written(action.mapping, made, created=True)

    async def _update(self, action: Update) -> Written | None:
        try:
            made = await self.api.update(action.mapping, action.obj, action.subresource)
        except (StatusError, OSError):
            if action.counted is not None:
                self.count(action.counted, True)
            raise
        if action.counted is not None:
            self.count(action.counted, False)
        return _written(action.mapping, made)

    def _done(self, announce: Announce | None, name: str) -> None:
        if announce is not None and announce.done[0]:
            reason, message = announce.done
            self.recorder.event(announce.about, "Normal", reason, message.format(name=name))

    def _refused(self, announce: Announce, name: str, error: StatusError) -> None:
        reason, message = announce.refused
        self.recorder.event(announce.about, "Warning", reason, message.format(name=name, error=error))

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
            if action.announce is not None:
                self._refused(action.announce, ref.name, error)
            raise
        self._done(action.announce, ref.name)
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


def is_terminating(error: StatusError) -> bool:
    """Whether a creation was refused because its namespace is being deleted."""
    causes = (error.details or {}).get("causes") or ()
    return any(cause.get("reason") == "NamespaceTerminating" for cause in causes)


def _written(mapping: RestMapping, obj: Obj, *, created: bool = False) -> Written:
    meta = obj.get("metadata") or {}
    key = Key(meta.get("namespace", ""), meta.get("name", ""))
    return Written(mapping, key, meta.get("resourceVersion", ""), created)
