"""/logs/: files and directories of the machine's log directory, as Go's file server shows them. Blocks."""

import mimetypes
from html import escape
from pathlib import Path
from urllib.parse import quote

from sampan.net.http import Response

MOST = 64 << 20
"""Bytes shown of one file: its end."""


def serve_log(root: Path, path: str, parts: list[str]) -> Response:
    """The file or directory below `root` that `parts` name; `path` is the request's. Nothing outside of root."""
    parts = [part for part in parts if part]
    if any(part in ("..", ".") or "/" in part or "\0" in part for part in parts):
        return _plain(400, "invalid URL path\n")
    base = root.resolve()
    target = base.joinpath(*parts)
    try:
        target = target.resolve(strict=True)
        if not target.is_relative_to(base):
            return _plain(404, "404 page not found\n")
        if target.is_dir():
            if path.endswith("/"):
                return _folder(target)
            return Response(301, [("Location", f"{parts[-1] if parts else 'logs'}/")])
        if not target.is_file():
            return _plain(404, "404 page not found\n")
        with target.open("rb") as file:
            size = target.stat().st_size
            file.seek(max(0, size - MOST))
            kind = mimetypes.guess_type(target.name)[0] or "text/plain; charset=utf-8"
            return Response(200, [("Content-Type", kind)], file.read(MOST))
    except FileNotFoundError:
        return _plain(404, "404 page not found\n")
    except (PermissionError, RuntimeError):
        return _plain(403, "403 Forbidden\n")


def _folder(folder: Path) -> Response:
    names = sorted(f"{entry.name}/" if entry.is_dir() else entry.name for entry in folder.iterdir())
    lines = "".join(f'<a href="{quote(name)}">{escape(name)}</a>\n' for name in names)
    page = f'<!doctype html>\n<meta name="viewport" content="width=device-width">\n<pre>\n{lines}</pre>\n'
    return Response(200, [("Content-Type", "text/html; charset=utf-8")], page.encode())


def _plain(status: int, text: str) -> Response:
    return Response(status, [("Content-Type", "text/plain; charset=utf-8")], text.encode())
