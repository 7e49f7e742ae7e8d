"""How OpenAPI documents are handed out: hashes that clients cache by, media types, refusals; as a real server does."""

import json

import pytest

from sampan.apiserver.app import App
from sampan.net.http import Request, Response

V2 = "application/com.github.proto-openapi.spec.v2"
V3 = "application/com.github.proto-openapi.spec.v3"


async def get(app: App, target: str, **headers: str) -> Response:
    path, _, query = target.partition("?")
    return await app(Request("GET", path, query, {key.replace("_", "-"): value for key, value in headers.items()}))


async def test_places_from_the_index_may_be_kept_for_ever(app: App) -> None:
    index = json.loads((await get(app, "/openapi/v3")).body)["paths"]
    place = index["apis/apps/v1"]["serverRelativeURL"]
    found = await get(app, place)
    headers = dict(found.headers)
    assert found.status == 200
    assert headers["Cache-Control"] == "public, immutable"
    assert headers["ETag"] == '"{}"'.format(place.partition("?hash=")[2])
    unmarked = dict((await get(app, "/openapi/v3/apis/apps/v1")).headers)
    assert unmarked["Cache-Control"] == "no-cache, private"
    assert (await get(app, place, if_none_match=headers["ETag"])).status == 304


async def test_an_old_hash_leads_to_the_new_place(app: App) -> None:
    index = json.loads((await get(app, "/openapi/v3")).body)["paths"]
    moved = await get(app, "/openapi/v3/api?hash=OLD")
    assert moved.status == 301
    assert dict(moved.headers)["Location"] == index["api"]["serverRelativeURL"]


@pytest.mark.parametrize(
    ("target", "accept", "status", "kind"),
    [
        ("/openapi/v3/api", "application/*", 200, "application/json"),
        ("/openapi/v3/api", "text/plain", 406, ""),
        ("/openapi/v3/api", f"{V3}@v1.0+protobuf", 200, f"{V3}.v1.0+protobuf"),
        ("/openapi/v3/api", f"{V3}.v1.0+protobuf", 200, f"{V3}.v1.0+protobuf"),
        ("/openapi/v3/api", f"{V3}.v1.0+protobuf,application/json", 200, f"{V3}.v1.0+protobuf"),
        ("/openapi/v3/apis/apps/v9", "*/*", 404, ""),
        ("/openapi/v3/nope", "*/*", 404, ""),
        ("/openapi/v2", f"{V2}@v1.0+protobuf", 200, f"{V2}.v1.0+protobuf"),
        ("/openapi/v2", f"{V2}.v1.0+protobuf", 200, f"{V2}.v1.0+protobuf"),
        ("/openapi/v2", "text/plain", 406, ""),
    ],
)
async def test_media_types(app: App, target: str, accept: str, status: int, kind: str) -> None:
    found = await get(app, target, accept=accept)
    assert (found.status, dict(found.headers).get("Content-Type", "")) == (status, kind)


async def test_both_forms_of_v2_have_one_etag(app: App) -> None:
    plain, binary = await get(app, "/openapi/v2"), await get(app, "/openapi/v2", accept=f"{V2}@v1.0+protobuf")
    assert dict(plain.headers)["ETag"] == dict(binary.headers)["ETag"]


@pytest.mark.parametrize(
    ("path", "plain"),
    [
        ("/version/x", False),
        ("/version/x/y", False),
        ("/openid/v1/jwks/x", False),
        ("/.well-known/openid-configuration/x", False),
        ("/versionx", True),
        ("/foo/bar", True),
        ("/openid/v1", True),
        ("/metrics/x", True),
        ("/openapi/v2/x", True),
        ("/openapi", True),
        ("/apis/nobody.example.com/v1", True),
    ],
)
async def test_what_is_not_there(app: App, path: str, plain: bool) -> None:
    found = await get(app, path)
    assert found.status == 404
    if plain:
        assert found.body == b"404 page not found\n"
    else:
        assert json.loads(found.body)["message"] == "the server could not find the requested resource"
