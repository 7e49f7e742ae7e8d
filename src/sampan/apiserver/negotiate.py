"""Content negotiation: the Accept header as a Format, the Content-Type as a body's encoding."""

import re
from functools import lru_cache
from typing import Literal, NamedTuple

from sampan.api.errors import StatusError, not_acceptable, unsupported_media_type

Shape = Literal["", "Table", "PartialObjectMetadata", "PartialObjectMetadataList"]
JSON, YAML, PROTOBUF = "application/json", "application/yaml", "application/vnd.kubernetes.protobuf"
MEDIA = (JSON, YAML, PROTOBUF)
STREAMS = (f"{JSON};stream=watch", f"{PROTOBUF};stream=watch")
ACCEPTED = ", ".join(MEDIA)
SHAPES = ("Table", "PartialObjectMetadata", "PartialObjectMetadataList")
VERSIONS = ("v1", "v1beta1")
PEOPLE = ("curl", "Wget", "Mozilla/5.0")
TRUE = frozenset(("1", "t", "T", "TRUE", "true", "True"))
"""What Go's strconv.ParseBool takes for true."""


class Format(NamedTuple):
    """How an answer is written."""

    media: str = JSON
    shape: Shape = ""
    version: str = ""
    """Of meta.k8s.io, for a shape."""
    pretty: bool = False


class Clause(NamedTuple):
    """One alternative of an Accept header."""

    type: str
    subtype: str
    weight: float
    parameters: dict[str, str]

    def before(self, other: "Clause") -> bool:
        """Upstream's order, which is none: heavier first, but what is written out always before a star."""
        return (
            self.weight > other.weight
            or (self.type != "*" and other.type == "*")
            or (self.subtype != "*" and other.subtype == "*")
        )

    def covers(self, media: str) -> bool:
        """Whether it names a media type, or a family that this one is of."""
        kind, _, subtype = media.partition("/")
        return (self.type == kind and self.subtype in (subtype, "*")) or (self.type == "*" and self.subtype == "*")


PLAIN = Format()


@lru_cache(maxsize=512)
def negotiate(accept: str, shapes: bool = True, native: bool = True) -> Format:
    """The first acceptable format, or a 406. `shapes`: Table and PartialObjectMetadata make sense here.

    `native`: the objects can be written as protobuf; metadata alone always can, Tables never.
    """
    if not accept or accept in (JSON, "*/*"):
        return PLAIN
    for clause in clauses_of(accept):
        for media in MEDIA:
            if clause.covers(media):
                found = _allowed(clause.parameters, media, shapes, native)
                if found is not None:
                    return found
    raise not_acceptable(f"only the following media types are accepted: {ACCEPTED}")


def _allowed(parameters: dict[str, str], media: str, shapes: bool, native: bool) -> Format | None:
    """The format that a media type and its parameters ask for; None if it cannot be given."""
    if parameters.get("stream") and (parameters["stream"] != "watch" or media == YAML):
        return None
    if parameters.get("sv") and (parameters["sv"] != "v1" or not shapes):
        return None
    pretty = parameters.get("pretty") == "1"
    if not parameters.keys() & {"as", "g", "v"}:
        return None if media == PROTOBUF and not native else Format(media, pretty=pretty)
    shape, version = parameters.get("as", ""), parameters.get("v", "")
    if not shapes or shape not in SHAPES or parameters.get("g") != "meta.k8s.io" or version not in VERSIONS:
        return None
    if media == PROTOBUF and shape == "Table":
        return None
    return Format(media, shape, version, pretty)  # type: ignore[arg-type]


def check_streamable(wanted: Format) -> None:
    """Raise the 406 of a format that has no form for streams."""
    if wanted.media == YAML:
        raise not_acceptable(f"only the following media types are accepted: {', '.join(STREAMS)}")


@lru_cache(maxsize=512)
def check_producible(accept: str, produced: tuple[str, ...]) -> None:
    """Raise the 406 of upstream's router, which looks at an Accept header before anybody else and knows no families."""
    for clause in accept.split(","):
        media = clause.partition(";")[0].strip(" ")
        if media == "*/*" or media in produced:
            return
    message = f"406: Not Acceptable\n\nAvailable representations: {', '.join(produced)}"
    raise StatusError(406, "NotAcceptable", message, {})


def clauses_of(accept: str) -> list[Clause]:
    """The alternatives in the order in which they are tried; malformed ones are left out."""
    found: list[Clause] = []
    for text in accept.split(","):
        media, *rest = text.strip(" ").split(";")
        kind, _, subtype = (part.strip(" ") for part in media.partition("/"))
        if "/" in subtype or (not subtype and kind != "*"):
            continue
        weight, parameters = 1.0, {}
        for part in rest:
            name, _, value = part.partition("=")
            if not value or "=" in value:
                continue
            if name.strip(" ") == "q":
                weight = _number(value)
            else:
                parameters[name.strip(" ")] = value.strip(" ")
        clause = Clause(kind, subtype or "*", weight, parameters)
        at = len(found)  # one step of the insertion sort that upstream's library does
        while at and clause.before(found[at - 1]):
            at -= 1
        found.insert(at, clause)
    return found


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0


@lru_cache(maxsize=256)
def body_type(content_type: str) -> str:
    """JSON, YAML or PROTOBUF for a body's Content-Type, or a 415."""
    media = media_of(content_type) if content_type else JSON
    if media in MEDIA:
        return media
    raise unsupported_media_type(
        f"the body of the request was in an unknown format - accepted media types include: {ACCEPTED}"
    )


TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
PARAMETER = re.compile(rf'[ \t]*;[ \t]*({TOKEN})=({TOKEN}|"(?:[^"\\]|\\.)*")[ \t]*')


def media_of(content_type: str) -> str:
    """The media type without its parameters, as Go's mime package reads it; empty if it cannot."""
    media = content_type.partition(";")[0]
    name, rest = media.strip().lower(), content_type[len(media) :]
    if not re.fullmatch(rf"{TOKEN}(/{TOKEN})?", name):
        return ""
    seen: set[str] = set()
    while rest.strip(" \t;"):
        match = PARAMETER.match(rest)
        if match is None or match[1].lower() in seen:
            return ""
        seen.add(match[1].lower())
        rest = rest[match.end() :]
    return name if rest.strip() in ("", ";") else ""


def is_pretty(parameter: str | None, user_agent: str) -> bool:
    """Whether JSON is indented: as `pretty=` says, else for browsers and the like."""
    if parameter:
        return parameter in TRUE
    return user_agent.startswith(PEOPLE)
