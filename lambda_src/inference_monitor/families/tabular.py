"""Rows of numbers, as classic models take and give them."""

from __future__ import annotations

from typing import Any

from inference_monitor.families.fields import is_number, is_numbers

_LOOK_AT = 64 * 1024


def is_tabular_text(value: str) -> bool:
    """Whether a text begins with rows of numbers, as CSV without a header has them."""
    begin = value[:_LOOK_AT].rpartition(",")[0] if len(value) > _LOOK_AT else value
    cells = [c.strip().strip('"') for c in begin.replace("\n", ",").split(",") if c.strip()]
    return bool(cells) and all(_is_numeric(c) for c in cells)


def is_tabular_list(value: Any) -> bool:
    """Whether a JSON array is a row, or rows, of numbers."""
    rows = value if isinstance(value, list) else []
    return is_numbers(rows) or (bool(rows) and all(is_numbers(r) for r in rows))


def is_cell(value: Any) -> bool:
    """Whether a value is a number, or a text that is one."""
    return is_number(value) or (isinstance(value, str) and _is_numeric(value))


def _is_numeric(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
