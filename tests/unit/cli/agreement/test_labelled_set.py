"""The labelled set: large and balanced enough to measure with, and read as captures are."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from inference_monitor.config.scorers import load_scorers
from inference_monitor.config.specs import JudgedSpec
from inference_monitor.scoring.material import answer_text
from inference_monitor_cli.agreement.labelled_agreement import asked_otherwise, for_labelled_set
from inference_monitor_cli.agreement.labelled_set import (
    CRITERIA_FILE,
    SHIPPED,
    LabelledRecord,
    load_labelled_set,
)
from inference_monitor_cli.agreement.scale import Scale, scale_of
from inference_monitor_cli.problems import CommandError

SET = load_labelled_set()
CONFIG = load_scorers(Path(__file__).parents[4] / "lambda_src" / "scorers.yaml")
JUDGED = {spec.name: spec for spec in CONFIG.scorers if isinstance(spec, JudgedSpec)}

ONE = """
- id: one
  difficulty: clear
  system: Be brief.
  messages: [user: Hi, assistant: Hello., user: "Who are you?"]
  answer: A machine.
  labels:
    tone: {is: no, why: Curt.}
    facts: {is: null, why: Who knows.}
"""
CRITERIA = "tone: {asks: Polite, usually: yes}\nfacts: {asks: Correct, usually: yes}\n"


def scale(criterion: str) -> Scale:
    """The values that the shipped configuration has for a criterion."""
    found = scale_of(JUDGED[criterion])
    assert found
    return found


def failing(criterion: str) -> list[LabelledRecord]:
    """The records with a bad label."""
    of = scale(criterion)
    labelled = [(r, of.read(r.labels[criterion])) for r in SET.records if criterion in r.labels]
    return [record for record, label in labelled if label is not None and of.fails(label)]


def test_there_are_enough_records_of_enough_kinds() -> None:
    """At least 140 in ten domains, clear and hard ones, passes of everything among both."""
    assert len(SET.records) >= 140
    assert len(Counter(record.domain for record in SET.records)) >= 10
    assert min(Counter(record.difficulty for record in SET.records).values()) >= 50
    bad = {record.id for criterion in JUDGED for record in failing(criterion)}
    passes = Counter(record.difficulty for record in SET.records if record.id not in bad)
    assert min(passes["clear"], passes["hard"]) >= 8


@pytest.mark.parametrize("criterion", JUDGED)
def test_every_criterion_can_be_measured(criterion: str) -> None:
    """At least 15 fails, 5 of them hard, and passes in plenty."""
    bad = failing(criterion)
    assert len(bad) >= 15
    assert sum(record.difficulty == "hard" for record in bad) >= 5
    labelled = sum(criterion in record.labels for record in SET.records)
    assert labelled - len(bad) >= 100


@pytest.mark.parametrize("criterion", JUDGED)
def test_fails_are_told_apart(criterion: str) -> None:
    """At least 9 fails of each criterion pass all others, so no criterion stands for another.

    What is off the subject does not follow the objective, either, by what that one asks.
    """
    implied = {"follows_objective"} if criterion == "relevance_to_query" else set()
    others = [o for o in JUDGED if o != criterion and o not in implied]
    also_bad = {record.id for other in others for record in failing(other)}
    assert sum(record.id not in also_bad for record in failing(criterion)) >= 9


def test_all_categories_of_coherence_occur() -> None:
    """Each of the three has at least eight records."""
    counts = Counter(r.labels["coherence"] for r in SET.records if "coherence" in r.labels)
    assert set(counts) == {"coherent", "somewhat coherent", "incoherent"}
    assert min(counts.values()) >= 8


def test_every_label_is_a_value_of_the_shipped_scorers() -> None:
    """And every criterion with a usual label one of them, asking what the labels answer."""
    assert {name for name, c in SET.criteria.items() if c.usually is not None} == set(JUDGED)
    for record in SET.records:
        labels = [(n, label) for n, label in record.labels.items() if n in JUDGED]
        unknown = [name for name, label in labels if scale(name).read(label) is None]
        assert not unknown, record.id
    asked = for_labelled_set(CONFIG, SET, "each")
    assert [spec.name for spec in asked.scorers] == list(JUDGED)
    assert asked_otherwise(asked, SET) == []


def test_no_record_repeats_another() -> None:
    """Ids, questions and answers are all different."""
    inferences = [record.inference for record in SET.records]
    assert len({record.id for record in SET.records}) == len(inferences)
    answers = [" ".join(str(answer_text(i)).split()).casefold() for i in inferences]
    assert len(set(answers)) == len(answers)
    asked = [str(i.request.messages) for i in inferences if i.request]
    assert len(set(asked)) == len(inferences)


def test_answers_are_answers() -> None:
    """40 to 300 words each, short and long ones, read from a capture of a chat."""
    records = SET.written_for(JUDGED).records
    for record in records:
        assert record.inference.family == "openai_chat"
        assert 40 <= len((record.inference.output_text or "").split()) <= 300, record.id
    words = [len((r.inference.output_text or "").split()) for r in records]
    assert sum(count < 60 for count in words) >= 5
    assert sum(count > 150 for count in words) >= 8


def test_every_bad_label_says_why() -> None:
    """A label that is not as usual can be argued with."""
    for criterion in JUDGED:
        assert all(record.whys.get(criterion) for record in failing(criterion))


def test_a_sample_is_always_the_same_and_part_of_larger_ones() -> None:
    """--limit compares like with like."""
    ids = [[r.id for r in SET.sample(count).records] for count in (10, 10, 40)]
    assert ids[0] == ids[1]
    assert len(ids[0]) == 10
    assert set(ids[0]) < set(ids[2])
    assert len(SET.sample(None).records) == len(SET.records)
    assert len({record.domain for record in SET.sample(40).records}) >= 6


def test_a_set_of_ones_own(tmp_path: Path) -> None:
    """System prompt, turns and answer are read; labels are as usual, as given, or left out."""
    (tmp_path / CRITERIA_FILE).write_text(CRITERIA)
    (tmp_path / "mine.yaml").write_text(ONE)
    (record,) = load_labelled_set(tmp_path).records
    assert record.inference.request
    assert record.inference.request.messages == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "Hello."},
        {"role": "user", "content": "Who are you?"},
    ]
    assert record.inference.output_text == "A machine."
    assert record.labels == {"tone": False}
    assert record.whys == {"tone": "Curt.", "facts": "Who knows."}
    assert (record.id, record.domain) == ("one", "mine")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (ONE + ONE, "two records with the id one"),
        (ONE.replace("tone:", "tune:"), "record one has a label for tune"),
        (ONE.replace("messages:", "turns:"), "turns"),
        (ONE.replace("  messages:", "  question: Hi\n  messages:"), "either `question` or"),
        (ONE.replace("Curt.", "''"), "why"),
        ("- [", "no YAML"),
    ],
)
def test_a_set_with_a_mistake_is_refused(tmp_path: Path, content: str, told: str) -> None:
    """The file and the place are named; a half-read set would measure something else."""
    (tmp_path / CRITERIA_FILE).write_text(CRITERIA)
    (tmp_path / "mine.yaml").write_text(content)
    with pytest.raises(CommandError, match=told) as error:
        load_labelled_set(tmp_path)
    assert "mine.yaml" in str(error.value)


def test_a_missing_set_says_where_it_is(tmp_path: Path) -> None:
    """Whoever runs the command from elsewhere is told what to pass."""
    with pytest.raises(CommandError, match=r"--set FOLDER"):
        load_labelled_set(tmp_path)


def test_the_set_is_part_of_the_command() -> None:
    """It lies in the package, and not among the samples, which the demo takes."""
    root = Path(__file__).parents[4]
    assert SHIPPED.is_relative_to(root / "cli" / "inference_monitor_cli")
    assert '"agreement/labelled/*.yaml"' in (root / "pyproject.toml").read_text()
