"""Sign the ConfigMap cluster-info with every bootstrap token that is for signing."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sampan.api.json import Obj
from sampan.api.meta import name_of, namespace_of
from sampan.api.names import Key
from sampan.reconcile.controller import Controller, Lookup, Watches
from sampan.reconcile.plan import NOTHING, Plan, Update
from sampan.resources.bootstrap_tokens import (
    CLUSTER_INFO,
    KUBECONFIG,
    NAMESPACE,
    PUBLIC,
    SIGNATURE,
    detached_signature,
    is_token,
    signing_pair,
)
from sampan.resources.kinds import CONFIGMAPS, SECRETS

KEY = Key(PUBLIC, CLUSTER_INFO)


@dataclass(frozen=True, slots=True)
class Seen:
    """cluster-info, and the secrets of the tokens that sign it by their ids."""

    config: Obj
    tokens: Mapping[str, str]


def of_config(look: Lookup, config: Obj) -> Iterable[Key]:
    if (namespace_of(config), name_of(config)) == KEY:
        yield KEY


def of_secret(look: Lookup, secret: Obj) -> Iterable[Key]:
    if is_token(secret):
        yield KEY


def observe(look: Lookup, key: Key, now: datetime) -> Seen | None:
    config = look.get(CONFIGMAPS, *key)
    if config is None or KUBECONFIG not in (config.get("data") or {}):
        return None
    pairs = (signing_pair(secret, now) for secret in look.list(SECRETS, NAMESPACE) if is_token(secret))
    return Seen(config, dict(pair for pair in pairs if pair is not None))


def decide(seen: Seen) -> Plan:
    data = seen.config["data"]
    content = data[KUBECONFIG]
    fresh = {key: value for key, value in data.items() if not key.startswith(SIGNATURE)}
    fresh |= {SIGNATURE + id_: detached_signature(content, id_, key) for id_, key in seen.tokens.items()}
    return NOTHING if fresh == data else (Update(CONFIGMAPS, {**seen.config, "data": fresh}),)


CONTROLLER = Controller(
    "bootstrap-signer-controller",
    watches=(Watches(CONFIGMAPS, of_config), Watches(SECRETS, of_secret)),
    observe=observe,
    decide=decide,
    workers=1,
)
