"""Every recorded scenario of a real 1.36 API server, replayed against ours.

`tests/golden/expected-failures.txt` lists the scenarios that fail; one that passes must be taken off the list.
"""

from typing import Any

import pytest

from sampan.apiserver.app import App


async def test_as_recorded(
    scenario: dict[str, Any], served: App, replay: Any, expected_failures: frozenset[str]
) -> None:
    problems = await replay(served, scenario).run()
    if scenario["name"] in expected_failures:
        assert problems, f"{scenario['name']} passes now: take it off tests/golden/expected-failures.txt"
        pytest.xfail(f"{len(problems)} differences; the first: {problems[0]}")
    assert not problems, "\n".join(problems)


def test_the_list_names_scenarios_that_exist(expected_failures: frozenset[str], recorded: frozenset[str]) -> None:
    assert expected_failures <= recorded
