"""Bare answers per second of the HTTP server, over TLS, with wrk. `python -m bench.http`."""

import asyncio
import datetime
import re
import shutil
import ssl
import subprocess
import sys

import uvloop
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from sampan.net.http import Request, Response
from sampan.net.http_server import serve
from sampan.net.tls import server_context

Rows = list[tuple[str, str]]
BODY = b"x" * 400
SECONDS = 4


def context() -> ssl.SSLContext:
    """A server's context with a certificate made for the occasion."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(now).not_valid_after(now + datetime.timedelta(hours=1))
    certificate = builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    form, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return server_context(certificate, key.private_bytes(serialization.Encoding.PEM, form, plain))


async def handler(request: Request) -> Response:
    """400 bytes; with ?wait after a turn of the loop, as a write would be answered."""
    if request.query:
        await asyncio.sleep(0)
    return Response(200, [("content-type", "application/json")], BODY)


async def child(secure: bool) -> None:
    """Serve until the standard input ends."""
    server = await serve(handler, "127.0.0.1", 0, ssl=context() if secure else None)
    sys.stdout.write(f"{server.port}\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.read)
    await server.close()


def wrk(secure: bool, target: str) -> str:
    """The answers per second that wrk counts with 32 connections."""
    command = [sys.executable, "-m", "bench.http", "tls" if secure else "plain"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        url = f"{'https' if secure else 'http'}://127.0.0.1:{int(server.stdout.readline())}{target}"
        load = subprocess.run(["wrk", "-t1", "-c32", f"-d{SECONDS}", url], capture_output=True, text=True, check=True)
        server.stdin.close()
    found = re.search(r"Requests/sec:\s+([\d.]+)", load.stdout)
    wrong = re.search(r"(Non-2xx.*|Socket errors.*)", load.stdout)
    if found is None or wrong is not None:
        return wrong[0] if wrong else "no figure"
    return f"{float(found[1]):,.0f}/s"


def run() -> Rows:
    """All rows: what, figure."""
    if shutil.which("wrk") is None:
        return [("HTTP answers", "needs wrk (apt-get install wrk)")]
    return [
        ("400 bytes over TLS, 32 connections", wrk(True, "/")),
        ("the same, the handler waits a turn", wrk(True, "/?wait")),
        ("400 bytes in the clear, 32 connections", wrk(False, "/")),
    ]


if __name__ == "__main__":
    if len(sys.argv) > 1:
        uvloop.run(child(sys.argv[1] == "tls"))
    else:
        sys.stdout.writelines(f"{what:60} {figure:>12}\n" for what, figure in run())
