"""Put redaction together as the deployment has it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Literal

from inference_monitor.capture.reader import Entry
from inference_monitor.config.privacy import PrivacyConfig, load_privacy
from inference_monitor.privacy.patterns import PATTERNS, SECRET, Finder, Pattern
from inference_monitor.privacy.presidio import presidio_finder
from inference_monitor.privacy.redact import Redactor

Mode = Literal["off", "patterns", "presidio"]

# Presidio reads about 50 KB of text in a second.
_SECONDS: dict[Mode, float] = {"patterns": 20, "presidio": 120}


def build_redaction(
    mode: Mode, config: PrivacyConfig | None = None
) -> Callable[[Entry], Entry] | None:
    """What every entry goes through before it is scored or written; None where that is off.

    Args:
        mode: The deploy setting `REDACTION`.
        config: A valid `privacy.yaml`; the deployed one when left out.

    Raises:
        InvalidPrivacyError: If `privacy.yaml` cannot be used.
        MissingPresidioError: If Presidio is asked for and not installed.
    """
    if mode == "off":
        return None
    config = config or load_privacy()
    finders: list[Finder] = [p for p in PATTERNS if p.kind in config.builtin]
    finders += [Pattern(name, re.compile(regex)) for name, regex in config.patterns.items()]
    if mode == "presidio":
        finders.append(presidio_finder(config.presidio))
    redactor = Redactor(finders, secret_keys=SECRET in config.builtin, seconds=_SECONDS[mode])
    return redactor.redact_entry
