"""Every controller's thinking as YAML: what it sees, what it plans.

A case has `objects` (what the caches hold), `live` (answers to what it asks), `failure`, `now`, `key` and `plan`. With
SAMPAN_UPDATE_CASES=1 in the environment the plans are written anew; read the difference before you believe it.
"""

import os
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from sampan.api.errors import StatusError
from sampan.api.json import Obj
from sampan.api.names import Key, ObjectRef, RestMapping
from sampan.client.cache import Cache
from sampan.controllers import Settings, controllers
from sampan.controllers.csr_certificate import Order, lifetime
from sampan.reconcile.controller import Controller
from sampan.reconcile.plan import Action, Ask, Call, Create, Delete, Emit, Follow, Patch, Requeue, Update
from sampan.resources.kinds import SUBJECTACCESSREVIEWS

CASES = sorted((Path(__file__).parent / "cases").glob("*/*.yaml"))
NOW = "2026-01-01T00:00:00Z"


class CaseLookup:
    """A Lookup over the objects of a case, with the indexes that the controller names."""

    def __init__(self, case: Obj, controller: Controller, kinds: Sequence[RestMapping]) -> None:
        self._kinds = {(kind.group, kind.kind): kind for kind in (*kinds, SUBJECTACCESSREVIEWS)}
        self._caches: dict[RestMapping, Cache] = {kind: Cache() for kind in kinds}
        for watches in controller.watches:
            for name, index in watches.indexes.items():
                self._caches[watches.mapping].add_index(name, index)
        for obj in case["objects"]:
            self._caches[self.mapping_of(obj)].apply(obj)
        self._answers = {self._ref(answer): answer.get("object") for answer in case.get("live", ())}
        self._failure = StatusError(403, "Forbidden", case["failure"]) if "failure" in case else None

    def mapping_of(self, obj: Obj) -> RestMapping:
        return self._kinds[obj.get("apiVersion", "v1").rpartition("/")[0], obj["kind"]]

    def _ref(self, answer: Obj) -> ObjectRef:
        return ObjectRef(self.mapping_of(answer), answer.get("namespace", ""), answer.get("name", ""))

    def get(self, mapping: RestMapping, namespace: str, name: str) -> Obj | None:
        return self._caches[mapping].get(namespace, name)

    def list(self, mapping: RestMapping, namespace: str = "") -> Sequence[Obj]:
        return self._caches[mapping].list(namespace)

    def owned(self, mapping: RestMapping, uid: str) -> Sequence[Obj]:
        return self._caches[mapping].indexed("controller", uid)

    def indexed(self, mapping: RestMapping, index: str, value: str) -> Sequence[Obj]:
        return self._caches[mapping].indexed(index, value)

    def live(self, ref: ObjectRef) -> Obj | None:
        answer: Obj | None = self._answers[ref]
        return answer

    def asked(self, ref: ObjectRef) -> bool:
        return ref in self._answers

    def failure(self) -> StatusError | None:
        return self._failure

    def mappings(self) -> Sequence[RestMapping]:
        return [kind for kind in self._caches if self._caches[kind]]


def signed(order: Order) -> bytes:
    """What the CA of the cases makes of an order."""
    return f"{lifetime(order.seconds)} for {', '.join(order.usages)}".encode()


def issued(account: Obj, secret: Obj) -> str:
    """The token of the cases."""
    return f"{account['metadata']['name']} by {secret['metadata']['name']}"


def place(ref: ObjectRef) -> str:
    return " ".join(filter(None, (ref.mapping.kind, str(Key(ref.namespace, ref.name)) if ref.name else ref.namespace)))


def of_object(mapping: RestMapping, obj: Obj) -> str:
    meta = obj["metadata"]
    return place(ObjectRef(mapping, meta.get("namespace", ""), meta.get("name") or meta.get("generateName", "")))


def difference(old: Any, new: Any) -> Any:
    """What a merge patch from old to new says."""
    if not isinstance(old, dict) or not isinstance(new, dict):
        return new
    made = {k: difference(old[k], v) if k in old else v for k, v in new.items() if k not in old or old[k] != v}
    return {**made, **dict.fromkeys(k for k in old if k not in new)}


def shown(action: Action, look: CaseLookup) -> Obj:
    """An action as plain data."""
    match action:
        case Create(mapping, obj):
            return {"create": of_object(mapping, obj), "object": obj}
        case Update(mapping, obj, subresource):
            meta = obj["metadata"]
            old = look.get(mapping, meta.get("namespace", ""), meta["name"])
            more = {"subresource": subresource} if subresource else {}
            return {"update": of_object(mapping, obj), **more, "changes": difference(old, obj)}
        case Patch(ref, patch, _, subresource):
            return {"patch": place(ref), **({"subresource": subresource} if subresource else {}), "changes": patch}
        case Delete(ref, _, propagation, grace):
            more = {"propagation": propagation} if propagation else {}
            return {"delete": place(ref), **more, **({} if grace is None else {"grace_seconds": grace})}
        case Emit(about, type_, reason, message):
            return {"event": f"{type_} {reason}: {message}", "about": about["metadata"]["name"]}
        case Requeue(after, key):
            return {"requeue": after, **({"key": str(key).replace("\0", "~")} if key else {})}
        case Ask(ref, body):
            return {"ask": place(ref), **({"body": body} if body else {})}
        case Follow(mapping):
            return {"follow": mapping.kind}
        case Call(method, path, body):
            return {"call": f"{method} {path}", **({"body": body} if body else {})}


def counted(plan: list[Obj]) -> list[Obj]:
    """Equal actions that follow one another as one with `times`."""
    made: list[Obj] = []
    for action in plan:
        if made and {k: v for k, v in made[-1].items() if k != "times"} == action:
            made[-1]["times"] = made[-1].get("times", 1) + 1
        else:
            made.append(dict(action))
    return made


@pytest.mark.parametrize("path", CASES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_case(path: Path, all_kinds: Callable[[], Sequence[RestMapping]]) -> None:
    case = yaml.load(path.read_text(), Loader)
    kinds = all_kinds()
    by_name = {c.name.rpartition("/")[2]: c for c in controllers(Settings("CA", "/volumes", kinds, signed, issued))}
    controller = by_name[path.parent.name]
    look = CaseLookup(case, controller, kinds)
    namespace, _, name = case["key"].replace("~", "\0").rpartition("/")
    now = datetime.fromisoformat(case.get("now", NOW))
    seen = controller.observe(look, Key(namespace, name), now)
    plan = counted([shown(action, look) for action in (() if seen is None else controller.decide(seen))])
    if os.environ.get("SAMPAN_UPDATE_CASES"):
        path.write_text(yaml.dump({**case, "plan": plan}, Dumper=Dumper, sort_keys=False, width=110))
        return
    assert plan == case["plan"]


class Loader(yaml.SafeLoader):
    """Times stay text, as in JSON."""


Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


class Dumper(yaml.SafeDumper):
    """Without anchors; times without quotes."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


Dumper.yaml_implicit_resolvers = Loader.yaml_implicit_resolvers


def test_every_controller_has_cases(all_kinds: Callable[[], Sequence[RestMapping]]) -> None:
    names = {c.name.rpartition("/")[2] for c in controllers(Settings("CA", "/volumes", all_kinds()))}
    assert {path.parent.name for path in CASES} == names
