"""`privacy.yaml` is checked as a whole, and redaction is put together as it says."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from inference_monitor.capture.reader import Entry, read_document
from inference_monitor.config.privacy import (
    KINDS,
    PRIVACY_FILE,
    InvalidPrivacyError,
    PresidioConfig,
    PrivacyConfig,
    load_privacy,
)
from inference_monitor.inference import Inference, Request
from inference_monitor.privacy.build import build_redaction
from inference_monitor.privacy.patterns import Found
from inference_monitor.privacy.presidio import MissingPresidioError, presidio_finder
from tests.unit.builders import capture
from tests.unit.judging import inference


def problems(folder: Path, text: str) -> list[str]:
    """The lines of the error that a file gives."""
    path = folder / "privacy.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InvalidPrivacyError) as error:
        load_privacy(path)
    return str(error.value).splitlines()


def test_the_default_file_is_the_default() -> None:
    """The file we ship shows every built-in pattern, and says what would hold without it."""
    shipped = load_privacy(PRIVACY_FILE)
    assert shipped == PrivacyConfig()
    assert shipped.builtin == list(KINDS)


NAMES = "capital letters, digits and `_`, at most 40"


def test_all_problems_come_at_once_with_their_lines(tmp_path: Path) -> None:
    """A user sees every mistake of the file in one go, in the order of the lines."""
    found = problems(
        tmp_path,
        """\
builtin: [EMAIL, FAX]
patterns:
  ORDER: 'A-\\d{6}'
  order: 'x'
  EMAIL: 'x'
  BROKEN: '*'
  NUMBER: 5
  EVERYWHERE: 'a*'
presidio:
  entity: [PERSON]
  score_threshold: 2
presido: {}
""",
    )
    assert found == [
        f"privacy.yaml:1: `builtin` is 'FAX'; it must be a list of {', '.join(KINDS)}",
        f"privacy.yaml:4: 'order' is not a pattern name: {NAMES}",
        "privacy.yaml:5: `EMAIL` is the name of a built-in pattern",
        "privacy.yaml:6: not a regular expression: nothing to repeat at position 0",
        "privacy.yaml:7: a pattern must be a regular expression in quotes",
        "privacy.yaml:8: matches the empty text; it must match at least one character",
        "privacy.yaml:10: unknown key `entity`; did you mean `entities`?",
        "privacy.yaml:11: `score_threshold` is 2; it must be a number from 0 to 1",
        "privacy.yaml:12: unknown key `presido`; did you mean `presidio`?",
    ]


@pytest.mark.parametrize(
    "regex", [r"(a+)+$", r"(\w+\s?)*!", r"\w+@example", r"(a|a)*b", r"-*-*-*x"]
)
def test_a_pattern_that_could_stall_the_function_is_refused(tmp_path: Path, regex: str) -> None:
    """One hostile answer would cost minutes or years; the synthesis says so, and what helps."""
    (found,) = problems(tmp_path, f"patterns:\n  SLOW: '{regex}'\n")
    assert found.startswith("privacy.yaml:2: takes too long on a text of 100,000 characters; bound")


def test_own_patterns_are_found_beside_the_chosen_ones() -> None:
    """Own names appear as placeholders; a built-in pattern that was taken out finds nothing."""
    config = PrivacyConfig(builtin=["EMAIL"], patterns={"ORDER": r"\bA-(\d{6})\b"})
    redact = build_redaction("patterns", config)
    assert redact is not None
    record = redact(
        read_document(capture({"inputs": "A-123456 of a@b.de at 10.0.0.1"}, {"generated_text": ""}))
    ).record
    assert isinstance(record, Inference)
    assert record.request is not None
    assert record.request.body == {"inputs": "[ORDER] of [EMAIL] at 10.0.0.1"}
    assert record.redactions == {"EMAIL": 1, "ORDER": 1}


def test_off_is_off() -> None:
    """By default nothing stands between reading and writing."""
    assert build_redaction("off") is None


@dataclass
class Result:
    """What Presidio says of a place, under its names."""

    entity_type: str
    start: int
    end: int
    score: float = 0.85


class FakePresidio:
    """Presidio and a spaCy model, as far as the adapter uses them: it knows one name."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked: list[dict[str, Any]] = []
        self.nlp_configuration: Any = None
        self.engine: dict[str, Any] = {}
        presidio = ModuleType("presidio_analyzer")
        engines = ModuleType("presidio_analyzer.nlp_engine")
        vars(presidio)["AnalyzerEngine"] = self._analyzer_engine
        vars(engines)["NlpEngineProvider"] = self._provider
        monkeypatch.setitem(sys.modules, presidio.__name__, presidio)
        monkeypatch.setitem(sys.modules, engines.__name__, engines)
        monkeypatch.setattr("inference_monitor.privacy.presidio.distribution", self._distribution)

    def _distribution(self, name: str) -> None:
        if name != "de_core_news_md":
            raise metadata.PackageNotFoundError(name)

    def _provider(self, *, nlp_configuration: Any) -> Any:
        self.nlp_configuration = nlp_configuration
        return self

    def create_engine(self) -> str:
        """What the analyzer takes."""
        return "nlp"

    def _analyzer_engine(self, **arguments: Any) -> Any:
        self.engine = arguments
        return self

    def analyze(self, **question: Any) -> list[Result]:
        """Every place of the name it knows."""
        self.asked.append(question)
        text = question["text"]
        return [
            Result("PERSON", at, at + 11)
            for at in range(len(text))
            if text.startswith("Ada Lovelac", at)
        ]


