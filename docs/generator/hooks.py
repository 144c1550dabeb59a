"""What MkDocs calls while it builds the site: it adds the generated pages, and mends links."""

from __future__ import annotations

from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from docs.generator.commands import commands_page
from docs.generator.config_files import privacy_page, scorers_page
from docs.generator.exit_statuses import exit_statuses_page
from docs.generator.links import PAGES, for_site
from docs.generator.messages import messages_page
from docs.generator.observability import observability_page
from docs.generator.permissions import permissions_page
from docs.generator.settings import settings_page
from docs.generator.source import ROOT

GENERATED = {
    "reference/settings.md": settings_page,
    "reference/scorers-file.md": scorers_page,
    "reference/privacy-file.md": privacy_page,
    "reference/command.md": commands_page,
    "reference/exit-statuses.md": exit_statuses_page,
    "reference/metrics-and-alarms.md": observability_page,
    "reference/permissions.md": permissions_page,
    "reference/messages.md": messages_page,
}
MERMAID = ROOT / "node_modules/@mermaid-js/tiny/dist/mermaid.tiny.js"
"""The theme takes Mermaid from a content delivery network where the site does not bring it."""


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Add every decision to the navigation."""
    decisions = sorted((ROOT / "docs/decisions").glob("*.md"))
    listed = [f"decisions/{decision.name}" for decision in decisions]
    config.nav = [*(config.nav or []), {"Decisions": listed}]
    return config


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    """Add the pages of the root, the generated ones, and the script that draws diagrams."""
    if not MERMAID.is_file():
        raise PluginError(f"{MERMAID.relative_to(ROOT)} is not there: run `make install`")
    for source, page in PAGES.items():
        text = (ROOT / source).read_text(encoding="utf-8")
        files.append(File.generated(config, page, content=for_site(text, source)))
    for page, generate in GENERATED.items():
        files.append(File.generated(config, page, content=generate()))
    files.append(File.generated(config, "javascripts/mermaid.js", abs_src_path=str(MERMAID)))
    return files


def on_page_markdown(markdown: str, *, page: Page, **_: Any) -> str:
    """Mend the links of a page that is a file below `docs`."""
    if page.file.generated_by:
        return markdown
    return for_site(markdown, f"docs/{page.file.src_uri}")
