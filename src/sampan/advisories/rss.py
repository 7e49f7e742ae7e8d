"""The CVE feed as RSS 2.0 with the official feed's elements; hostile text is escaped by the XML writer."""

import re
from datetime import UTC, datetime
from email.utils import format_datetime
from xml.etree import ElementTree as Xml

from sampan.advisories.feed import DESCRIPTION, HOME, TITLE, Feed, external_url

ATOM = "http://www.w3.org/2005/Atom"
STATUS_SCHEME = "https://k8s.io/2024-06-27/cve-item-status"
NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 cannot hold, escaped or not."""


def as_rss(feed: Feed) -> bytes:
    """The document. Dates are RFC 822, guids are said to be no links of ours."""
    Xml.register_namespace("atom", ATOM)
    root = Xml.Element("rss", {"version": "2.0"})
    channel = Xml.SubElement(root, "channel")
    address = feed.url.removesuffix("index.json") + "feed.xml"
    _add(channel, "title", TITLE)
    _add(channel, "link", HOME)
    _add(channel, "description", DESCRIPTION)
    _add(channel, "language", "en")
    _add(channel, "lastBuildDate", rfc822(feed.updated))
    Xml.SubElement(channel, f"{{{ATOM}}}link", {"href": address, "rel": "self", "type": "application/rss+xml"})
    for item in feed.items:
        entry = Xml.SubElement(channel, "item")
        _add(entry, "title", item.id)
        _add(entry, "link", item.url)
        _add(entry, "description", item.summary)
        if item.status:
            _add(entry, "category", item.status, domain=STATUS_SCHEME)
        _add(entry, "guid", external_url(item.id), isPermaLink="false")
        _add(entry, "pubDate", rfc822(item.published))
    Xml.indent(root)
    data: bytes = Xml.tostring(root, encoding="utf-8", xml_declaration=True)
    return data + b"\n"


def rfc822(stamp: str) -> str:
    """`Mon, 02 Jan 2006 15:04:05 +0000` of an RFC 3339 time, in any locale."""
    return format_datetime(datetime.fromisoformat(stamp).astimezone(UTC))


def _add(parent: Xml.Element, name: str, text: str, **attributes: str) -> None:
    Xml.SubElement(parent, name, attributes).text = NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text)
