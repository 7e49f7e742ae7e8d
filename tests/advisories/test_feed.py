"""The JSON feed's keys and order, RSS, the page, and text that means harm."""

import json
import re
from email.utils import parsedate_to_datetime
from xml.etree import ElementTree as Xml

import pytest

from sampan.advisories.feed import Feed, as_json, digest, read
from sampan.advisories.issues import BadData, Item
from sampan.advisories.page import Health, as_html
from sampan.advisories.rss import as_rss

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\"'&amp;]]>\x00\x1b[31m\ud800"
ITEM = Item("CVE-2024-1111", HOSTILE, HOSTILE, "2024-01-02T03:04:05Z", "https://example.com/issues/7", 7, "fixed")
FEED = Feed([ITEM], "2024-02-03T04:05:06Z")


def test_keys_order_and_indent() -> None:
    text = as_json(Feed([ITEM._replace(status=None)], FEED.updated)).decode()
    whole = json.loads(text)
    assert text.startswith('{\n    "version": "https://jsonfeed.org/version/1.1",\n    "title":')
    assert list(whole) == [
        "version", "title", "home_page_url", "feed_url", "description", "authors", "_kubernetes_io", "items",
    ]  # fmt: skip
    assert whole["authors"] == [{"name": "Kubernetes Community", "url": "https://www.kubernetes.dev"}]
    assert list(whole["_kubernetes_io"]) == ["feed_refresh_job", "updated_at"]
    [item] = whole["items"]
    assert list(item) == [
        "content_text", "date_published", "external_url", "id", "summary", "url", "_kubernetes_io", "status",
    ]  # fmt: skip
    assert item["external_url"] == "https://www.cve.org/cverecord?id=CVE-2024-1111"
    assert item["_kubernetes_io"] == {
        "google_group_url": "https://groups.google.com/g/kubernetes-announce/search?q=CVE-2024-1111", "issue_number": 7,
    }  # fmt: skip
    assert item["status"] is None
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", whole["_kubernetes_io"]["updated_at"])


def test_it_reads_what_it_writes(official: bytes) -> None:
    items = read(official).items
    assert read(as_json(Feed(items, "2024-01-01T00:00:00Z"))).items == items


def test_the_hash_does_not_know_when_it_was_written() -> None:
    assert digest([ITEM]) == digest(read(as_json(FEED._replace(updated="2030-01-01T00:00:00Z"))).items)
    assert digest([ITEM]) != digest([ITEM._replace(status="open")])


def test_old_items_with_two_ids_are_two(official: bytes) -> None:
    items = read(official).items
    assert len(items) == 8
    assert {item.number for item in items if item.id in ("CVE-2023-2727", "CVE-2023-2728")} == {118640}


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"<!DOCTYPE html><html>", "HTML or XML instead of JSON"), (b'{"items": [', "broken or truncated"),
        (b"rate limited", "not JSON"), (b"{}", "there are no items"), (b"[" * 100_000, "broken or truncated"),
        (b'{"message": "API rate limit exceeded"}', "there are no items"), (b'{"items": []}', "neither a JSON feed"),
        (b'{"version": "https://jsonfeed.org/version/1", "items": []}', "feed version"),
        (b'{"total_count": 3, "items": []}', "truncated: 0 of 3"),
        (b'{"total_count": 0, "incomplete_results": true, "items": []}', "truncated"),
        (b'{"version": "https://jsonfeed.org/version/1.1", "items": [{"id": 5}]}', "without an id"),
    ],
)  # fmt: skip
def test_what_is_no_feed(data: bytes, said: str) -> None:
    with pytest.raises(BadData, match=said):
        read(data)


def test_rss() -> None:
    root = Xml.fromstring(as_rss(FEED))
    channel = root.find("channel")
    assert channel is not None
    assert (root.tag, root.get("version")) == ("rss", "2.0")
    link = channel.find("{http://www.w3.org/2005/Atom}link")
    assert link is not None
    assert link.attrib == {
        "href": "https://kubernetes.io/docs/reference/issues-security/official-cve-feed/feed.xml", "rel": "self",
        "type": "application/rss+xml",
    }  # fmt: skip
    assert channel.findtext("lastBuildDate") == "Sat, 03 Feb 2024 04:05:06 +0000"
    item = channel.find("item")
    assert item is not None
    assert item.findtext("title") == "CVE-2024-1111"
    assert parsedate_to_datetime(item.findtext("pubDate") or "").isoformat() == "2024-01-02T03:04:05+00:00"
    guid, category = item.find("guid"), item.find("category")
    assert guid is not None
    assert guid.get("isPermaLink") == "false"
    assert category is not None
    assert (category.text, category.get("domain")) == ("fixed", "https://k8s.io/2024-06-27/cve-item-status")
    assert (item.findtext("description") or "").startswith("</script><script>")


def test_rss_of_real_items(official: bytes) -> None:
    parsed = read(official)
    root = Xml.fromstring(as_rss(Feed(parsed.items, "2024-01-01T00:00:00Z")))
    assert [e.findtext("title") for e in root.iter("item")] == [i.id for i in parsed.items]
    for required in ("title", "link", "description"):
        assert root.findtext(f"channel/{required}")


def test_hostile_text_stays_text_on_the_page() -> None:
    page = as_html(FEED, Health(FEED.updated, "<b>broken</b>", 1)).decode()
    assert page.count("<script>") == 1
    assert "<img" not in page
    assert "<b>broken" not in page
    assert "&lt;script&gt;alert(1)" in page
    assert "The last refresh failed" in page
    assert "1 issue of the feed could not be shown" in page
    assert 'class="cve-status-fixed"' in page
    assert '<table class="security-cves">' in page


def test_the_page_asks_nothing_of_others(official: bytes) -> None:
    page = as_html(Feed(read(official).items, FEED.updated), Health(FEED.updated)).decode()
    assert "default-src 'none'" in page
    assert not re.search(r"(src|@import|url\()\s*=?\s*[\"']?https?:", page)
