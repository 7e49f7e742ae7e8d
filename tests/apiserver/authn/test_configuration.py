"""AuthenticationConfigurations: what is wrong with them, in a real API server's words."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from sampan.apiserver.authn.configuration import SHAPE, VERSIONS, authentication_of
from sampan.apiserver.config_file import parse_config
from sampan.apiserver.config_shape import ConfigFileError, told

CASES = yaml.safe_load(Path(__file__).with_name("configurations.yaml").read_text())


@pytest.mark.parametrize("case", CASES, ids=[case["case"] for case in CASES])
def test_what_is_said(case: dict[str, Any]) -> None:
    text = case["text"] if "text" in case else yaml.safe_dump(case["document"], sort_keys=False)
    try:
        _, errors = authentication_of(parse_config(text.encode(), VERSIONS, SHAPE))
        said = told(errors) if errors else ""
    except ConfigFileError as error:
        said = str(error)
    assert said == case["says"]


def test_issuers_of_the_server_itself_and_too_many() -> None:
    entry = {
        "issuer": {"url": "https://own", "audiences": ["a"]},
        "claimMappings": {"username": {"claim": "sub", "prefix": ""}},
    }
    _, errors = authentication_of({"jwt": [entry]}, ("https://own", "https://b"))
    assert [one.message for one in errors] == [
        'Invalid value: "https://own": URL must not overlap with disallowed issuers: [https://b https://own]'
    ]
    _, errors = authentication_of({"jwt": [entry] * 65})
    assert told(errors) == "jwt: Too many: 65: must have at most 64 items"


def test_a_whole_one() -> None:
    found, errors = authentication_of({"anonymous": {"enabled": True, "conditions": [{"path": "/livez"}]}})
    assert not errors
    assert found.issuers == ()
    assert found.anonymous is not None
    assert found.anonymous.lets("/livez")
    assert not found.anonymous.lets("/")
