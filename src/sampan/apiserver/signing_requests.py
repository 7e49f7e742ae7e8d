"""CertificateSigningRequests say who made them, and since when their conditions are."""

from typing import Any

from sampan.api.json import Obj
from sampan.apiserver.call import Hook, Kit
from sampan.apiserver.context import UserInfo
from sampan.resources.strategies.certificates import asked_by, with_times


class SigningRequests(Hook):
    """Fills in spec.username and its like of new requests, and the times of conditions."""

    parts = ("status", "approval")

    def asked_by(self, user: UserInfo, obj: Obj) -> Obj:
        known: dict[str, Any] = {"username": user.name, "uid": user.uid, "groups": list(user.groups)}
        known["extra"] = {key: list(values) for key, values in user.extra.items()}
        return asked_by(obj, {key: value for key, value in known.items() if value})

    async def before_update(self, kit: Kit, obj: Obj, old: Obj, dry_run: bool) -> Obj:
        return with_times(obj, old, kit.now())
