"""The tracker, on the real enhancements of v1.25 and on made ones."""

import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from sampan.advisories.enhancements import SIGN_OFF, Source, assess, count, unreadable
from sampan.advisories.kep_files import read_keps

DATA = Path(__file__).with_name("data") / "keps-v1.25.json"
KEP: dict[str, Any] = {
    "title": "T", "kep-number": "7", "authors": ["@a"], "owning-sig": "sig-x", "approvers": ["@b"],
    "status": "implementable", "milestone": {"alpha": "v1.25", "beta": "v1.26"}, "feature-gates": [{"name": "G"}],
}  # fmt: skip
PRR = {"kep-number": "7", "alpha": {"approver": "@c"}}


def test_the_real_v1_25() -> None:
    sources = [Source(*one) for one in json.loads(DATA.read_text())]
    found = assess(sources, "v1.25")
    assert count(found) == (41, 8)
    stages = [one.stage for one in found]
    assert {stage: stages.count(stage) for stage in stages} == {"alpha": 14, "beta": 11, "stable": 16}
    risky = {one.number: one.reasons for one in found if one.reasons}
    assert risky["3000"] == ("status is provisional, not implementable", "no production readiness file")
    assert risky["3130"] == ("status is replaced", "no production readiness approver for beta")


def reasons(readme: str | None = None, prr: Any = PRR, release: str = "v1.25", **change: Any) -> tuple[str, ...]:
    [found] = assess([Source("p", {**KEP, **change}, prr, readme)], release)
    return found.reasons


README = f"# KEP\n## Test Plan\n[x] {SIGN_OFF} ...\n### Graduation Criteria\n"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, ()), ({"readme": README}, ()), ({"status": "implemented"}, ()),
        ({"status": "imlpemented"}, ("status 'imlpemented' is none that is known",)),
        ({"status": "deferred"}, ("status is deferred",)),
        ({"status": "provisional"}, ("status is provisional, not implementable",)),
        ({"authors": []}, ("kep.yaml: authors is missing",)), ({"status": ""}, ("kep.yaml: status is missing",)),
        ({"prr": None}, ("no production readiness file",)),
        ({"prr": {"kep-number": "7"}}, ("no production readiness approver for alpha",)),
        ({"release": "v1.26"}, ("no production readiness approver for beta",)),
        ({"prr": {**PRR, "kep-number": "8"}}, ("production readiness file is of 8",)),
        ({"prr": "not a mapping"}, ("production readiness file: not a mapping",)),
        ({"milestone": {"alpha": "1.20"}, "release": "v1.20", "prr": None}, ()),
        ({"readme": "# KEP"}, ("no test plan", "no graduation criteria", "test plan without its sign-off")),
        ({"readme": README.replace("[x]", "[ ]")}, ("test plan without its sign-off",)),
    ],
)  # fmt: skip
def test_reasons(given: dict[str, Any], said: tuple[str, ...]) -> None:
    assert reasons(**given) == said


@pytest.mark.parametrize("milestone", [None, "v1.25", [], {"alpha": None}, {"alpha": "v1.24"}, {"other": "v1.25"}])
def test_what_is_not_of_the_release(milestone: Any) -> None:
    assert assess([Source("p", {**KEP, "milestone": milestone})], "1.25") == []


def test_a_release_that_is_none() -> None:
    with pytest.raises(ValueError, match="is not a release"):
        assess([], "next")


def test_files_and_archives(tmp_path: Path) -> None:
    files = {
        "keps/sig-x/7-t/kep.yaml": "kep-number: 7\ncreation-date: 2022-13-01\nmilestone: {alpha: v1.25}\n",
        "keps/sig-x/7-t/README.md": "# x",
        "keps/prod-readiness/sig-x/7.yaml": "kep-number: 7\nalpha: {approver: '@c'}\n",
        "keps/sig-x/8-u/kep.yaml": "- a list",
        "keps/NNNN-kep-template/kep.yaml": "title: template",
    }
    for name, text in files.items():
        (tmp_path / "tree" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "tree" / name).write_text(text)
    with tarfile.open(tmp_path / "keps.tar.gz", "w:gz") as archive:
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode()))
    of_tree, of_archive = read_keps(tmp_path / "tree"), read_keps(tmp_path / "keps.tar.gz")
    assert of_tree == of_archive
    assert unreadable(of_tree) == ["keps/sig-x/8-u/kep.yaml: not a mapping"]
    assert of_tree[0].readme == "# x"
    assert isinstance(of_tree[0].prr, dict)
    (tmp_path / "bad").write_bytes(b"no archive")
    with pytest.raises(ValueError, match="neither a folder nor a tar"):
        read_keps(tmp_path / "bad")
