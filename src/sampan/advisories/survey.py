"""Look at a live cluster and say what to act upon: versions, images, API versions, feature gates, CVEs."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import NamedTuple

from sampan.advisories.inventory import of_nodes
from sampan.advisories.match import Running, hits
from sampan.advisories.osv import Advisory
from sampan.advisories.retired import from_metrics, old_images, old_versions
from sampan.advisories.support import Finding, lines, skew, supported
from sampan.advisories.versions import parse_version
from sampan.api.errors import StatusError
from sampan.api.json import Obj
from sampan.client.api import Api
from sampan.client.request import ApiRequest
from sampan.resources.kinds import (
    CRONJOBS,
    DAEMONSETS,
    DEPLOYMENTS,
    JOBS,
    NODES,
    PODS,
    REPLICASETS,
    SERVICES,
    STATEFULSETS,
)

CARRIERS = (PODS, DEPLOYMENTS, DAEMONSETS, STATEFULSETS, REPLICASETS, JOBS, CRONJOBS)
LOOKED_AT = (*CARRIERS, SERVICES)


class Survey(NamedTuple):
    """What there is: the server's version, what runs, findings, and what could not be looked at."""

    server: str
    running: Sequence[Running]
    findings: Sequence[Finding]
    unseen: Sequence[str]


async def survey(api: Api, advisories: Sequence[Advisory], stages: Mapping[str, str], today: date) -> Survey:
    """`stages` is what is known of feature gates beyond the server's own word. Raises StatusError and OSError."""
    server = parse_version((await api.call("GET", "/version")).get("gitVersion", ""))
    nodes = of_nodes((await api.list(NODES)).items)
    running = [Running("kube-apiserver", server), *nodes]
    table = lines()
    findings = supported(server, table, today, "API server")
    for version in sorted({one.version for one in nodes} - {server}):
        where = sorted({one.where for one in nodes if one.version == version})
        findings += supported(version, table, today, f"{', '.join(where[:3])}{' …' if len(where) > 3 else ''}")
    findings += skew(server, nodes)
    objects, unseen = await _objects(api)
    findings += old_images([o for o in objects if not _owned(o)]) + old_versions(objects)
    asked, gates = await _metrics(api, unseen)
    findings += asked + _gates(gates, stages)
    for hit in hits(advisories, running):
        mend = f", fixed in v{hit.fixed}" if hit.fixed else ""
        text = f"{hit.running.component} v{hit.running.version}: {hit.advisory.id} {hit.advisory.summary}{mend}"
        findings.append(Finding("cve", "error", hit.running.where or "API server", text))
    order = {"error": 0, "warning": 1, "info": 2}
    return Survey(str(server), running, sorted(findings, key=lambda f: order[f.level]), unseen)


async def _objects(api: Api) -> tuple[list[Obj], list[str]]:
    found: list[Obj] = []
    unseen: list[str] = []
    for mapping in LOOKED_AT:
        try:
            found += (await api.list(mapping)).items
        except StatusError as error:
            unseen.append(f"{mapping.plural}: {error}")
    return found, unseen


async def _metrics(api: Api, unseen: list[str]) -> tuple[list[Finding], dict[str, str]]:
    answer = await api.transport.send(ApiRequest("GET", "/metrics", accept="text/plain"))
    if answer.status != 200:
        unseen.append(f"/metrics: status {answer.status}")
        return [], {}
    return from_metrics(answer.body.decode("utf-8", "replace"))


def _gates(gates: Mapping[str, str], stages: Mapping[str, str]) -> list[Finding]:
    found: list[Finding] = []
    for name, stage in sorted(gates.items()):
        known = stages.get(name)
        if stage == "ALPHA" or known:
            text = f"{name} is on, {stage.lower()}" + (f"; {known}" if known else "")
            found.append(Finding("gate", "warning" if stage == "ALPHA" else "info", "API server", text))
    return found


def _owned(obj: Obj) -> bool:
    """Whether a controller made it: its maker is told of instead."""
    return any(owner.get("controller") for owner in (obj.get("metadata") or {}).get("ownerReferences") or ())
