"""Links in pages that come through a proxy, changed so that they lead through it too (apimachinery: util/proxy)."""

import re
from collections.abc import Callable
from html import escape, unescape
from html.parser import HTMLParser
from typing import Final, NamedTuple
from urllib.parse import urlsplit, urlunsplit

URLS: Final = {
    "a": ("href",), "applet": ("codebase",), "area": ("href",), "audio": ("src",), "base": ("href",),
    "blockquote": ("cite",), "body": ("background",), "button": ("formaction",), "command": ("icon",),
    "del": ("cite",), "embed": ("src",), "form": ("action",), "frame": ("longdesc", "src"), "head": ("profile",),
    "html": ("manifest",), "iframe": ("longdesc", "src"), "img": ("longdesc", "src", "usemap"),
    "input": ("src", "usemap", "formaction"), "ins": ("cite",), "link": ("href",),
    "object": ("classid", "codebase", "data", "usemap"), "q": ("cite",), "script": ("src",), "source": ("src",),
    "video": ("poster", "src"),
}  # fmt: skip
"""Attributes that hold URLs, by tag."""
_ATTRIBUTE: Final = r"""(\s{name}\s*=\s*)("[^"]*"|'[^']*'|[^\s"'>]+)"""


class Way(NamedTuple):
    """A way through the proxy: where pages stand for the client, and where they come from."""

    prefix: str
    """Path of the proxied server's root at ours, without a slash at the end."""
    host: str
    """host:port by which the client reaches us."""
    backend: str
    """host:port of the other server."""

    def link(self, url: str) -> str:
        """A link as the client can follow it; relative ones and those to other hosts stay."""
        try:
            parts = urlsplit(url)
        except ValueError:
            return url
        if parts.netloc not in ("", self.backend, self.host) or not parts.path.startswith("/"):
            return url
        path = parts.path if parts.path.startswith(self.prefix) else self.prefix + parts.path
        scheme, host = ("", "") if not parts.netloc else ("https", self.host)
        return urlunsplit((scheme, host, path, parts.query, parts.fragment))

    def page(self, text: str) -> str:
        """A page with all its links changed."""
        writer = _Writer(self.link)
        writer.feed(text)
        writer.close()
        return "".join(writer.parts)


class _Writer(HTMLParser):
    """Writes what it reads, but for URLs."""

    def __init__(self, change: Callable[[str], str]) -> None:
        super().__init__(convert_charrefs=False)
        self.parts: list[str] = []
        self._change = change

    def handle_starttag(self, tag: str, attrs: object) -> None:
        text = self.get_starttag_text() or ""
        for name in URLS.get(tag, ()):
            text = re.sub(_ATTRIBUTE.format(name=name), self._changed, text, flags=re.IGNORECASE)
        self.parts.append(text)

    def handle_startendtag(self, tag: str, attrs: object) -> None:
        self.handle_starttag(tag, attrs)

    def _changed(self, found: re.Match[str]) -> str:
        value = found[2][1:-1] if found[2][0] in "\"'" else found[2]
        return f'{found[1]}"{escape(self._change(unescape(value)))}"'

    def handle_endtag(self, tag: str) -> None:
        self.parts.append(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        self.parts.append(data)

    def handle_entityref(self, name: str) -> None:
        self.parts.append(f"&{name};")

    def handle_charref(self, name: str) -> None:
        self.parts.append(f"&#{name};")

    def handle_comment(self, data: str) -> None:
        self.parts.append(f"<!--{data}-->")

    def handle_decl(self, decl: str) -> None:
        self.parts.append(f"<!{decl}>")

    def unknown_decl(self, data: str) -> None:
        self.parts.append(f"<![{data}]>")

    def handle_pi(self, data: str) -> None:
        self.parts.append(f"<?{data}>")
