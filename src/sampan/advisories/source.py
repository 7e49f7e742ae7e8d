"""Where advisories come from: GitHub's issue search, an address or a file; paging, ETags, limits and back-off."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, urljoin, urlsplit

from sampan.advisories import feed
from sampan.advisories.issues import BadData, Parsed, parse_issues
from sampan.aio.backoff import Dice, exponential
from sampan.aio.clock import Clock
from sampan.net.http_client import Answer, HttpClient

GITHUB = "https://api.github.com"
REPOSITORY = "kubernetes/kubernetes"
LABEL = "official-cve-feed"
PER_PAGE = 100
MOST_PAGES = 10
"""GitHub's search tells 1,000 results at most."""
MOST_BYTES = 64 * 1024 * 1024
MOST_REDIRECTS = 5
TRIES = 4
NEXT = re.compile(r'<([^>]+)>\s*;[^,]*\brel="?next"?')


class SourceError(Exception):
    """The source could not be read; `retry_after` says in how many seconds it may be asked again, if it said."""

    def __init__(self, text: str, retry_after: float | None = None) -> None:
        super().__init__(text)
        self.retry_after = retry_after


@dataclass(slots=True)
class Means:
    """What fetching needs: the clock that waits, chance for jitter, a token, how long a limit is waited for (s)."""

    clock: Clock
    rng: Dice
    http: HttpClient
    token: str = field(default="", repr=False)
    patience: float = 60.0
    timeout: float = 30.0


class Pages(dict[str, dict[str, str]]):
    """Answers by address, for asking again with their ETag: etag, link, body."""


async def read_source(source: str, means: Means, pages: Pages) -> Parsed:
    """Items of `github`, `github:OWNER/REPO`, an http(s) address or a file. Raises SourceError.

    `pages` is what earlier calls were answered; it is changed only when the whole source was read well.
    """
    fresh = Pages()
    try:
        if source == "github" or source.startswith("github:"):
            parsed = await _search(source.partition(":")[2] or REPOSITORY, GITHUB, means, pages, fresh)
        elif source.startswith("github+http"):  # a server that speaks GitHub's API: GitHub Enterprise, a mirror
            parsed = await _search(REPOSITORY, source.removeprefix("github+").rstrip("/"), means, pages, fresh)
        elif re.match(r"https?://", source):
            parsed = feed.read((await _page(source, means, pages, fresh, accept="application/json")).body)
        else:
            parsed = feed.read(await asyncio.to_thread(_file, source.removeprefix("file://")))
    except BadData as error:
        raise SourceError(f"{source}: {error}") from error
    pages.clear()
    pages.update(fresh)
    return parsed


def _file(name: str) -> bytes:
    try:
        return Path(name).read_bytes()
    except OSError as error:
        raise SourceError(f"{name}: {error.strerror}") from error


async def _search(repository: str, base: str, means: Means, pages: Pages, fresh: Pages) -> Parsed:
    query = quote(f"repo:{repository} is:issue label:{LABEL}", safe=":/")
    url: str | None = f"{base}/search/issues?q={query}&sort=created&order=desc&per_page={PER_PAGE}"
    issues: list[object] = []
    total = 0
    while url is not None:
        if url in fresh or len(fresh) >= MOST_PAGES:
            raise SourceError(f"{base}: more than {MOST_PAGES} pages, or one that follows itself")
        answer = await _page(url, means, pages, fresh, accept="application/vnd.github+json")
        page = feed.load(answer.body)
        if not isinstance(page, dict) or not isinstance(page.get("items"), list):
            raise BadData("an answer without items")
        if page.get("incomplete_results"):
            raise BadData("incomplete results")
        total = max(total, int(page.get("total_count") or 0))
        issues += page["items"]
        following = NEXT.search(answer.headers.get("link", ""))
        url = urljoin(url, following[1]) if following else None
        if url is not None and urlsplit(url)[:2] != urlsplit(base)[:2]:
            raise BadData("the next page is on another server")
    numbers = {issue.get("number") for issue in issues if isinstance(issue, dict)}
    if len(numbers) < total:
        raise BadData(f"truncated: {len(numbers)} of {total} issues")
    return parse_issues(_once(issues))


def _once(issues: list[object]) -> Iterator[object]:
    """Each issue once: one that is made while pages are turned moves others to the next page."""
    seen: set[object] = set()
    for issue in issues:
        number = issue.get("number") if isinstance(issue, dict) else None
        if number not in seen or number is None:
            seen.add(number)
            yield issue