CONFIG = PresidioConfig(language="de", model="de_core_news_md", entities=["PERSON"])


def test_presidio_finds_what_no_pattern_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its entities become placeholders of their own names, beside those of the patterns."""
    presidio = FakePresidio(monkeypatch)
    redact = build_redaction("presidio", PrivacyConfig(presidio=CONFIG))
    assert redact is not None
    body = {"inputs": "Ask Ada Lovelac, ada@example.com"}
    entry = redact(Entry(replace(inference(), request=Request("unknown", body)), b""))
    assert isinstance(entry.record, Inference)
    assert entry.record.request is not None
    assert entry.record.request.body == {"inputs": "Ask [PERSON], [EMAIL]"}
    assert entry.record.redactions == {"EMAIL": 1, "PERSON": 1}
    model = {"lang_code": "de", "model_name": "de_core_news_md"}
    assert presidio.nlp_configuration == {"nlp_engine_name": "spacy", "models": [model]}
    assert presidio.engine == {"nlp_engine": "nlp", "supported_languages": ["de"]}
    (asked,) = [q for q in presidio.asked if "Ada" in q["text"]]
    assert asked | {"text": ""} == {
        "text": "", "language": "de", "entities": ["PERSON"], "score_threshold": 0.5
    }  # fmt: skip


@pytest.mark.parametrize("gap", [" ", "\n", "x"])
def test_presidio_reads_long_texts_in_pieces(monkeypatch: pytest.MonkeyPatch, gap: str) -> None:
    """SpaCy takes no more than a million characters; places are those of the whole text."""
    presidio = FakePresidio(monkeypatch)
    text = (gap * 60_000 + "Ada Lovelac ") * 3
    starts = [at for at in range(len(text)) if text.startswith("Ada Lovelac", at)]
    assert list(presidio_finder(CONFIG)(text)) == [Found(s, s + 11, "PERSON") for s in starts]
    assert all(len(question["text"]) <= 50_000 for question in presidio.asked)
    assert "".join(question["text"] for question in presidio.asked) == text


def test_presidio_that_is_not_installed_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The function does not start, nothing is written, and the error names group and command."""
    monkeypatch.setitem(sys.modules, "presidio_analyzer", None)
    with pytest.raises(MissingPresidioError, match=r"model en_core_web_lg is not .*`make lock`"):
        build_redaction("presidio", PrivacyConfig())
    monkeypatch.setattr("inference_monitor.privacy.presidio.distribution", lambda _: None)
    with pytest.raises(MissingPresidioError, match=r"presidio-analyzer is not .* group `presidio`"):
        build_redaction("presidio", PrivacyConfig())
