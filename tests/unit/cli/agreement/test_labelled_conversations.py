"""The labelled records for judges that also ask about tools, documents, turns or instructions."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from inference_monitor.config.scorers import ScorersConfig, load_scorers
from inference_monitor.config.specs import JudgedSpec, MlflowJudgeSpec
from inference_monitor.inference import ToolCall
from inference_monitor.scoring.judge.prompts import question
from inference_monitor.scoring.material import material
from inference_monitor_cli.agreement import labelled_judging
from inference_monitor_cli.agreement.labelled_agreement import asked_otherwise, for_labelled_set
from inference_monitor_cli.agreement.labelled_set import (
    CRITERIA_FILE,
    LabelledRecord,
    load_labelled_set,
)
from inference_monitor_cli.agreement.scale import Scale, scale_of
from inference_monitor_cli.main import app
from inference_monitor_cli.problems import CommandError
from tests.unit.judging import FakeBedrock, verdict

SET = load_labelled_set()
CRITERIA = [name for name, criterion in SET.criteria.items() if criterion.usually is None]
CONFIG = ScorersConfig.model_validate(
    {"scorers": [{"name": name, "type": name} for name in CRITERIA]}
)
SHIPPED = load_scorers(Path(__file__).parents[4] / "lambda_src" / "scorers.yaml")
SPECS = {
    spec.name: spec for spec in (*SHIPPED.scorers, *CONFIG.scorers) if isinstance(spec, JudgedSpec)
}
TODAY = re.compile(r"(?:Today is|Hoy es|Heute ist der|sommes le)[^.]*?(\d+)\D*?(20\d\d)")

OWN_CRITERIA = "tone: {asks: Polite, usually: yes}\ntool_use: {asks: tool_use, usually: null}\n"
OWN = """
- id: own
  difficulty: hard
  date: 2025-03-12
  tools:
    - name: find
      description: Finds a customer.
      parameters: {name: {type: string}}
      required: [name]
  documents: [{title: Names, text: Ask for both names.}]
  messages:
    - user: Who is Ada?
    - assistant: Let me look.
      calls: [{name: find, arguments: {name: Ada}}, {name: find, arguments: {name: ADA}}]
    - tool: {id: 7}
    - tool: nobody
    - user: And Zoë?
  calls: [{name: find, arguments: {name: Zoë}}, {name: find, arguments: "{broken"}]
  labels: {tool_use: {is: no, why: Broken arguments.}}
"""


def scale(criterion: str) -> Scale:
    """The values of a criterion."""
    found = scale_of(SPECS[criterion])
    assert found
    return found


def labelled(criterion: str) -> list[LabelledRecord]:
    """The records that have a label for a criterion."""
    return [record for record in SET.records if criterion in record.labels]


def failing(criterion: str) -> list[LabelledRecord]:
    """Those of them with a bad one."""
    values = scale(criterion)
    read = [(record, values.read(record.labels[criterion])) for record in labelled(criterion)]
    return [record for record, label in read if label is not None and values.fails(label)]


def test_all_judges_beyond_question_and_answer_have_labels() -> None:
    """Each can be held against people, and asks what the labels answer."""
    assert set(CRITERIA) == {
        "groundedness", "tool_use", "instruction_following", "conversation_completeness",
        "user_frustration", "summarization",
    }  # fmt: skip
    asked = for_labelled_set(CONFIG, SET, "each")
    assert [spec.name for spec in asked.scorers] == CRITERIA
    assert asked_otherwise(asked, SET) == []


def test_mlflow_s_class_asks_the_same_question() -> None:
    """The labels are as good for MLflow's own judge; with other instructions they are not."""
    entry = {"type": "mlflow", "class": "mlflow.genai.scorers.RetrievalGroundedness"}
    config = ScorersConfig.model_validate({"scorers": [{"name": "groundedness", **entry}]})
    assert isinstance(config.scorers[0], MlflowJudgeSpec)
    assert asked_otherwise(config, SET) == []
    config = ScorersConfig.model_validate({"scorers": [{"name": "summarization", **entry}]})
    assert asked_otherwise(config, SET) == ["summarization"]


@pytest.mark.parametrize("criterion", CRITERIA)
def test_every_criterion_can_be_measured(criterion: str) -> None:
    """At least 24 records, 30 to 60 % of them failing, clear and hard ones on both sides."""
    records, bad = labelled(criterion), failing(criterion)
    assert len(records) >= 24
    assert 0.3 <= len(bad) / len(records) <= 0.6
    assert sum(record.difficulty == "hard" for record in bad) >= len(bad) / 2
    passed = [record.difficulty for record in records if record not in bad]
    assert sum(difficulty == "hard" for difficulty in passed) >= len(passed) / 2
    assert min(passed.count("clear"), passed.count("hard")) >= 3
    assert all(scale(criterion).read(r.labels[criterion]) is not None for r in records)


