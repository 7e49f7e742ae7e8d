"""/api, /apis, /openapi and /version: documents about the server, made once per change of what it serves."""

import hashlib
import platform
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs

from sampan.api.errors import StatusError, not_found_path
from sampan.api.json import Obj, dumps, loads
from sampan.apiserver.aggregation.aggregator import Aggregator
from sampan.apiserver.answer import written
from sampan.apiserver.live import LiveResources
from sampan.apiserver.negotiate import JSON, MEDIA, PROTOBUF, Format, check_producible, negotiate
from sampan.net.http import Request, Response
from sampan.resources import discovery

V2_PROTOBUF = "application/com.github.proto-openapi.spec.v2"
V3_PROTOBUF = "application/com.github.proto-openapi.spec.v3"

PATHS = (
    "/.well-known/openid-configuration", "/api", "/apis", "/apis/", "/healthz", "/livez", "/metrics", "/openapi/v2",
    "/openapi/v3", "/openapi/v3/", "/openid/v1/jwks", "/readyz", "/version",
)  # fmt: skip
"""Beside those of the groups that are served."""


def aggregated_version(accept: str) -> tuple[str, str]:
    """Media type and `v2` or `v2beta1` when the Accept header asks for the aggregated form first, else empty."""
    for clause in accept.split(","):
        parts = {part.strip() for part in clause.split(";")}
        if "as=APIGroupDiscoveryList" in parts and "g=apidiscovery.k8s.io" in parts:
            for version in ("v2", "v2beta1"):
                if f"v={version}" in parts:
                    return (PROTOBUF if PROTOBUF in parts else JSON), version
        if clause.split(";")[0].strip() in (JSON, PROTOBUF, "*/*"):
            break
    return "", ""


class Discovery:
    """Documents by path. `server` says how clients reach this server, for /api."""

    def __init__(
        self, live: LiveResources, version: str, server: Callable[[Request], str], aggregator: Aggregator
    ) -> None:
        self._live, self._version, self._server, self._aggregator = live, version, server, aggregator
        self._builtin = frozenset(r.mapping.group for r in live.all())
        self._made: dict[tuple[str, str], tuple[bytes, str]] = {}
        self._marks: dict[str, str] | None = None
        live.on_change(self._forget)
        aggregator.on_change(self._forget)

    def answer(self, request: Request) -> Response | None:
        """The answer of a path of these, or None for another path. Raises 404, 405, 406."""
        path = request.path.rstrip("/") or "/"
        parts = path.split("/")[1:]
        if path == "/openapi/v2" or parts[:2] == ["openapi", "v3"]:
            return self._openapi(request, path)
        if path == "/" and request.path == "/":
            return written(request, {"paths": self._paths()}, Format())
        if path == "/version":
            get_only(request)
            check_producible(request.headers.get("accept") or "*/*", (JSON,))
            return written(request, version_info(self._version), Format())
        if parts[0] not in ("api", "apis") or len(parts) > 3:
            return None
        custom = len(parts) > 1 and parts[0] == "apis" and parts[1] not in self._builtin
        if custom and self._build(request, path, parts) is None:
            return None  # upstream answers for groups that nobody serves in plain text
        if path == "/apis" and request.method in ("POST", "PUT", "PATCH"):
            return self._document(request, path, parts)
        get_only(request, known=lambda: self._build(request, path, parts) is not None)
        return self._document(request, path, parts)

    def _paths(self) -> list[str]:
        """What there is below the root."""
        paths = {*PATHS}
        for resource in self._live.all():
            group, version = resource.gvk.group, resource.gvk.version
            paths |= {f"/apis/{group}", f"/apis/{group}/{version}"} if group else {f"/api/{version}"}
        return sorted(paths)

    def _document(self, request: Request, path: str, parts: list[str]) -> Response:
        accept = request.headers.get("accept", "")
        media, version = aggregated_version(accept) if path in ("/api", "/apis") else ("", "")
        if version:
            return self._aggregated(request, path, media, version)
        made = self._build(request, path, parts)
        if made is None:
            raise not_found_path()
        if path.startswith("/api/") or (len(parts) == 3 and parts[1] in self._builtin):
            check_producible(accept or "*/*", MEDIA)
        return written(request, made, negotiate(accept, shapes=False))

    def _build(self, request: Request, path: str, parts: list[str]) -> Obj | None:
        resources = self._live.all()
        if path == "/api":
            return discovery.api_versions(self._server(request))
        if path == "/apis":
            listed = discovery.api_group_list(resources)
            return self._aggregator.groups(listed) if self._aggregator.active else listed
        if parts[0] == "api":
            return discovery.api_resource_list(resources, "", parts[1]) if len(parts) == 2 else None
        if len(parts) == 2:
            remote = self._aggregator.group(parts[1]) if self._aggregator.active else None
            return remote or discovery.api_group(resources, parts[1])
        return discovery.api_resource_list(resources, parts[1], parts[2])

    def _aggregated(self, request: Request, path: str, media: str, version: str) -> Response:
        made = self._made.get((path, media + version))
        if made is None:
            document = discovery.aggregated(self._live.all(), "/api" if path == "/api" else "/apis", version)
            if path == "/apis" and self._aggregator.active:
                document = self._aggregator.discovery(document)
            body = dumps(document) if media == JSON else written(request, document, Format(PROTOBUF)).body
            made = self._made[path, media + version] = body, f'"{hashlib.sha512(body).hexdigest().upper()}"'
        body, etag = made
        kind = f"{media};g=apidiscovery.k8s.io;v={version};as=APIGroupDiscoveryList"
        headers = [("Content-Type", kind), ("ETag", etag), ("Vary", "Accept"), ("Cache-Control", "public")]
        if request.headers.get("if-none-match") == etag:
            return Response(304, headers[1:])
        return Response(200, headers, body)

    def _openapi(self, request: Request, path: str) -> Response:
        if path == "/openapi/v2":
            return self._openapi_v2(request, path)
        from sampan.resources import openapi

        resources, version = self._live.all(), self._version
        if path == "/openapi/v3":
            body, _ = self._kept(path, lambda: self._aggregator.openapi(openapi.v3_index(resources, version)))
            return Response(200, [("Content-Type", "text/plain; charset=utf-8")], body)
        key = path.removeprefix("/openapi/v3/")
        mark = self._entries().get(key)
        if mark is None:
            return Response(404)
        media = offered(request.headers.get("accept", ""), (JSON, V3_PROTOBUF))
        if not media:
            return Response(406, [("Vary", "Accept")])
        fresh = [("Vary", "Accept")]
        wanted = (parse_qs(request.query).get("hash") or [""])[0]
        if wanted and wanted != mark:
            return Response(301, [("ETag", f'"{mark}"'), ("Location", f"{path}?hash={mark}"), *fresh])
        if wanted:
            ahead = datetime.now(UTC) + timedelta(days=365)
            fresh += [("Cache-Control", "public, immutable"), ("Expires", f"{ahead:%a, %d %b %Y %H:%M:%S UTC}")]
        body, _ = self._kept(path, lambda: openapi.v3_document(resources, key, version) or b"")
        if media == JSON:
            return _tagged(request, (body, mark), JSON, fresh)
        from sampan.resources.openapi_v3_binary import encode

        binary, _ = self._kept(f"{path}#", lambda: encode(loads(body)))
        return _tagged(request, (binary, mark), f"{V3_PROTOBUF}.v1.0+protobuf", fresh)

    def _entries(self) -> dict[str, str]:
        """The documents of OpenAPI v3 that this server makes itself, with their hashes."""
        from sampan.resources import openapi

        resources, version = self._live.all(), self._version
        if self._marks is None:
            self._marks = {key: openapi.v3_hash(resources, key, version) for key in openapi.v3_entries(resources)}
        return self._marks

    def _openapi_v2(self, request: Request, path: str) -> Response:
        from sampan.resources.openapi_v2 import v2_document

        media = offered(request.headers.get("accept", ""), (JSON, V2_PROTOBUF))
        if not media:
            return Response(406, [("Vary", "Accept-Encoding"), ("Vary", "Accept")])
        fresh = [("Vary", "Accept-Encoding"), ("Vary", "Accept")]
        plain, mark = self._kept(path, lambda: v2_document(self._live.all(), self._version))
        if media == JSON:
            return _tagged(request, (plain, mark), JSON, fresh)
        from sampan.resources.openapi_binary import encode

        binary, _ = self._kept(f"{path}#", lambda: encode(loads(plain)))
        return _tagged(request, (binary, mark), f"{V2_PROTOBUF}.v1.0+protobuf", fresh)

    def _kept(self, path: str, make: Callable[[], bytes]) -> tuple[bytes, str]:
        """A document and its hash, made once."""
        made = self._made.get((path, ""))
        if made is None:
            body = make()
            made = self._made[path, ""] = body, hashlib.sha512(body).hexdigest().upper()
        return made

    def _forget(self) -> None:
        self._made.clear()
        self._marks = None


