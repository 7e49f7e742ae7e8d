"""Find the API server to join and make sure that it is the one: by a token that signs cluster-info, or by a file."""

import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sampan.aio.clock import Clock
from sampan.api.errors import StatusError
from sampan.api.json import Obj
from sampan.api.names import ObjectRef
from sampan.client.api import Api
from sampan.client.http import HttpTransport
from sampan.client.kubeconfig import Access, KubeconfigError, access_of, parse_kubeconfig, read_kubeconfig
from sampan.cluster.config import ClusterError
from sampan.cluster.join_file import (
    Document,
    authority_of,
    by_token,
    current_cluster,
    has_credentials,
    with_authority,
    with_files_inside,
)
from sampan.cluster.joining import pins
from sampan.resources.bootstrap_tokens import CLUSTER_INFO, KUBECONFIG, PUBLIC, SIGNATURE, is_signed, split_token
from sampan.resources.kinds import CONFIGMAPS

log = logging.getLogger("sampan.join")
EVERY = 1.0
"""Seconds between two looks at cluster-info."""
INFO = ObjectRef(CONFIGMAPS, PUBLIC, CLUSTER_INFO)
OUR_NAME = "cluster-info"


@dataclass(frozen=True, slots=True)
class Discovery:
    """How to find the cluster: by `endpoint` (host:port) and `token`, or by `file` (a path or an https URL)."""

    endpoint: str = ""
    token: str = ""
    pins: Sequence[str] = ()
    """`sha256:HEX` of public keys of CAs; none: any CA that the token vouches for."""
    file: str = ""
    tls_token: str = ""
    """In place of the file's user."""
    timeout: float = 300.0


class Discoverer:
    """Looks at API servers until they answer or the time is up."""

    def __init__(self, wanted: Discovery, clock: Clock, say: Callable[[str], None]) -> None:
        self._wanted, self._clock, self._say = wanted, clock, say

    async def find(self) -> Document:
        """The kubeconfig to ask for a certificate with. Raises ClusterError."""
        wanted = self._wanted
        try:
            found = await (self._by_file() if wanted.file else self._by_token())
            if wanted.tls_token:
                found = by_token(current_cluster(found), wanted.tls_token)
            elif not has_credentials(found):
                raise ClusterError(
                    "could not find authentication credentials for the TLS bootstrap process. Please use Token "
                    "discovery, a discovery file with embedded authentication credentials or a discovery file without "
                    "authentication credentials but with --tls-bootstrap-token"
                )
            if not _certificates(authority_of(current_cluster(found))):
                raise ClusterError("no CA certificate found in CertificateAuthorityData")
        except KubeconfigError as error:
            raise ClusterError(f"couldn't validate the identity of the API Server: {error}") from error
        return found

    # --- by a token

    async def _by_token(self) -> Document:
        parts = split_token(self._wanted.token)
        assert parts is not None
        server = f"https://{self._wanted.endpoint}"
        first = await self._signed_info(Access(server, insecure=True), parts[0])
        text = checked_info(first, *parts)
        found = _parsed(text)
        cluster = current_cluster(found)
        if not self._wanted.pins:
            return found
        authority = authority_of(cluster)
        check_pins(authority, self._wanted.pins)
        second = await self._signed_info(Access(server, authority), parts[0])
        if second.get(KUBECONFIG) != text:
            raise ClusterError(
                f"the second kubeconfig from the {CLUSTER_INFO} ConfigMap (using validated TLS) was different from the "
                "first"
            )
        return found

    async def _signed_info(self, access: Access, id_: str) -> dict[str, str]:
        """The data of cluster-info as soon as the token has signed it."""

        async def look(api: Api) -> tuple[dict[str, str] | None, str]:
            try:
                data: dict[str, str] = (await api.get(INFO)).get("data") or {}
            except (StatusError, OSError) as error:
                return None, f"failed to request the cluster-info ConfigMap: {error}"
            if SIGNATURE + id_ in data:
                return data, ""
            return None, f'could not find a JWS signature in the cluster-info ConfigMap for token ID "{id_}"'

        found: dict[str, str] = await self._until(access, look, "couldn't validate the identity of the API Server")
        return found

    async def _until(self, access: Access, look: Callable[[Api], Awaitable[tuple[Any, str]]], failure: str) -> Any:
        """What `look` finds; it says why it found nothing, and is called again until the time is up."""
        end, told = self._clock.monotonic() + self._wanted.timeout, ""
        try:
            transport = HttpTransport(access, agent="sampan-join", timeout=10.0)
        except (OSError, ValueError) as error:
            raise ClusterError(f"{failure}: {error}") from error
        try:
            while True:
                found, why = await look(Api(transport))
                if not why:
                    return found
                if why != told:
                    self._say(told := why)
                if self._clock.monotonic() + EVERY > end:
                    raise ClusterError(f"{failure}: {why}")
                await self._clock.sleep(EVERY)
        finally:
            await transport.close()

    # --- by a file

    async def _by_file(self) -> Document:
        import asyncio

        name = self._wanted.file
        if name.startswith("https://"):
            path, document = Path(), parse_kubeconfig(await _fetched(name), name)
        else:
            path = Path(name)
            document = await asyncio.to_thread(read_kubeconfig, path)
        if not document.get("clusters"):
            raise ClusterError("the provided kubeconfig file must have at least one Cluster defined")
        document = _with_context(await asyncio.to_thread(with_files_inside, document, path.parent))
        access = await asyncio.to_thread(access_of, document, path)

        async def look(api: Api) -> tuple[Obj | None, str]:
            try:
                return await api.get(INFO), ""
            except StatusError as error:
                if error.code != 403:
                    return None, str(error)
                log.warning(
                    "discovery: the %s ConfigMap may not be read, but the server's certificate is valid: going on",
                    CLUSTER_INFO,
                )
                return None, ""
            except OSError as error:
                return None, str(error)

        after = f"Abort reading the {CLUSTER_INFO} ConfigMap after timeout of {self._wanted.timeout:g} s"
        return _refreshed(document, await self._until(access, look, after))


