"""Audit policies: what is wrong with them, and what they want to be known of requests."""

from typing import Any

import pytest

from sampan.apiserver.audit.policy import NOTHING, Policy, Wanted, read_policy
from sampan.apiserver.context import RequestInfo, UserInfo

HEAD = {"apiVersion": "audit.k8s.io/v1", "kind": "Policy"}
PATHS = "rules[0].nonResourceURLs"
JANE = UserInfo("jane", groups=("dev",))


def policy(*rules: dict[str, Any], **more: Any) -> Policy:
    made, errors = read_policy({**HEAD, "rules": list(rules), **more})
    assert errors == []
    return made


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ([], ['Invalid value: "list": expected an object of kind Policy']),
        ({"kind": "Policy"}, ['apiVersion: Invalid value: "None Policy": expected audit.k8s.io/v1 Policy']),
        (HEAD, ["rules: Required value: loaded illegal policy with 0 rules"]),
        ({**HEAD, "rules": [{}]}, ["rules[0].level: Required value"]),
        (
            {**HEAD, "rules": [{"level": "All"}]},
            [
                'rules[0].level: Unsupported value: "All": supported values: "None", "Metadata", "Request", '
                '"RequestResponse"'
            ],
        ),
        (
            {**HEAD, "rules": [{"level": "None", "nonResourceURLs": ["x", "/a*b", "*"]}]},
            [
                f"{PATHS}[0]: Invalid value: \"x\": non-resource URL rules must begin with a '/' character",
                f"{PATHS}[1]: Invalid value: \"/a*b\": non-resource URL wildcards '*' must be the final character of "
                "the rule",
            ],
        ),
        (
            {**HEAD, "rules": [{"level": "None", "resources": [{"group": "a/v1"}, {"resourceNames": ["x"]}]}]},
            [
                'rules[0].resources.group: Invalid value: "a/v1": a lowercase RFC 1123 subdomain must consist of lower '
                "case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. "
                "'example.com', regex used for validation is "
                "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
                'rules[0].resources.resourceNames: Invalid value: ["x"]: using resourceNames requires at least one '
                "resource",
            ],
        ),
        (
            {**HEAD, "rules": [{"level": "None", "nonResourceURLs": ["/x"], "namespaces": ["n"]}]},
            [
                'rules[0].nonResourceURLs: Invalid value: ["/x"]: rules cannot apply to both regular resources and '
                "non-resource URLs"
            ],
        ),
        (
            {**HEAD, "omitStages": ["X"], "rules": [{"level": "None"}]},
            [
                'omitStages[0]: Invalid value: "X": allowed stages are '
                "RequestReceived,ResponseStarted,ResponseComplete,Panic"
            ],
        ),
        (
            {**HEAD, "rules": [{"level": "None", "users": "jane"}]},
            ['rules[0].users: Invalid value: "jane": expected a list of strings'],
        ),
    ],
)
def test_what_is_wrong_is_named(document: Any, said: list[str]) -> None:
    errors = read_policy(document)[1]
    assert [f"{error.field}: {error.message}".removeprefix(": ") for error in errors] == said


GET = RequestInfo(True, "get", "/api/v1/namespaces/n/pods/p", "", "v1", "n", "pods", "", "p")
LOG = RequestInfo(True, "get", "/api/v1/namespaces/n/pods/p/log", "", "v1", "n", "pods", "log", "p")
HEALTH = RequestInfo(False, "get", "/healthz/ping")


@pytest.mark.parametrize(
    ("rule", "info", "fits"),
    [
        ({}, GET, True),
        ({"users": ["jane"]}, GET, True),
        ({"users": ["joe"]}, GET, False),
        ({"userGroups": ["dev", "x"]}, GET, True),
        ({"userGroups": ["x"]}, GET, False),
        ({"verbs": ["list"]}, GET, False),
        ({"namespaces": ["n"]}, GET, True),
        ({"namespaces": ["n"]}, HEALTH, False),
        ({"namespaces": [""]}, GET, False),
        ({"resources": [{"group": ""}]}, GET, True),
        ({"resources": [{"group": "apps"}]}, GET, False),
        ({"resources": [{"group": "*", "resources": ["pods"]}]}, GET, True),
        ({"resources": [{"resources": ["pods"]}]}, LOG, False),
        ({"resources": [{"resources": ["pods/*"]}]}, LOG, True),
        ({"resources": [{"resources": ["pods/*"]}]}, GET, True),
        ({"resources": [{"resources": ["*/log"]}]}, LOG, True),
        ({"resources": [{"resources": ["*"]}]}, LOG, True),
        ({"resources": [{"resources": ["pods"], "resourceNames": ["q"]}]}, GET, False),
        ({"resources": [{"resources": ["pods"], "resourceNames": ["p"]}]}, GET, True),
        ({"nonResourceURLs": ["/healthz*"]}, HEALTH, True),
        ({"nonResourceURLs": ["/healthz"]}, HEALTH, False),
        ({"nonResourceURLs": ["*"]}, HEALTH, True),
        ({"nonResourceURLs": ["*"]}, GET, False),
    ],
)
def test_which_requests_a_rule_is_for(rule: dict[str, Any], info: RequestInfo, fits: bool) -> None:
    wanted = policy({"level": "Metadata", **rule}).wanted(JANE, info)
    assert wanted.level == ("Metadata" if fits else "None")


def test_the_first_rule_that_fits_decides() -> None:
    made = policy({"level": "None", "users": ["jane"]}, {"level": "Request"})
    assert made.wanted(JANE, GET) == NOTHING
    assert made.wanted(None, GET).level == "Request"


def test_stages_and_managed_fields_are_left_out_by_rule_and_policy() -> None:
    made = policy(
        {"level": "Request", "omitStages": ["Panic"], "verbs": ["get"]},
        {"level": "Request", "omitManagedFields": False},
        omitStages=["RequestReceived"],
        omitManagedFields=True,
    )
    assert made.wanted(JANE, GET) == Wanted("Request", frozenset({"RequestReceived", "Panic"}), True)
    other = RequestInfo(True, "list", "/api/v1/pods", "", "v1", "", "pods")
    assert made.wanted(JANE, other) == Wanted("Request", frozenset({"RequestReceived"}), False)
