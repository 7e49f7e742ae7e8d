"""GET of what an issuer of tokens publishes, wherever it has moved to."""

from urllib.parse import urljoin, urlsplit

from sampan.net.http_client import Answer, HttpClient

TIMEOUT = 30.0
MOVED = frozenset((301, 302, 303, 307, 308))
MOST = 10
"""So many redirections are followed."""


async def fetch(client: HttpClient, url: str, headers: tuple[tuple[str, str], ...] = ()) -> Answer:
    """The answer. Raises OSError, and ValueError for redirections without end or to what is not HTTPS.

    Headers go only to where the first request went.
    """
    origin = urlsplit(url).netloc
    for _ in range(MOST):
        same = urlsplit(url).netloc == origin
        answer = await client.send("GET", url, headers if same else (), timeout=TIMEOUT)
        if answer.status not in MOVED or "location" not in answer.headers:
            return answer
        url = urljoin(url, answer.headers["location"])
        if not url.startswith("https://"):
            raise ValueError(f"redirected to {url}, which is not HTTPS")
    raise ValueError(f"stopped after {MOST} redirects")