def checked_info(data: dict[str, str], id_: str, key: str) -> str:
    """The kubeconfig of cluster-info, if the token has signed it. Raises ClusterError."""
    text, signature = data.get(KUBECONFIG), data.get(SIGNATURE + id_)
    if not text:
        raise ClusterError(
            f"there is no {KUBECONFIG} key in the {CLUSTER_INFO} ConfigMap. This API Server isn't set up for token "
            "bootstrapping, can't connect"
        )
    if not signature:
        raise ClusterError(
            f'token id "{id_}" is invalid for this cluster or it has expired. Use "sampan token create" to create a '
            "new valid token"
        )
    if not is_signed(text, signature, id_, key):
        raise ClusterError(
            "failed to verify JWS signature of received cluster info object, can't trust this API Server"
        )
    return text


def check_pins(authority: bytes, allowed: Sequence[str]) -> None:
    """Raises ClusterError unless the public key of one of the CA's certificates is among the pins."""
    found = _certificates(authority)
    if not {pin.lower() for pin in allowed} & set(found):
        raise ClusterError(
            f"cluster CA found in {CLUSTER_INFO} ConfigMap is invalid: none of the public keys "
            f'"{":".join(found)}" are pinned'
        )


def _certificates(authority: bytes) -> list[str]:
    """The pins of a CA's certificates. Raises ClusterError."""
    try:
        return pins(authority) if authority else []
    except ValueError as error:
        raise ClusterError(f"failed to parse cluster CA from the {CLUSTER_INFO} ConfigMap: {error}") from error


def _parsed(text: str) -> Document:
    return parse_kubeconfig(text, f"the kubeconfig in the {CLUSTER_INFO} ConfigMap")


def _with_context(document: Document) -> Document:
    """The same document; a cluster without a name, which stands before all others, gets one and a context."""
    if all(one.get("name") for one in document["clusters"]):
        return document
    current = document.get("current-context")
    known: Document = next(
        (one for one in document.get("contexts") or () if current and one.get("name") == current), {}
    )
    context = {**(known.get("context") or {}), "cluster": OUR_NAME}
    return {
        **document,
        "clusters": [{"name": OUR_NAME, "cluster": current_cluster(document)}],
        "contexts": [{"name": OUR_NAME, "context": context}],
        "current-context": OUR_NAME,
    }


def _refreshed(document: Document, info: Obj | None) -> Document:
    """The file, with the CA of cluster-info where it has none. Raises KubeconfigError."""
    text = ((info or {}).get("data") or {}).get(KUBECONFIG)
    if not text:
        return document
    try:
        known = _parsed(text)
    except KubeconfigError as error:
        log.info("discovery: %s, but the server's certificate is valid: going on", error)
        return document
    fresh, ours = current_cluster(known), current_cluster(document)
    if ours.get("server") != fresh.get("server"):
        log.warning(
            "discovery: the file's server %s is not the one of the %s ConfigMap, %s",
            ours.get("server"), CLUSTER_INFO, fresh.get("server"),
        )  # fmt: skip
    authority = fresh.get("certificate-authority-data")
    return with_authority(document, authority) if authority and not ours.get("certificate-authority-data") else document


async def _fetched(url: str) -> str:
    """A file of the web, whose server this machine trusts. Raises ClusterError."""
    from sampan.net.http_client import HttpClient

    async with HttpClient() as http:
        try:
            answer = await http.send("GET", url, timeout=30.0)
        except OSError as error:
            raise ClusterError(f"--discovery-file {url}: {error}") from error
    if answer.status != 200:
        raise ClusterError(f"--discovery-file {url}: HTTP status {answer.status}")
    return answer.body.decode(errors="replace")
