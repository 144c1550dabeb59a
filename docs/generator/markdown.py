"""Markdown for generated pages: tables, code, and the note that says where a page comes from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; cells may hold Markdown, and are put on one line."""
    lines = [_row(header), _row(["---"] * len(header))]
    return "\n".join([*lines, *(_row(row) for row in rows)]) + "\n"


def code(text: object) -> str:
    """Text as a code span, whatever it holds; nothing for an empty text."""
    if (written := str(text)) == "":
        return ""
    fence = "``" if "`" in written else "`"
    space = " " if "`" in written else ""
    return f"{fence}{space}{written}{space}{fence}"


def page(title: str, source: str, *parts: str) -> str:
    """A whole page with its title and what it was generated from."""
    note = f"*Generated from {source} when this site was built.*"
    return "\n\n".join([f"# {title}", note, *(part.rstrip() for part in parts)]) + "\n"


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(' '.join(cell.split()).replace('|', chr(92) + '|') for cell in cells)} |"