def offered(accept: str, media: tuple[str, ...]) -> str:
    """The first of the media types that an Accept header allows, with a version after it or not; empty for none."""
    for clause in (accept or "*/*").split(","):
        wanted = clause.partition(";")[0].strip()
        for one in media:
            if wanted in (one, "*/*", "application/*") or wanted.startswith((f"{one}@v1", f"{one}.v1")):
                return one
    return ""


def _tagged(request: Request, document: tuple[bytes, str], media: str, headers: list[tuple[str, str]]) -> Response:
    """The document under its ETag, or 304 for a client that has it."""
    body, mark = document
    etag = f'"{mark}"'
    if request.headers.get("if-none-match") == etag:
        return Response(304, [("ETag", etag), *headers])
    return Response(200, [("Content-Type", media), ("ETag", etag), *headers], body)


def get_only(request: Request, known: Callable[[], bool] = lambda: True) -> None:
    """Raise 405 for a method that documents do not have."""
    if request.method != "GET" and known():
        raise StatusError(
            405, "MethodNotAllowed", "the server does not allow this method on the requested resource", {}
        )


def version_info(version: str) -> Obj:
    """`/version` for Kubernetes `version` (`1.36`)."""
    major, minor = version.split(".")[:2]
    return {
        "major": major, "minor": minor, "emulationMajor": major, "emulationMinor": minor,
        "minCompatibilityMajor": major, "minCompatibilityMinor": str(max(int(minor) - 1, 0)),
        "gitVersion": f"v{major}.{minor}.0+sampan", "gitCommit": "", "gitTreeState": "clean", "buildDate": "",
        "goVersion": "", "compiler": f"python{platform.python_version()}",
        "platform": f"{platform.system().lower()}/{ARCHITECTURES.get(platform.machine(), platform.machine())}",
    }  # fmt: skip


ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
