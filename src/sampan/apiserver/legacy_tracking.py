"""When tokens of Secrets were used: a label on each, and a ConfigMap that says since when that is written down."""

import logging
from datetime import datetime, timedelta

from sampan.aio.clock import Clock
from sampan.api.json import Obj, dumps, loads
from sampan.apiserver.call import Kit
from sampan.apiserver.start import SYSTEM, ensure
from sampan.net.http import Handler, Request
from sampan.resources.account_tokens import LAST_USED, SINCE, TRACKING, date_of, is_date
from sampan.store.base import SlowReader

log = logging.getLogger(__name__)
NAMESPACE = "kube-system"
KEY = f"/core/configmaps/{NAMESPACE}/{TRACKING}"
AGAIN = timedelta(minutes=30)
"""Between two makings of the ConfigMap: servers that do not agree on it shall not fight over it."""


async def _patch(app: Handler, path: str, patch: Obj) -> None:
    """A merge patch by the server itself."""
    headers = {"content-type": "application/merge-patch+json", "user-agent": "kube-apiserver"}
    response = await app(Request("PATCH", path, headers=headers, body=dumps(patch), context={"user": SYSTEM}))
    if response.status >= 300:
        log.error("%s cannot be labelled: %s", path, response.body.decode(errors="replace"))


class Tracking:
    """Writes the labels, and keeps the ConfigMap."""

    def __init__(self, app: Handler, clock: Clock) -> None:
        self._app, self._clock = app, clock
        self._made: datetime | None = None

    async def mark(self, secret: Obj, day: str) -> None:
        """The Secret's token was used on that day."""
        meta = secret["metadata"]
        patch = {"metadata": {"uid": meta["uid"], "labels": {LAST_USED: day}}}
        await _patch(self._app, f"/api/v1/namespaces/{meta['namespace']}/secrets/{meta['name']}", patch)

    async def run(self, kit: Kit) -> None:
        """Make the ConfigMap, and make it again when somebody has deleted or spoilt it."""
        while True:
            watch = kit.store.watch(KEY, since=kit.store.revision)
            try:
                await self._look(kit)
                async for batch in watch:
                    if batch:
                        await self._look(kit)
                return
            except SlowReader:
                continue
            finally:
                watch.close()

    async def _look(self, kit: Kit) -> None:
        data = {SINCE: date_of(self._clock.now())}
        found = await kit.store.get(KEY)
        if found is None:
            if self._made is not None and (wait := self._made + AGAIN - self._clock.now()) > timedelta():
                await self._clock.sleep(wait.total_seconds())
                data = {SINCE: date_of(self._clock.now())}
            self._made = self._clock.now()
            await ensure(
                kit, "", "v1", "configmaps", {"metadata": {"name": TRACKING, "namespace": NAMESPACE}, "data": data}
            )
        elif not is_date((loads(found.value).get("data") or {}).get(SINCE) or ""):
            await _patch(self._app, f"/api/v1/namespaces/{NAMESPACE}/configmaps/{TRACKING}", {"data": data})
