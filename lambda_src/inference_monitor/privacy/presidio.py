"""Presidio's recognizers, where they are installed: names and places no pattern can know.

Presidio and a spaCy model add some 500 MB to the image, so they are an optional extra.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, distribution
from typing import Any

from inference_monitor.config.privacy import PresidioConfig
from inference_monitor.errors import MonitorError
from inference_monitor.privacy.patterns import Finder, Found

HOW_TO_INSTALL = (
    "include the dependency group `presidio` and the wheel of a spaCy model in the group `lambda`"
    " of pyproject.toml, run `make lock`, and deploy again"
)

# spaCy refuses texts of more than 1,000,000 characters and needs memory in proportion.
_PIECE = 50_000


class MissingPresidioError(MonitorError):
    """Redaction by Presidio is switched on, but it is not in the image; says what to install."""


def presidio_finder(config: PresidioConfig) -> Finder:
    """Load Presidio once; the finder gives its entities under their own names.

    Raises:
        MissingPresidioError: If Presidio or the spaCy model is not installed.
    """
    # Presidio would download a missing model, each time an instance of the function starts.
    try:
        distribution(config.model)
    except PackageNotFoundError as error:
        raise _missing(f"the spaCy model {config.model}") from error
    try:
        presidio: Any = importlib.import_module("presidio_analyzer")
        engines: Any = importlib.import_module("presidio_analyzer.nlp_engine")
    except ImportError as error:
        raise _missing("presidio-analyzer") from error
    models = [{"lang_code": config.language, "model_name": config.model}]
    provider = engines.NlpEngineProvider(
        nlp_configuration={"nlp_engine_name": "spacy", "models": models}
    )
    analyzer = presidio.AnalyzerEngine(
        nlp_engine=provider.create_engine(), supported_languages=[config.language]
    )

    def find(text: str) -> Iterator[Found]:
        for start, piece in _pieces(text):
            for result in analyzer.analyze(
                text=piece,
                language=config.language,
                entities=config.entities,
                score_threshold=config.score_threshold,
            ):
                yield Found(start + result.start, start + result.end, result.entity_type)

    return find


def _pieces(text: str) -> Iterator[tuple[int, str]]:
    """Parts of a long text with their places, cut between words where there are any."""
    start = 0
    while start < len(text):
        end = start + _PIECE
        if end < len(text):
            end = max(text.rfind(" ", start, end), text.rfind("\n", start, end)) + 1 or end
        yield start, text[start:end]
        start = end


def _missing(what: str) -> MissingPresidioError:
    return MissingPresidioError(f"{what} is not installed in the image: {HOW_TO_INSTALL}")
