"""The page in a real Chromium: its script runs under its own policy, and hostile text stays text."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from sampan.advisories.feed import Feed, read
from sampan.advisories.issues import Item
from sampan.advisories.page import Health, as_html

STAMP = "2024-01-02T03:04:05Z"
BAD = "<script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">"


@pytest.mark.slow
def test_in_chromium(official: bytes, tmp_path: Path) -> None:
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if browser is None:
        pytest.skip("the page is not looked at: there is no Chromium (Debian: apt-get install chromium)")
    bad = Item("CVE-2024-1111", BAD, BAD, STAMP, "https://example.com/issues/7", 7, "open")
    page = tmp_path / "index.html"
    page.write_bytes(as_html(Feed([bad, *read(official).items], STAMP), Health(STAMP, BAD)))
    command = [browser, "--headless=new", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}"]
    done = subprocess.run(
        [*command, "--window-size=1200,900", f"--screenshot={tmp_path / 'page.png'}", "--dump-dom", page.as_uri()],
        capture_output=True, text=True, timeout=50, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "<title>Kubernetes CVE feed</title>" in done.stdout
    assert re.search(r'<form id="filters" role="search">', done.stdout), "its script did not run"
    assert not re.search(r"<img\b", done.stdout)
    assert (tmp_path / "page.png").read_bytes().startswith(b"\x89PNG")
