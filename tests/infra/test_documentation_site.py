"""The site of the documentation is built in strict mode, and needs nothing from the internet."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.infra.conftest import REPOSITORY


def test_the_site(tmp_path: Path) -> None:
    """No link or anchor is broken, every page is in the navigation, and every asset is its own."""
    path = os.pathsep.join(str(REPOSITORY / part) for part in ("", "lambda_src", "cli"))
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", tmp_path],
        cwd=REPOSITORY,
        env=os.environ | {"PYTHONPATH": path, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    pages = {page.relative_to(tmp_path).as_posix(): page for page in tmp_path.rglob("*.html")}
    assert {"index.html", "quickstart.html", "reference/messages.html"} <= set(pages)
    loaded = re.compile(
        r"<(?:script|link|img)\b[^>]*\b(?:src|href)=\"(?:https?:)?//", re.IGNORECASE
    )
    assert [name for name, page in pages.items() if loaded.search(page.read_text())] == []
    assert "budget-exhausted" in pages["reference/metrics-and-alarms.html"].read_text()
