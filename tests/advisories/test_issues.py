"""Titles, states, and what becomes of odd issues."""

from collections.abc import Callable
from typing import Any

import pytest

from sampan.advisories.issues import BadData, parse_issues, parse_title, status_of

Issue = Callable[..., dict[str, Any]]


@pytest.mark.parametrize(
    ("title", "ids", "summary"),
    [
        ("CVE-2023-1234: Some text", ["CVE-2023-1234"], "Some text"),
        ("CVE-2023-1234 Some text", ["CVE-2023-1234"], "Some text"),
        ("CVE-2023-1234 - Some text", ["CVE-2023-1234"], "Some text"),
        ("CVE-2023-1234, CVE-2023-5678: Two", ["CVE-2023-1234", "CVE-2023-5678"], "Two"),
        ("CVE-2023-1234, CVE-2023-5678 - CVE-2023-9999: Mixed", ["CVE-2023-1234", "CVE-2023-5678", "CVE-2023-9999"],
         "Mixed"),
        ("CVE-2023-123456: Long", ["CVE-2023-123456"], "Long"),
        ("CVE-2019-11249: Incomplete fixes for CVE-2019-1002101 and CVE-2019-11246", ["CVE-2019-11249"],
         "Incomplete fixes for CVE-2019-1002101 and CVE-2019-11246"),
        ("CVE-2023-1234", ["CVE-2023-1234"], ""),
        ("CVE-2023-1234::: ", ["CVE-2023-1234"], ""),
        ("CVE-2023-1;CVE-2023-1234", [], "CVE-2023-1;CVE-2023-1234"),
        ("CVE-2023-1234   :   Spaces   inside ", ["CVE-2023-1234"], "Spaces   inside"),
        ("CVE-2023-5678: `kubectl --http-cache=<dir>`", ["CVE-2023-5678"], "`kubectl --http-cache=<dir>`"),
        ("Text CVE-2023-1234", [], "Text CVE-2023-1234"),
        ("CVE-23-1234: year", [], "CVE-23-1234: year"),
        ("CVE-2023-123: few", [], "CVE-2023-123: few"),
        ("", [], ""),
    ],
)  # fmt: skip
def test_titles(title: str, ids: list[str], summary: str) -> None:
    assert parse_title(title) == (ids, summary)


@pytest.mark.parametrize(
    ("state", "reason", "status"),
    [
        ("open", None, "open"), ("open", "reopened", "unknown"), ("closed", "completed", "fixed"),
        ("closed", "not_planned", "unfixed"), ("closed", None, None), ("closed", "duplicate", None),
    ],
)  # fmt: skip
def test_status(state: str, reason: str | None, status: str | None) -> None:
    assert status_of(state, reason) == status


def test_three_ids_are_three_items_in_their_order(issue: Issue) -> None:
    parsed = parse_issues([issue(1, "CVE-2024-1111, CVE-2024-2222 CVE-2024-3333: Three")])
    assert {item.summary for item in parsed.items} == {"Three"}
    assert [item.id for item in parsed.items] == ["CVE-2024-3333", "CVE-2024-2222", "CVE-2024-1111"]


def test_a_title_that_does_not_parse_is_told_and_the_others_stay(issue: Issue) -> None:
    parsed = parse_issues([issue(1, "Oops"), issue(2, "CVE-2024-2222: Two")])
    assert [item.id for item in parsed.items] == ["CVE-2024-2222"]
    assert parsed.unparsed == ["Oops"]


def test_of_two_issues_about_one_cve_the_first_counts(issue: Issue) -> None:
    parsed = parse_issues([issue(5, "CVE-2024-2222: later"), issue(2, "CVE-2024-2222: first")])
    assert [(item.number, item.summary) for item in parsed.items] == [(2, "first")]
    assert parsed.doubled == ["CVE-2024-2222"]


def test_newest_first_whatever_the_source_s_order(issue: Issue) -> None:
    parsed = parse_issues([issue(n, f"CVE-2024-{n}: x") for n in (1003, 1001, 1002)])
    assert [item.number for item in parsed.items] == [1003, 1002, 1001]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"title": None}, "without title"), ({"html_url": "javascript:alert(1)"}, "not a web address"),
        ({"created_at": "yesterday"}, "not a time"), ({"body": 3}, "body is no text"),
        ({"html_url": 'https://x/"><script>'}, "not a web address"),
    ],
)  # fmt: skip
def test_what_is_no_issue(issue: Issue, change: dict[str, Any], said: str) -> None:
    with pytest.raises(BadData, match=said):
        parse_issues([{**issue(1, "CVE-2024-1111: x"), **change}])


def test_times_have_no_fraction_and_end_in_z(issue: Issue) -> None:
    [item] = parse_issues([issue(1, "CVE-2024-1111: x", created_at="2024-05-01T02:03:04.567+02:00")]).items
    assert item.published == "2024-05-01T00:03:04Z"
