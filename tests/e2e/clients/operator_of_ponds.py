"""An operator in kopf: a Pond has as many ConfigMaps as it wants frogs. `kopf run` takes this file."""

from typing import Any

import kopf
import kubernetes

GROUP = "ponds.example.org"


@kopf.on.startup()
def settings_of(settings: kopf.OperatorSettings, **_: Any) -> None:
    """Nothing is written about in events, progress is kept in the status."""
    kubernetes.config.load_kube_config()
    settings.posting.enabled = True
    settings.persistence.finalizer = f"{GROUP}/finalizer"


@kopf.on.create(GROUP, "v1", "ponds")
@kopf.on.update(GROUP, "v1", "ponds", field="spec.frogs")
def frogs(spec: Any, name: str, namespace: str, patch: Any, **_: Any) -> None:
    """Make the frogs that are missing."""
    api = kubernetes.client.CoreV1Api()
    have = {one.metadata.name for one in api.list_namespaced_config_map(namespace, label_selector=f"pond={name}").items}
    for number in range(spec["frogs"]):
        body: Any = {"metadata": {"name": f"{name}-{number}", "labels": {"pond": name}}}
        kopf.adopt(body)
        if body["metadata"]["name"] not in have:
            api.create_namespaced_config_map(namespace, body)
    patch.status["frogs"] = spec["frogs"]


@kopf.on.field(GROUP, "v1", "ponds", field="metadata.labels.season")
def season(new: Any, patch: Any, **_: Any) -> None:
    """Remember the season."""
    patch.status["season"] = new


@kopf.on.delete(GROUP, "v1", "ponds")
def drained(name: str, namespace: str, **_: Any) -> None:
    """Leave a note."""
    kubernetes.client.CoreV1Api().create_namespaced_config_map(namespace, {"metadata": {"name": f"drained-{name}"}})


@kopf.timer(GROUP, "v1", "ponds", interval=0.5)
def tick(status: Any, patch: Any, **_: Any) -> None:
    """Count."""
    patch.status["ticks"] = status.get("ticks", 0) + 1


@kopf.on.event("", "v1", "configmaps", labels={"pond": kopf.PRESENT})
def seen(name: str | None, logger: Any, **_: Any) -> None:
    """Say what came."""
    logger.info("a frog: %s", name)
