"""What Go's URL parser has against a text (net/url.Parse). Pure."""

import re

from sampan.api.quote import go_quoted

CONTROL = re.compile(r"[\x00-\x1f\x7f]")
SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2}).{0,2}")
PORT = re.compile(r":\d*")


def problem_of(text: str) -> str:
    """`parse "…": why`, or an empty text for a URL that can be parsed (not: that makes sense)."""
    why = _why(text)
    return f"parse {go_quoted(text)}: {why}" if why else ""


def _why(text: str) -> str:
    if CONTROL.search(text):
        return "net/url: invalid control character in URL"
    scheme = SCHEME.match(text)
    if text.startswith(":"):
        return "missing protocol scheme"
    if scheme is None and ":" in text.partition("/")[0].partition("?")[0]:
        return "first path segment in URL cannot contain colon"
    rest = text[scheme.end() :] if scheme else text
    rest = rest.partition("#")[0].partition("?")[0]
    if rest.startswith("//"):
        authority, slash, path = rest[2:].partition("/")
        if found := _host_problem(authority.rpartition("@")[2]):
            return found
        rest = slash + path
    bad = BAD_ESCAPE.search(rest)
    return f"invalid URL escape {go_quoted(bad.group())}" if bad else ""


def _host_problem(host: str) -> str:
    if host.startswith("["):
        if "]" not in host:
            return "missing ']' in host"
        port = host.rpartition("]")[2]
    else:
        port = host[host.rfind(":") :] if ":" in host else ""
    if port and not PORT.fullmatch(port):
        return f"invalid port {go_quoted(port)} after host"
    if " " in host:
        return 'invalid character " " in host name'
    bad = BAD_ESCAPE.search(host)
    return f"invalid URL escape {go_quoted(bad.group())}" if bad else ""
