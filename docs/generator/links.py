"""Links of the repository's Markdown, as the site has them.

In the repository a page may link to any file beside it. The site has only pages, so a link to a
file that is none becomes its name, and README.md and QUICKSTART.md become pages.
"""

from __future__ import annotations

import posixpath
import re

from docs.generator.markdown import code
from docs.generator.source import ROOT

PAGES = {"README.md": "index.md", "QUICKSTART.md": "quickstart.md"}
"""Files of the repository's root that are pages of the site."""
_LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^)\s]+)\)")


def for_site(markdown: str, path: str) -> str:
    """The Markdown of a file with links for the site.

    Args:
        markdown: The file's text.
        path: Where it is in the repository, such as `docs/trust.md`.

    Raises:
        FileNotFoundError: If a link leads to no file of the repository.
    """
    here = _page(path) or path

    def replaced(link: re.Match[str]) -> str:
        image, text, target = link.groups()
        file, anchor, fragment = target.partition("#")
        if not file or "://" in file or file.startswith("mailto:"):
            return link[0]
        found = posixpath.normpath(posixpath.join(posixpath.dirname(path), file))
        if (page := _page(found)) is None:
            if not (ROOT / found).exists():
                raise FileNotFoundError(f"{path} links to {target}, which is not there")
            return f"{text} ({code(found)})" if text.strip("`") != found else code(found)
        relative = posixpath.relpath(page, posixpath.dirname(here) or ".")
        return f"{image}[{text}]({relative}{anchor}{fragment})"

    return _LINK.sub(replaced, markdown)


def _page(path: str) -> str | None:
    """The page or picture of the site that a file of the repository is, by its path there."""
    if path in PAGES:
        return PAGES[path]
    shown = path.endswith((".md", ".png", ".svg"))
    return path.removeprefix("docs/") if path.startswith("docs/") and shown else None
