"""What `sampan pod-security check` found, for people, for programs, and as SARIF 2.1.0 for code scanning."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from sampan import __version__
from sampan.api.pod_security.evaluate import CHECKS, Result
from sampan.api.pod_security.levels import LevelVersion

STANDARDS = "https://kubernetes.io/docs/concepts/security/pod-security-standards/"
SARIF_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


class Checked(NamedTuple):
    """An object that carries a pod, and what was found."""

    file: str
    line: int
    kind: str
    namespace: str
    name: str
    result: Result


class Report(NamedTuple):
    """All of a run: what was checked, how many objects carry no pod, what could not be read."""

    asked: LevelVersion
    checked: Sequence[Checked]
    others: int
    errors: Sequence[str]

    @property
    def bad(self) -> list[Checked]:
        """What violates."""
        return [one for one in self.checked if not one.result.allowed]


def as_text(report: Report) -> str:
    """A paragraph per object that violates, and a last line with the counts."""
    return "".join(f"{printable(line)}\n" for line in _lines(report))


def printable(text: str) -> str:
    """A text without what a terminal would obey."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)


def _lines(report: Report) -> Iterator[str]:
    for one in report.bad:
        name = f"{one.namespace}/{one.name}" if one.namespace else one.name
        yield f"{one.file}:{one.line}: {one.kind} {name} violates {report.asked}"
        for violation in one.result.violations:
            yield f"  {violation.reason}: {violation.detail}"
    count = len(report.checked)
    what = f"{count} object{'' if count == 1 else 's'} with pods"
    others = f", {report.others} without" if report.others else ""
    bad = len(report.bad)
    verdict = f"{bad} violate{'s' if bad == 1 else ''} {report.asked}" if bad else f"none violates {report.asked}"
    yield f"{what}{others}: {verdict}"


def as_json(report: Report) -> str:
    """Everything, the objects that pass among it."""
    results = [
        {
            "file": one.file, "line": one.line, "kind": one.kind, "namespace": one.namespace, "name": one.name,
            "allowed": one.result.allowed, "violations": [violation._asdict() for violation in one.result.violations],
        }
        for one in report.checked
    ]  # fmt: skip
    whole = {
        "policy": str(report.asked), "allowed": not report.bad, "results": results, "withoutPods": report.others,
        "errors": list(report.errors),
    }  # fmt: skip
    return json.dumps(whole, indent=2, ensure_ascii=False) + "\n"


def as_sarif(report: Report) -> str:
    """A SARIF log: a rule per check, a result per violation, what could not be read as notifications."""
    driver = {
        "name": "sampan pod-security",
        "version": __version__,
        "informationUri": STANDARDS,
        "rules": [
            {
                "id": check.id,
                "shortDescription": {"text": f"Pod Security Standards, {check.level}: {check.id}"},
                "helpUri": STANDARDS,
                "properties": {"level": check.level},
            }
            for check in CHECKS
        ],
    }
    notes = [{"level": "error", "message": {"text": text}} for text in report.errors]
    run = {
        "tool": {"driver": driver},
        "invocations": [{"executionSuccessful": not report.errors, "toolExecutionNotifications": notes}],
        "results": list(_sarif_results(report)),
    }
    return json.dumps({"$schema": SARIF_SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2, ensure_ascii=False) + "\n"


def _sarif_results(report: Report) -> Iterator[dict[str, Any]]:
    indexes = {check.id: index for index, check in enumerate(CHECKS)}
    for one in report.bad:
        uri = "stdin" if one.file == "-" else one.file.replace("\\", "/")
        name = f"{one.namespace}/{one.name}" if one.namespace else one.name
        place = {
            "physicalLocation": {"artifactLocation": {"uri": uri}, "region": {"startLine": one.line}},
            "logicalLocations": [{"name": one.name, "fullyQualifiedName": f"{one.kind}/{name}", "kind": "resource"}],
        }
        for violation in one.result.violations:
            text = f"{one.kind} {name} violates {report.asked}: {violation}"
            yield {
                "ruleId": violation.check, "ruleIndex": indexes[violation.check], "level": "error",
                "message": {"text": text}, "locations": [place],
            }  # fmt: skip


FORMATS: Mapping[str, Callable[[Report], str]] = {"text": as_text, "json": as_json, "sarif": as_sarif}
