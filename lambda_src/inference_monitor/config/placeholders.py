"""`{{ name }}` in instructions: where a judged text, or another word for it, is put in."""

from __future__ import annotations

import re
from collections.abc import Mapping

PLACEHOLDER = re.compile(r"\{\{\s*([\w.]+)\s*\}\}")


def rename(template: str, values: Mapping[str, str]) -> str:
    """A template with some of its placeholders renamed or filled in."""
    return PLACEHOLDER.sub(lambda match: values.get(match[1], match[0]), template)