async def _page(url: str, means: Means, pages: Pages, fresh: Pages, *, accept: str) -> Answer:
    """A page, asked for again only if it has changed; kept in `fresh`."""
    known = pages.get(url)
    headers = [("user-agent", "sampan-cve-feed"), ("accept", accept)]
    if known and known.get("etag"):
        headers.append(("if-none-match", known["etag"]))
    answer = await _answer(url, headers, means)
    if answer.status == 304:
        if not known:
            raise SourceError(f"{_shown(url)}: 304 without being asked")
        fresh[url] = known
        return Answer(200, {"link": known.get("link", "")}, known["body"].encode())
    etag, link = answer.headers.get("etag", ""), answer.headers.get("link", "")
    fresh[url] = {"etag": etag, "link": link, "body": answer.body.decode("utf-8", "replace")}
    return answer


async def _answer(url: str, headers: list[tuple[str, str]], means: Means) -> Answer:
    """200 or 304, after as many tries as are sensible. Raises SourceError."""
    delays = exponential(1.0, 30.0, jitter=0.5, rng=means.rng)
    waited = 0.0
    for attempt in range(1, TRIES + 1):
        trouble, delay = "", next(delays)
        try:
            answer = await _follow(url, headers, means)
        except TimeoutError:
            trouble = f"no answer within {means.timeout:g} s"
        except OSError as error:
            trouble = error.strerror or str(error) or type(error).__name__
        else:
            if answer.status in (200, 304):
                return answer
            asked = retry_after(answer, means)
            trouble = f"status {answer.status}" + (" (rate limit)" if asked is not None else "")
            if asked is None and answer.status < 500:
                raise SourceError(f"{_shown(url)}: {trouble}")
            if asked is not None:
                delay = max(asked, delay)
                if waited + delay > means.patience:
                    raise SourceError(f"{_shown(url)}: {trouble}, may be asked again in {delay:.0f} s", delay)
        if attempt == TRIES:
            raise SourceError(f"{_shown(url)}: {trouble}, {TRIES} times")
        waited += delay
        await means.clock.sleep(delay)
    raise AssertionError("unreachable")


def retry_after(answer: Answer, means: Means) -> float | None:
    """In how many seconds a rate limit wants to be asked again; None: it is none."""
    if answer.status not in (403, 429, 503):
        return None
    text = answer.headers.get("retry-after", "")
    if text.isdigit():
        return float(text)
    reset = answer.headers.get("x-ratelimit-reset", "")
    if answer.headers.get("x-ratelimit-remaining") == "0" and reset.isdigit():
        return max(0.0, float(reset) - means.clock.now().timestamp()) + 1.0
    if answer.status == 429 or b"rate limit" in answer.body[:2000].lower():
        return 60.0  # what GitHub's documentation asks for when it does not say
    return None


async def _follow(url: str, headers: list[tuple[str, str]], means: Means) -> Answer:
    """GET, with redirects; the token goes to the first server only."""
    origin = urlsplit(url)[:2]
    for _ in range(MOST_REDIRECTS + 1):
        pairs = list(headers)
        if means.token and urlsplit(url)[:2] == origin:
            pairs.append(("authorization", f"Bearer {means.token}"))
        answer = await _get(url, pairs, means)
        if answer.status not in (301, 302, 303, 307, 308):
            return answer
        target = urljoin(url, answer.headers.get("location", ""))
        if origin[0] == "https" and not target.startswith("https:"):
            raise SourceError(f"{_shown(url)}: redirects away from https")
        url = target
    raise SourceError(f"{_shown(url)}: more than {MOST_REDIRECTS} redirects")


async def _get(url: str, pairs: list[tuple[str, str]], means: Means) -> Answer:
    body = bytearray()
    async with asyncio.timeout(means.timeout):
        async with _streamed(url, pairs, means) as (status, headers, chunks):
            async for chunk in chunks:
                body += chunk
                if len(body) > MOST_BYTES:
                    raise SourceError(f"{_shown(url)}: more than {MOST_BYTES >> 20} MiB")
    return Answer(status, headers, bytes(body))


@asynccontextmanager
async def _streamed(
    url: str, pairs: list[tuple[str, str]], means: Means
) -> AsyncIterator[tuple[int, dict[str, str], AsyncIterator[bytes]]]:
    try:
        async with means.http.stream("GET", url, pairs) as streamed:
            yield streamed.status, streamed.headers, streamed.chunks
    except ValueError as error:
        raise SourceError(f"{_shown(url)}: {error}") from error


def _shown(url: str) -> str:
    """An address for messages: without credentials and query."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
