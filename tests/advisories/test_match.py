"""Versions against OSV ranges and against prose, on real records."""

from typing import Any

import pytest

from sampan.advisories.affected import affected_in
from sampan.advisories.feed import read
from sampan.advisories.inventory import given, of_nodes
from sampan.advisories.issues import Item
from sampan.advisories.match import Running, hit, hits
from sampan.advisories.osv import advisory, read_osv, record
from sampan.advisories.versions import affects, parse_events, parse_version

CASES = [("1.25.9", True), ("1.25.10", False), ("1.27.2", False), ("1.24.14", False), ("1.24.13", True),
         ("1.26.0", True), ("1.27.1", True), ("1.28.0", False), ("1.25.9-gke.100", True), ("v1.25.10+k3s1", False),
         ("1.27.2-rc.1", True)]  # fmt: skip


@pytest.mark.parametrize(("version", "affected"), CASES)
def test_a_real_record(records: list[dict[str, Any]], version: str, affected: bool) -> None:
    known = [read_osv(one) for one in records]
    found = hits(known, [Running("kubelet", parse_version(version))])
    assert ("CVE-2023-2431" in [one.advisory.id for one in found]) is affected


@pytest.mark.parametrize(("version", "affected"), [c for c in CASES if "rc" not in c[0]])
def test_its_announcement_says_the_same(official: bytes, version: str, affected: bool) -> None:
    item = next(i for i in read(official).items if i.id == "CVE-2023-2431")
    found = hit(advisory(item), Running("kubelet", parse_version(version)))
    assert (found is not None) is affected
    assert hit(advisory(item), Running("kube-proxy", parse_version(version))) is None


def test_what_mends_it(records: list[dict[str, Any]], official: bytes) -> None:
    kubelet = Running("kubelet", parse_version("1.26.1"))
    item = next(i for i in read(official).items if i.id == "CVE-2023-2431")
    by_record = read_osv(next(r for r in records if r["id"] == "CVE-2023-2431"))
    for known in (by_record, advisory(item)):
        found = hit(known, kubelet)
        assert found is not None
        assert str(found.fixed) == "1.26.5"


def test_all_real_records_are_understood(records: list[dict[str, Any]]) -> None:
    assert sum(bool(read_osv(one).affected) for one in records) == 47


@pytest.mark.parametrize(
    ("events", "inside", "outside"),
    [
        ([{"fixed": "1.2.0"}], ["0.1.0", "1.1.9"], ["1.2.0"]),
        ([{"introduced": "1.17.0"}, {"fixed": "1.17.3"}, {"introduced": "0"}, {"fixed": "1.15.10"}], ["1.17.2", "1.0"],
         ["1.15.10", "1.16.0", "1.17.3"]),
        ([{"introduced": "1.0.0"}, {"last_affected": "1.3.0"}], ["1.0.0", "1.3.0"], ["0.9.0", "1.3.1"]),
        ([{"introduced": "1.0.0"}, {"fixed": "1.1.0"}, {"introduced": "1.1.0"}, {"fixed": "1.2.0"}], ["1.1.0"],
         ["1.2.0"]),
        ([{"introduced": "2.0.0-alpha.1"}], ["2.0.0-alpha.2", "2.0.0-beta.0", "2.0.0-rc.1"], ["2.0.0-alpha.0"]),
    ],
)  # fmt: skip
def test_ranges(events: list[dict[str, str]], inside: list[str], outside: list[str]) -> None:
    edges = parse_events(events)
    assert [v for v in inside if not affects(edges, parse_version(v))] == []
    assert [v for v in outside if affects(edges, parse_version(v))] == []


@pytest.mark.parametrize(
    ("line", "component", "inside", "outside"),
    [
        ("- kubelet v1.18.0-1.18.5", "kubelet", ["1.18.5"], ["1.18.6"]),
        ("- kubelet < v1.16.13", "kubelet", ["1.0.0"], ["1.16.13"]),
        ("- kube-apiserver <= v1.24.14", "kube-apiserver", ["1.24.14"], ["1.24.15"]),
        ("* Kubernetes 1.3.x-1.6.x", "kubernetes", ["1.6.15"], ["1.7.0", "1.2.0"]),
        ("v1.20.0", "kubernetes", ["1.20.0"], ["1.20.1"]),
        ("- kubelet v1.20 and earlier", "kubelet", ["1.20.9"], ["1.21.0"]),
        ("- kubelet >= v1.20.0, < v1.20.4", "kubelet", ["1.20.3"], ["1.20.4", "1.19.0"]),
        ("All Kubernetes versions are affected. Multi-tenant ones most.", "kubernetes", ["1.0.0", "1.37.0"], []),
    ],
)
def test_lines_of_prose(line: str, component: str, inside: list[str], outside: list[str]) -> None:
    [(name, edges)] = affected_in(f"### Affected Versions\r\n\r\n{line}\r\n\r\n### Fixed Versions\r\n- kubelet v1.99.0")
    assert name == component
    assert all(affects(edges, parse_version(v)) for v in inside)
    assert not any(affects(edges, parse_version(v)) for v in outside)


@pytest.mark.parametrize(
    "line", ["- secrets-store-csi-driver < 1.3.3", "1.21 branch: #98477 (in 1.21.0)", "- ingress-nginx v1.1.0"]
)
def test_prose_about_others_is_left_alone(line: str) -> None:
    assert affected_in(f"**Affected Versions**\n{line}\n") == []


BLOCK = '{"id": "CVE-2024-1111", "affected": [{"package": {"ecosystem": "Kubernetes", "name": "kubelet"}, ' \
    '"ranges": [{"type": "SEMVER", "events": [{"fixed": "1.30.2"}]}]}]}'  # fmt: skip


def test_an_announcement_s_own_record_counts() -> None:
    text = f"### Affected Versions\n- kubelet v1.0.0\n\n```json osv\n{BLOCK}\n```\n"
    item = Item("CVE-2024-1111", "s", text, "2024-01-01T00:00:00Z", "https://example.com/issues/1", 1, "fixed")
    assert advisory(item).source == "osv"
    assert hit(advisory(item), Running("kubelet", parse_version("1.30.1"))) is not None
    assert record(item, "2024-01-01T00:00:00Z")["affected"][0]["package"]["name"] == "kubelet"


def test_a_broken_record_falls_back_to_prose() -> None:
    text = f"### Affected Versions\n- kubelet v1.0.0\n\n```json osv\n{BLOCK[:-9]}\n```\n"
    item = Item("CVE-2024-1111", "s", text, "2024-01-01T00:00:00Z", "https://example.com/issues/1", 1, "fixed")
    assert advisory(item).source == "text"


def test_records_made_of_prose_read_back_the_same(official: bytes) -> None:
    for item in read(official).items:
        made = record(item, "2024-01-01T00:00:00Z")
        assert read_osv(made).affected == advisory(item).affected
        assert made["schema_version"] == "1.6.0"


def test_nodes_and_given_versions() -> None:
    node = {"metadata": {"name": "n"}, "status": {"nodeInfo": {"kubeletVersion": "v1.29.1", "kubeProxyVersion": ""}}}
    assert of_nodes([node]) == [Running("kubelet", parse_version("1.29.1"), "n")]
    assert [one.component for one in given(["kubelet=1.29.1"])] == ["kubelet"]
    assert len(given(["v1.29"])) == 6
    with pytest.raises(ValueError, match="is not a version"):
        given(["latest"])
