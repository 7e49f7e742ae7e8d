"""Content negotiation: the Accept header as a Format, the Content-Type as a body's encoding."""

from contextlib import suppress
from functools import lru_cache
from typing import Literal, NamedTuple

from sampan.api.errors import StatusError, not_acceptable, unsupported_media_type

Shape = Literal["", "Table", "PartialObjectMetadata", "PartialObjectMetadataList"]
JSON, YAML, PROTOBUF = "application/json", "application/yaml", "application/vnd.kubernetes.protobuf"
ACCEPTED = f"{JSON}, {YAML}, {PROTOBUF}"
PEOPLE = ("curl", "Wget", "Mozilla/")


class Format(NamedTuple):
    """How an answer is written."""

    media: str = JSON
    shape: Shape = ""
    version: str = ""
    """Of meta.k8s.io, for a shape."""


PLAIN = Format()


@lru_cache(maxsize=512)
def negotiate(accept: str, shapes: bool = True, native: bool = True) -> Format:
    """The first acceptable format, or a 406. `shapes`: Table and PartialObjectMetadata make sense here.

    `native`: the objects can be written as protobuf; metadata alone always can, Tables never.
    """
    if not accept or accept in (JSON, "*/*"):
        return PLAIN
    for media, parameters in _weighted(accept):
        if media in ("*/*", "application/*"):
            media = JSON
        if media not in (JSON, YAML, PROTOBUF):
            continue
        shape = parameters.get("as", "")
        if not shape or (not parameters.get("g") and not parameters.get("v")):
            if media == PROTOBUF and not native:
                continue
            return Format(media)
        known = shape in ("Table", "PartialObjectMetadata", "PartialObjectMetadataList")
        if not shapes or not known or parameters.get("g") != "meta.k8s.io" or parameters.get("v") not in V1:
            continue
        if media == PROTOBUF and shape == "Table":
            continue
        return Format(media, shape, parameters["v"])  # type: ignore[arg-type]
    raise not_acceptable(f"only the following media types are accepted: {ACCEPTED}")


V1 = ("v1", "v1beta1")


@lru_cache(maxsize=128)
def negotiate_watch(accept: str, native: bool = True) -> Format:
    """As `negotiate`, for a stream: never YAML."""
    wanted = ",".join(part for part in accept.split(",") if YAML not in part)
    if wanted or not accept:
        with suppress(StatusError):
            return negotiate(wanted, native=native)
    raise not_acceptable(f"only the following media types are accepted: {JSON};stream=watch, {PROTOBUF};stream=watch")


def _weighted(accept: str) -> list[tuple[str, dict[str, str]]]:
    """Clauses by their q, in order of appearance for equal ones."""
    found: list[tuple[float, str, dict[str, str]]] = []
    for clause in accept.split(","):
        media, *rest = (part.strip() for part in clause.split(";"))
        parameters = dict(part.partition("=")[::2] for part in rest)
        try:
            weight = float(parameters.get("q", 1))
        except ValueError:
            weight = 1.0
        found.append((weight, media, parameters))
    found.sort(key=lambda clause: -clause[0])
    return [(media, parameters) for _, media, parameters in found]


def body_type(content_type: str) -> str:
    """JSON, YAML or PROTOBUF for a body's Content-Type, or a 415."""
    media = content_type.partition(";")[0].strip().lower()
    if media in ("", JSON):
        return JSON
    if media in (YAML, PROTOBUF):
        return media
    raise unsupported_media_type(
        f"the body of the request was in an unknown format - accepted media types include: {ACCEPTED}"
    )


def is_pretty(parameter: str | None, user_agent: str) -> bool:
    """Whether JSON is indented: on request, and for browsers and the like."""
    if parameter is not None:
        return parameter.lower() not in ("false", "0")
    return user_agent.startswith(PEOPLE)
