"""Query parameters as upstream's parameter codec reads them."""

import re
from collections.abc import Mapping
from functools import lru_cache
from urllib.parse import parse_qs

from sampan.api.errors import bad_request


class Query:
    """The parameters of one request. Of a repeated one the first counts, except for lists."""

    __slots__ = ("values",)

    def __init__(self, values: Mapping[str, list[str]]) -> None:
        self.values = values

    def __contains__(self, name: str) -> bool:
        return name in self.values

    def get(self, name: str) -> str:
        """The first value, or an empty text."""
        found = self.values.get(name)
        return found[0] if found else ""

    def all(self, name: str) -> list[str]:
        """Every value."""
        return self.values.get(name) or []

    def flag(self, name: str) -> bool:
        """A bool: anything but `false` and `0` is true once it is given."""
        found = self.values.get(name)
        return found is not None and found[0].lower() not in ("false", "0")

    def integer(self, name: str) -> int | None:
        """An int64; raises a 400 in the words of Go's strconv."""
        found = self.values.get(name)
        if not found:
            return None
        text = found[0]
        digits = text[1:] if text[:1] in ("+", "-") else text
        if not (digits.isascii() and digits.isdigit()):
            raise bad_request(f'strconv.ParseInt: parsing "{text}": invalid syntax')
        value = int(text)
        if not -(2**63) <= value < 2**63:
            raise bad_request(f'strconv.ParseInt: parsing "{text}": value out of range')
        return value


NOTHING = Query({})
STRAY_PERCENT = re.compile("%(?![0-9A-Fa-f]{2})")


@lru_cache(maxsize=1024)
def parse_query(query: str) -> Query:
    """The parameters of a query string."""
    if not query:
        return NOTHING
    if ";" in query or "%" in query:  # Go leaves such pairs out
        query = "&".join(pair for pair in query.split("&") if ";" not in pair and not STRAY_PERCENT.search(pair))
    return Query(parse_qs(query, keep_blank_values=True, errors="replace"))
