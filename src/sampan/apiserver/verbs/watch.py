"""WATCH: the store's events as lines, each encoded once and shared by all watchers."""

from collections.abc import AsyncIterator
from typing import Any, NamedTuple

from sampan.api import json
from sampan.api.errors import StatusError, expired
from sampan.api.json import Obj
from sampan.api.schema.decode import zero
from sampan.api.table import partial, table
from sampan.apiserver.answer import JSON_HEADER, include_of, native, table_of_version
from sampan.apiserver.call import Call
from sampan.apiserver.conversion import ConversionError
from sampan.apiserver.encode import restamp
from sampan.apiserver.match import Matcher, asked
from sampan.apiserver.negotiate import PROTOBUF, Format, check_streamable, negotiate
from sampan.apiserver.options import ListOptions, parse_version
from sampan.net.http import Response
from sampan.store.base import Compacted, Event, KeyValue, SlowReader, Watch

BOOKMARK_SECONDS = 60.0
SHORTEST = 1800
PIECE = 100
"""Events that are sent in one go: a client that is far behind gets them as it reads."""
PROTOBUF_STREAM = ("Content-Type", f"{PROTOBUF};stream=watch")
BOOKMARK_ANNOTATION = {"k8s.io/initial-events-end": "true"}


def line_of(kind: str, value: bytes) -> bytes:
    """One event of the stream."""
    return b'{"type":"%b","object":%b}\n' % (kind.encode(), value)


class Seen(NamedTuple):
    """An event as one watcher sees it."""

    kind: str
    kv: KeyValue
    revision: int
    """Of the event; differs from the version's when an object stopped matching."""


def seen(event: Event, wanted: Matcher | None) -> Seen | None:
    """What an event is to a watcher with a selector: an object that stops matching is gone for it."""
    kv, previous = event.kv, event.previous
    if wanted is None:
        kind = "DELETED" if event.type == "DELETE" else "ADDED" if previous is None else "MODIFIED"
        return Seen(kind, kv, kv.revision)
    was = previous is not None and wanted(previous)
    if event.type == "DELETE":
        return Seen("DELETED", kv, kv.revision) if was or wanted(kv) else None
    if wanted(kv):
        return Seen("MODIFIED" if was else "ADDED", kv, kv.revision)
    return Seen("DELETED", previous, kv.revision) if was and previous is not None else None


async def watch(call: Call) -> Response:
    """Stream what happens to the collection from a resourceVersion on. Raises 400, 406, 422."""
    accept = call.request.headers.get("accept", "")
    wanted_format = negotiate(accept, native=PROTOBUF not in accept or native(call))
    options, wanted = asked(call, watching=True)
    try:
        since = parse_version(options.version) if options.version else 0
    except ValueError as error:
        raise StatusError(500, "", str(error)) from None
    if wanted_format.shape == "Table":
        include_of(call)
    check_streamable(wanted_format)
    stream = Stream(call, wanted, options, wanted_format, since)
    header = JSON_HEADER if wanted_format.media != PROTOBUF else PROTOBUF_STREAM
    return Response(200, [header], stream=stream.run())