def test_all_outcomes_of_frustration_occur() -> None:
    """Each of the three has at least eight records."""
    outcomes = [record.labels["user_frustration"] for record in labelled("user_frustration")]
    assert set(outcomes) == {"none", "resolved", "unresolved"}
    assert min(map(outcomes.count, set(outcomes))) >= 8


@pytest.mark.parametrize("criterion", CRITERIA)
def test_every_record_has_what_its_judge_asks_about(criterion: str) -> None:
    """Tools, documents or turns are read from each capture, so that no verdict is missing."""
    asked = question(SPECS[criterion])
    records = [record for record in SET.records if criterion in record.criteria]
    for record in records:
        shown = material(record.inference, 10_000)
        assert shown is not None, record.id
        assert asked.lacks(shown) is None, record.id
        assert shown.shortened is None, record.id


def test_every_label_says_why_and_is_one_of_a_criterion_named() -> None:
    """Nothing goes without saying here: a record has no label that its file does not explain."""
    for criterion in CRITERIA:
        for record in labelled(criterion):
            assert set(record.labels) <= set(record.whys) == record.criteria, record.id


def test_a_day_that_is_told_is_the_day_of_the_capture() -> None:
    """The judge is shown the date of the inference; one that contradicts the prompt misleads it."""
    told = 0
    for record in SET.records:
        prompt = str(record.inference.request and record.inference.request.messages)
        if found := TODAY.search(prompt):
            day = record.inference.inference_time
            assert (int(found[1]), int(found[2])) == (day.day, day.year), record.id
            told += 1
    assert told >= 8


def test_documents_come_in_all_the_ways_that_captures_have() -> None:
    """As results of tools, as marked parts of the prompt, and beside the messages."""
    bodies = [r.inference.request.body for r in labelled("groundedness") if r.inference.request]
    ways = {
        "result": ['"role": "tool"' in json.dumps(body) for body in bodies],
        "marked": ["<context>" in str(body) for body in bodies],
        "list": ["<documents>" in str(body) for body in bodies],
        "beside": ["documents" in body for body in bodies],
    }
    assert {way: sum(found) >= 2 for way, found in ways.items()} == dict.fromkeys(ways, True)


def test_tools_are_called_alone_beside_text_and_not_at_all() -> None:
    """What a judge of tools has to tell apart."""
    shown = [material(record.inference, 10_000) for record in labelled("tool_use")]
    found = {(one.calls_tools, one.only_calls_tools) for one in shown if one}
    assert found == {(True, True), (True, False), (False, False)}
    assert all(one and one.tools for one in shown)


def test_a_record_is_the_capture_of_a_chat_with_tools(tmp_path: Path) -> None:
    """Catalogue, calls, results and documents stand where OpenAI's chat API has them."""
    (tmp_path / CRITERIA_FILE).write_text(OWN_CRITERIA)
    (tmp_path / "own.yaml").write_text(OWN)
    (record,) = load_labelled_set(tmp_path).records
    assert record.labels == {"tool_use": False}
    assert record.criteria == {"tool_use"}
    assert record.inference.inference_time == datetime(2025, 3, 12, tzinfo=UTC)
    request, response = record.inference.request, record.inference.response
    assert request
    assert response
    assert (request.family, request.body["documents"]) == (
        "openai_chat",
        [{"title": "Names", "text": "Ask for both names."}],
    )
    assert request.tools == [
        {
            "type": "function",
            "function": {
                "name": "find",
                "description": "Finds a customer.",
                "parameters": {
                    "type": "object",
                    "properties": {"name": {"type": "string"}},
                    "required": ["name"],
                },
            },
        }
    ]
    user, asked, found, nobody, again = request.messages or []
    assert (user, again["content"]) == ({"role": "user", "content": "Who is Ada?"}, "And Zoë?")
    assert (asked["role"], asked["content"]) == ("assistant", "Let me look.")
    first, second = asked["tool_calls"]
    assert first["function"] == {"name": "find", "arguments": '{"name": "Ada"}'}
    assert (found["tool_call_id"], found["content"]) == (first["id"], '{"id": 7}')
    assert (nobody["tool_call_id"], nobody["content"]) == (second["id"], "nobody")
    (choice,) = response.choices
    assert (choice.text, choice.finish_reason) == (None, "tool_calls")
    calls = [(call.name, call.arguments) for call in choice.tool_calls]
    assert calls == [("find", '{"name": "Zoë"}'), ("find", "{broken")]
    assert all(isinstance(call, ToolCall) and call.id for call in choice.tool_calls)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("user: And Zoë?", "{user: And Zoë?, tool: none}", "one of `user`"),
        ("user: And Zoë?", "{}", "one of `user`"),
        ("  difficulty: hard", "  difficulty: hard\n  tool: find", "tool"),
        ("name: Zoë}}, {name: find", "name: Zoë}}, {tool: find", "calls"),
        ("arguments: \"{broken\"}]", "arguments: 3}]", "arguments"),
    ],
)  # fmt: skip
def test_a_record_that_no_server_would_have_is_refused(
    tmp_path: Path, old: str, new: str, told: str
) -> None:
    """The file and the place are named."""
    assert OWN.count(old) == 1
    (tmp_path / CRITERIA_FILE).write_text(OWN_CRITERIA)
    (tmp_path / "own.yaml").write_text(OWN.replace(old, new))
    with pytest.raises(CommandError, match=told) as error:
        load_labelled_set(tmp_path)
    assert "own.yaml" in str(error.value)


