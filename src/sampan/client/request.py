"""Requests and answers of the Kubernetes API as records."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple
from urllib.parse import urlencode


@dataclass(frozen=True, slots=True)
class ApiRequest:
    """Verb and REST path with options; `query` in any order, values not yet encoded."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    content_type: str = "application/json"
    accept: str = "application/json"

    @property
    def target(self) -> str:
        """Path and encoded query."""
        return f"{self.path}?{urlencode(self.query)}" if self.query else self.path


class Answer(NamedTuple):
    """Status code, headers (lower-case names) and body."""

    status: int
    headers: Mapping[str, str]
    body: bytes