class Stream:
    """One watcher. Opened when it is first read; closed with its generator, at its time limit, or by the store."""

    def __init__(self, call: Call, wanted: Matcher | None, options: ListOptions, shape: Format, since: int) -> None:
        self.call, self.wanted, self.options, self.shape, self.since = call, wanted, options, shape, since
        self.prefix = wanted.narrow if wanted is not None else call.entry.range(call.namespace)
        self.encoder = Encoder(call, shape)
        self.sent = 0
        """Everything up to this revision has been sent."""

    async def run(self) -> AsyncIterator[bytes]:
        """The lines, several at once when they come together."""
        call, options = self.call, self.options
        first, opened = await self._open()
        if opened is None:
            yield first
            return
        timeout = options.timeout or SHORTEST * (1 + call.kit.rng.random())
        deadlines = [call.kit.deadlines.add(timeout, opened.close)]
        if options.bookmarks:
            self._arm(opened, deadlines)
        try:
            if not self.encoder.possible:
                await first_of(opened, first)
                return
            if first:
                yield first
            async for batch in opened:
                if batch and call.entry.foreign:
                    await self._prepare(batch)
                while len(batch) > PIECE:
                    if piece := self._batch(batch[:PIECE]):
                        yield piece
                    batch = batch[PIECE:]
                chunk = self._batch(batch) if batch else self._bookmark(opened, deadlines)
                if chunk:
                    yield chunk
            if options.bookmarks and opened.revision > self.sent:
                yield self.encoder.bookmark(opened.revision)
        except SlowReader as error:
            yield self.encoder.error(expired(f"too old resource version: {error}"))
        except ConversionError as error:
            yield self.encoder.error(error)
        finally:
            for deadline in deadlines:
                deadline.cancel()
            opened.close()

    async def _open(self) -> tuple[bytes, Watch | None]:
        """The store's watch and what is sent before it; or an error's line alone."""
        store, options = self.call.kit.store, self.options
        try:
            if options.initial_events:
                page = await store.range(self.prefix)
                items = [kv for kv in page.items if self.wanted is None or self.wanted(kv)]
                if self.call.entry.foreign:
                    await self.call.kit.registry.prepare(self.call.entry, items)
                opened = store.watch(self.prefix, since=page.revision)
                lines = [self.encoder.line(Seen("ADDED", kv, kv.revision)) for kv in items]
                self.sent = page.revision
                if options.bookmarks:
                    lines.append(self.encoder.bookmark(page.revision, BOOKMARK_ANNOTATION))
                return b"".join(lines), opened
            since = self.since or store.revision
            self.sent = since
            return b"", store.watch(self.prefix, since=min(since, store.revision))
        except ConversionError as error:
            return self.encoder.error(error), None
        except Compacted as error:
            return self.encoder.error(expired(f"too old resource version: {self.since} ({error.oldest})")), None

    def _batch(self, batch: list[Event]) -> bytes:
        lines = []
        for event in batch:
            if event.kv.revision <= self.since:
                continue
            one = seen(event, self.wanted)
            if one is not None:
                lines.append(self.encoder.line(one))
        return b"".join(lines)

    async def _prepare(self, batch: list[Event]) -> None:
        """Have a conversion webhook, if there is one, convert what will be sent."""
        sent = [one.kv for event in batch if (one := seen(event, self.wanted)) is not None]
        await self.call.kit.registry.prepare(self.call.entry, sent)

    def _arm(self, opened: Watch, deadlines: list[Any]) -> None:
        deadlines[1:] = [self.call.kit.deadlines.add(BOOKMARK_SECONDS, opened.progress)]

    def _bookmark(self, opened: Watch, deadlines: list[Any]) -> bytes:
        self._arm(opened, deadlines)
        self.sent = opened.revision
        return self.encoder.bookmark(opened.revision)


async def first_of(opened: Watch, sent: bytes) -> None:
    """Wait for the first thing to be sent, if there is none yet."""
    if not sent:
        async for _ in opened:
            return


class Encoder:
    """Events as lines in the format of one watcher."""

    def __init__(self, call: Call, shape: Format) -> None:
        self.call, self.shape = call, shape
        self.possible = shape.shape != "PartialObjectMetadataList"
        """An event's object is never a list: upstream breaks off at the first one."""
        self._header = True
        self._binary = shape.media == PROTOBUF
        self._name = str(call.resource.gvr) + ("#protobuf" if self._binary else "")

    def line(self, one: Seen) -> bytes:
        """One event's line."""
        if self.shape.shape:
            return self._written(one.kind, self._shaped(self._object(one)))
        key = (one.revision, one.kind, self._name)
        cached = self.call.kit.lines.get(key)
        if cached is None:
            cached = _framed(one.kind, self._object(one)) if self._binary else line_of(one.kind, self._value(one))
            self.call.kit.lines.put(key, cached)
        return cached

    def _written(self, kind: str, obj: Obj) -> bytes:
        return _framed(kind, obj) if self._binary else line_of(kind, json.dumps(obj))

    def error(self, error: StatusError) -> bytes:
        """An ERROR event."""
        return self._written("ERROR", error.to_status())

    def _value(self, one: Seen) -> bytes:
        kv, entry = one.kv, self.call.entry
        value = kv.value if not entry.foreign else self.call.kit.registry.value(entry, kv)
        return value if one.revision == kv.revision else restamp(value, kv.revision, one.revision)

    def _object(self, one: Seen) -> Obj:
        obj: Obj = json.loads(self._value(one))
        return obj

    def _shaped(self, obj: Obj) -> Obj:
        api_version = f"meta.k8s.io/{self.shape.version}"
        if self.shape.shape != "Table":
            return {**partial(obj), "apiVersion": api_version}
        call = self.call
        meta = {"resourceVersion": obj["metadata"].get("resourceVersion", "")}
        made = table(call.resource, [obj], meta, call.kit.clock.now(), include_of(call), header=self._header)
        if not self._header:
            made["columnDefinitions"] = None
        self._header = False
        return table_of_version(made, api_version)

    def bookmark(self, revision: int, annotations: Obj | None = None) -> bytes:
        """A BOOKMARK's line: an empty object of the kind that says how far the watcher is."""
        resource = self.call.resource
        meta: Obj = {"resourceVersion": str(revision)}
        if annotations:
            meta["annotations"] = annotations
        gvk = resource.gvk
        empty = {k: v for k, v in (zero(resource.schema) or {}).items() if k not in ("kind", "apiVersion", "metadata")}
        obj = {"kind": gvk.kind, "apiVersion": gvk.api_version, "metadata": meta, **empty}
        return self._written("BOOKMARK", self._shaped(obj) if self.shape.shape else obj)


def _framed(kind: str, obj: Obj) -> bytes:
    from sampan.apiserver.binary import watch_event

    return watch_event(kind, obj)