def test_a_record_without_text_and_calls_is_refused(tmp_path: Path) -> None:
    """There would be nothing to judge."""
    (tmp_path / CRITERIA_FILE).write_text(OWN_CRITERIA)
    (tmp_path / "own.yaml").write_text(re.sub(r"\n  calls: .*", "", OWN))
    with pytest.raises(CommandError, match="`answer`, `calls` or both"):
        load_labelled_set(tmp_path)


def test_only_what_a_record_is_for_is_asked(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A judge of tools is not asked about summaries; --limit counts what the scorers are for."""
    bedrock = FakeBedrock(verdict("yes"))
    monkeypatch.setattr(labelled_judging, "bedrock_client", lambda _concurrency: bedrock)
    file = tmp_path / "scorers.yaml"
    entries = [{"name": name, "type": name} for name in ("tool_use", "summarization")]
    file.write_text(json.dumps({"scorers": entries}))
    asked = ["agreement", "--labelled", "--yes", "--json", "--scorers", str(file)]
    nowhere = {"STACK_PREFIX": "", "BEDROCK_MODEL_ID": "", "JUDGE_PRICES": ""}
    result = CliRunner().invoke(app, asked, env=nowhere)
    assert result.exit_code == 0, result.output
    count = sum(bool(record.criteria & {"tool_use", "summarization"}) for record in SET.records)
    document = json.loads(result.stdout)
    assert (document["records"], len(bedrock.requests)) == (count, count)
    assert f"{count} records, {count} judge calls" in result.stderr
    scorers = {one["scorer"]: one for one in document["judgings"][0]["scorers"]}
    for name, one in scorers.items():
        assert one["n"] == len(labelled(name))
        assert len(one["disagreements"]) == len(failing(name))
    assert CliRunner().invoke(app, [*asked, "--limit", "5"], env=nowhere).exit_code == 0
    assert len(bedrock.requests) == count + 5


def test_frustration_is_compared_as_three_categories(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Kappa and weighted kappa over none, resolved and unresolved; all but none count as fails."""
    bedrock = FakeBedrock(verdict("resolved"))
    monkeypatch.setattr(labelled_judging, "bedrock_client", lambda _concurrency: bedrock)
    file = tmp_path / "scorers.yaml"
    file.write_text("scorers: [{name: user_frustration, type: user_frustration}]")
    asked = ["agreement", "--labelled", "--yes", "--json", "--scorers", str(file)]
    result = CliRunner().invoke(app, asked, env={"STACK_PREFIX": "", "BEDROCK_MODEL_ID": ""})
    assert result.exit_code == 0, result.output
    (scorer,) = json.loads(result.stdout)["judgings"][0]["scorers"]
    outcomes = [record.labels["user_frustration"] for record in labelled("user_frustration")]
    share = outcomes.count("resolved") / len(outcomes)
    assert scorer["agreement"]["value"] == pytest.approx(share)
    assert scorer["kappa"]["value"] == 0
    assert scorer["weighted_kappa"]["value"] == 0
    assert scorer["fails"]["recall"]["value"] == 1


def test_the_documented_counts_are_those_of_the_set() -> None:
    """The table of docs/trust.md says how many records, fails and hard fails a criterion has."""
    root = Path(__file__).parents[4]
    text = (root / "docs" / "trust.md").read_text("utf-8")
    rows = re.findall(r"^\| (\w+) \| (\d+) \| (\d+) \| (\d+) \|$", text, re.MULTILINE)
    told = {name: tuple(map(int, numbers)) for name, *numbers in rows}
    counted = {}
    for name in SET.criteria:
        bad = failing(name)
        hard = sum(record.difficulty == "hard" for record in bad)
        counted[name] = (len(labelled(name)), len(bad), hard)
    assert told == counted
    all_hard = sum(record.difficulty == "hard" for record in SET.records)
    assert f"{all_hard} of them hard" in text
    for file in ("docs/trust.md", "README.md"):
        assert f"{len(SET.records)} answers" in (root / file).read_text("utf-8")
