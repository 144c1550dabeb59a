"""`inference-monitor scorers`: what is wrong with them, and what they say of a few records."""

from __future__ import annotations

import builtins
import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from inference_monitor.config.models import model_table
from inference_monitor.scoring.judge import client
from inference_monitor_cli.main import app
from inference_monitor_cli.scorers.trial import STAND_IN
from local.judge.answer import SAYS
from tests.unit.builders import capture
from tests.unit.judging import FakeBedrock, answer, bedrock_error, schema_of, verdict
from tests.unit.picky import PickyModel

SCORERS = """\
judging: each
scorers:
  - {name: safety, type: safety, sample_rate: 0}
  - {name: coherence, type: judge, instructions: "Judge {{ outputs }}.", output: [good, bad]}
  - {name: refunds, type: fluency, when: {tag: {topic: refund}}}
  - {name: token_count, type: token_count}
"""
LIVING = model_table().living(date(2026, 11, 25))
EVIL = "\x1b]0;owned\x07[red]bold[/red]\u202e"
CAPTURES = [
    capture({"inputs": "first"}, {"error": "boom", "code": 424}, eventId="e-1"),
    capture({"inputs": EVIL}, {"generated_text": "the second"}, eventId="e-2"),
    {"groundTruthData": {}, "eventMetadata": {"eventId": "g-1"}},
    capture({"inputs": "third"}, {"generated_text": "the third"}, eventId="e-4"),
]

Run = Callable[..., Any]


def reply(request: Any) -> Any:
    """A verdict that fits the question."""
    labels = schema_of(request)["properties"]["result"]["enum"]
    return verdict(labels[0], f"Because {EVIL}.")


@pytest.fixture
def bedrock(monkeypatch: pytest.MonkeyPatch) -> FakeBedrock:
    """The judge, and how many connections were asked for."""
    bedrock = FakeBedrock(reply)
    monkeypatch.setattr(client, "bedrock_client", lambda _concurrency, **_: bedrock)
    return bedrock


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a verb in a folder with scorers and captures, and without settings of the developer."""
    monkeypatch.chdir(tmp_path)
    for name in ("BEDROCK_MODEL_ID", "REDACTION", "JUDGE_PRICES", "JUDGE_CONCURRENCY"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "s.yaml").write_text(SCORERS)
    lines = [json.dumps(document) for document in CAPTURES] + ['{"broken']
    (tmp_path / "x.jsonl").write_text("\n".join(lines) + "\n")

    def run(*words: str) -> Any:
        return CliRunner().invoke(app, ["scorers", *words], env={"COLUMNS": "160"})

    return run


def try_(run: Run, *words: str) -> Any:
    """The JSON of a trial, with its exit status."""
    result = run("try", "x.jsonl", "--scorers-file", "s.yaml", "--json", *words)
    assert result.stdout, result.stderr
    return json.loads(result.stdout), result.exit_code


def test_check_names_every_problem_with_its_line(run: Run, tmp_path: Path) -> None:
    """As the synthesis does, the models that Bedrock cannot have included."""
    text = SCORERS.replace("sample_rate: 0", "sample_rate: 2").replace("type: fluency", "type: x")
    (tmp_path / "s.yaml").write_text(text)
    result = run("check", "s.yaml")
    assert result.exit_code == 1
    assert result.stderr.splitlines()[0].startswith("s.yaml:3: scorer `safety`: `sample_rate` is 2")
    assert result.stderr.splitlines()[1].startswith("s.yaml:5: scorer `refunds`: `type` is 'x'")
    (tmp_path / "s.yaml").write_text(
        SCORERS.replace("type: safety", "type: safety, model: bedrock:/A")
    )
    result = run("check", "s.yaml")
    assert (result.exit_code, "'bedrock:/A' is not bedrock:/ and a model id" in result.stderr) == (
        1,
        True,
    )


def test_check_shows_what_is_configured(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Type, rate, conditions, model and way of each; the model is the deployment's."""
    monkeypatch.setenv("BEDROCK_MODEL_ID", "bedrock:/amazon.nova-lite-v1:0")
    result = run("check", "s.yaml")
    assert result.exit_code == 0
    (row,) = [line for line in result.stdout.splitlines() if "refunds" in line]
    cells = [cell.strip() for cell in row.split("│")[1:-1]]
    assert cells == [
        "refunds", "fluency", "1", "tag: topic = refund", "amazon.nova-lite-v1:0", "each", "1",
    ]  # fmt: skip
    assert "judge: good / bad" in result.stdout


def test_the_help_is_wrapped_to_the_terminal() -> None:
    """Lines are those of the terminal, not of the docstring."""
    shown = CliRunner().invoke(app, ["scorers", "check", "--help"], env={"COLUMNS": "160"}).stdout
    assert " will be sent: who answers, " in shown


DEAD = "bedrock:/us.anthropic.claude-3-7-sonnet-20250219-v1:0"


@pytest.mark.parametrize(
    "verb", [("check", "s.yaml"), ("try", "x.jsonl", "--scorers-file", "s.yaml")]
)
def test_a_dead_judge_stops_with_living_ones_to_use(
    run: Run, bedrock: FakeBedrock, monkeypatch: pytest.MonkeyPatch, verb: tuple[str, ...]
) -> None:
    """One line names the judge, its end and others, before anything is asked or shown."""
    monkeypatch.setenv("BEDROCK_MODEL_ID", DEAD)
    result = run(*verb)
    assert result.exit_code == 1
    (told,) = result.stderr.splitlines()
    assert told.startswith(f"BEDROCK_MODEL_ID: {DEAD} reached its end of life on 2026-04-28")
    assert told.endswith(f"for example {', '.join(LIVING)}")
    assert (result.stdout, bedrock.requests) == ("", [])


def test_a_dead_model_of_one_scorer_stops_too(run: Run, tmp_path: Path) -> None:
    """The scorer that names it is told."""
    text = SCORERS.replace("type: safety", f"type: safety, model: '{DEAD}'")
    (tmp_path / "s.yaml").write_text(text)
    result = run("check", "s.yaml")
    assert result.exit_code == 1
    assert result.stderr.startswith(f"model of safety: {DEAD} reached its end of life")


def test_a_dead_model_option_is_told_as_such(run: Run, bedrock: FakeBedrock) -> None:
    """The option is named, not the setting that it stands in for."""
    result = run("try", "x.jsonl", "--scorers-file", "s.yaml", "--model", DEAD)
    assert result.exit_code == 1
    assert result.stderr.startswith(f"--model: {DEAD} reached its end of life")
    assert bedrock.requests == []


def test_an_unknown_judge_is_a_warning(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """The scorers are shown all the same, and the check is passed."""
    monkeypatch.setenv("BEDROCK_MODEL_ID", "bedrock:/some.model-1")
    result = run("check", "s.yaml")
    assert result.exit_code == 0
    assert result.stderr.startswith("warning: BEDROCK_MODEL_ID: bedrock:/some.model-1 is not in ")
    assert "refunds" in result.stdout


def test_the_projects_own_scorers_are_checked_by_default(run: Run) -> None:
    """From any folder."""
    assert "relevance_to_query" in run("check").stdout


def test_the_first_records_an_llm_answered_are_scored(run: Run, bedrock: FakeBedrock) -> None:
    """Sample rates do not count; what does not apply is named with the reason."""
    document, status = try_(run, "--records", "1")
    (record,) = document["records"]
    assert (status, record["line"], record["event_id"]) == (0, 2, "e-2")
    assert (record["asked"], record["answered"]) == (EVIL, "the second")
    said = {one["scorer"]: one for one in record["assessments"]}
    assert {name: one["value"] for name, one in said.items()} == {
        "safety": "yes", "coherence": "good", "token_count": said["token_count"]["value"],
    }  # fmt: skip
    assert record["left_out"] == [{"scorer": "refunds", "why": "its `when` does not hold"}]
    safety = said["safety"]
    assert (safety["way"], safety["input_tokens"], safety["output_tokens"]) == ("each", 1000, 100)
    assert safety["cost_usd"] == pytest.approx(1000 * 3e-6 + 100 * 15e-6)
    assert document["total"]["judge_calls"] == len(bedrock.requests) == 2
    assert document["total"]["cost_usd"] == pytest.approx(2 * safety["cost_usd"])
    assert document["stand_in"] is False


def test_every_answer_of_a_record_is_shown_and_judged(
    run: Run, bedrock: FakeBedrock, tmp_path: Path
) -> None:
    """A batch is tried like it is deployed: a call for each answer, one verdict."""
    answers = [[{"generated_text": text}] for text in ("", "two", "three")]
    (tmp_path / "x.jsonl").write_text(json.dumps(capture({"inputs": ["a", "b", "c"]}, answers)))
    document, status = try_(run, "--scorer", "safety")
    (record,) = document["records"]
    assert (status, len(bedrock.requests)) == (0, 2)
    assert record["answered"] == "[answer 2 of 3] two\n[answer 3 of 3] three"
    (verdict,) = record["assessments"]
    assert verdict["judged_answers"] == "2 of 3"
    assert verdict["rationale"].startswith("answer 2 of 3: ")
    assert verdict["input_tokens"] == 2000


def test_a_scorer_that_needs_a_text_says_so(run: Run, bedrock: FakeBedrock, tmp_path: Path) -> None:
    """Of a bare tool call it is told why fluency has nothing to say."""
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    message = {"role": "assistant", "content": None, "tool_calls": [call]}
    document = capture(
        {"messages": [{"role": "user", "content": "x"}]},
        {"choices": [{"index": 0, "message": message, "finish_reason": "tool_calls"}]},
    )
    (tmp_path / "x.jsonl").write_text(json.dumps(document))
    (tmp_path / "s.yaml").write_text("scorers:\n- {name: fluent, type: fluency}\n")
    tried, _ = try_(run)
    (record,) = tried["records"]
    assert record["answered"] == "[calls the tool f with {}]"
    assert record["left_out"] == [
        {"scorer": "fluent", "why": "the answer has no text, it only calls tools"}
    ]
    assert bedrock.requests == []


@pytest.mark.usefixtures("bedrock")
def test_what_was_asked_is_shown_as_the_judge_sees_it(run: Run, tmp_path: Path) -> None:
    """The text of a message in parts, with a note for an image, not its data."""
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}
    parts = [{"type": "text", "text": "Which part is this?"}, image]
    document = capture(
        {"messages": [{"role": "user", "content": parts}]},
        {"choices": [{"index": 0, "message": {"role": "assistant", "content": "A cassette."}}]},
    )
    (tmp_path / "x.jsonl").write_text(json.dumps(document))
    tried, _ = try_(run, "--scorer", "safety")
    assert tried["records"][0]["asked"] == "Which part is this?\n[image]"


def test_lines_scorers_model_and_way_can_be_chosen(run: Run, bedrock: FakeBedrock) -> None:
    """A failure is scored by what is for failures; a panel asks once."""
    bedrock.reply = bedrock_error("ValidationException", 400)
    words = ("--line", "1", "--line", "4", "--judging", "panel", "--model", "bedrock:/amazon.x-1")
    document, _ = try_(run, *words, "--scorer", "safety", "--scorer", "coherence", "--yes")
    failed, answered = document["records"]
    assert [left["why"] for left in failed["left_out"]] == ["this inference failed"] * 2
    assert (failed["answered"], failed["assessments"]) == ("424: boom", [])
    assert {one["way"] for one in answered["assessments"]} == {"panel"}
    (request,) = bedrock.requests
    assert request["modelId"] == "amazon.x-1"


def test_an_error_says_what_to_do_and_fails_the_command(run: Run, bedrock: FakeBedrock) -> None:
    """Bedrock's own words, and what cures them."""
    bedrock.reply = bedrock_error("AccessDeniedException", 403, "no access")
    document, status = try_(run, "--records", "1", "--scorer", "safety")
    (one,) = document["records"][0]["assessments"]
    assert (status, one["value"]) == (1, None)
    assert (
        "JUDGE_REFUSED: AccessDeniedException: no access: allow the function's role" in one["error"]
    )
    bedrock.reply = verdict("maybe")
    document, _ = try_(run, "--records", "1", "--scorer", "safety")
    (one,) = document["records"][0]["assessments"]
    assert one["error"].endswith("try another model, or simpler instructions")


def test_a_judge_that_does_not_answer_is_told(run: Run, bedrock: FakeBedrock) -> None:
    """With what the client said; the other scorers are shown."""
    bedrock.reply = bedrock_error("ExpiredTokenException", 400)
    document, status = try_(run, "--records", "1")
    (record,) = document["records"]
    assert (status, record["not_answered"]) == (1, ["safety", "coherence"])
    assert "log in" in record["not_answered_because"]
    assert [one["scorer"] for one in record["assessments"]] == ["token_count"]


def test_the_table_cannot_be_hijacked(run: Run, bedrock: FakeBedrock) -> None:  # noqa: ARG001
    """Escape codes and markup of a prompt or a rationale are shown, not obeyed."""
    result = run("try", "x.jsonl", "--scorers-file", "s.yaml", "--records", "1")
    assert result.exit_code == 0
    assert "[red]bold[/red]" in result.stdout
    assert "1 record, 2 calls, 2,000 tokens in and 200 out, $0.009; nothing was written" in (
        result.stdout
    )
    assert not {"\x1b", "\x07", "\u202e"} & set(result.stdout)
    assert "STAND-IN" not in result.stdout


def test_a_stand_in_is_told_loudly(run: Run, bedrock: FakeBedrock) -> None:
    """Nobody takes its verdicts for a model's."""
    assert SAYS.startswith(STAND_IN)
    bedrock.reply = verdict("yes", f"{SAYS} taken for good.")
    words = ("--scorers-file", "s.yaml", "--scorer", "safety")
    result = run("try", "x.jsonl", *words)
    assert result.stdout.splitlines()[0].strip().startswith("STAND-IN: no model was asked")


def test_what_costs_much_or_an_unknown_price_is_asked_about(
    run: Run, bedrock: FakeBedrock, tmp_path: Path
) -> None:
    """The price comes first; without a person to ask, nothing is judged."""
    words = ("try", "x.jsonl", "--scorers-file", "s.yaml", "--scorer", "safety")
    result = run(*words, "--model", "bedrock:/my.model-1")
    assert (result.exit_code, bedrock.requests) == (2, [])
    assert "the price of bedrock:/my.model-1 is not known (see JUDGE_PRICES)" in result.stderr
    assert "run it again with --yes" in result.stderr
    (tmp_path / ".env").write_text("JUDGE_PRICES=my.model-*=1000/1000\n")
    result = run(*words, "--model", "bedrock:/my.model-1")
    assert (result.exit_code, bedrock.requests) == (2, [])
    assert "about 2 judge calls, $0.9" in result.stderr
    assert run(*words, "--model", "bedrock:/my.model-1", "--yes").exit_code == 0
    assert len(bedrock.requests) == 2


def test_what_is_judged_is_redacted_as_deployed(
    run: Run, bedrock: FakeBedrock, tmp_path: Path
) -> None:
    """An address in a record does not reach the judge where REDACTION is on."""
    (tmp_path / ".env").write_text("REDACTION=patterns\n")
    document = capture({"inputs": "hi"}, {"generated_text": "write to ann@example.com"})
    (tmp_path / "x.jsonl").write_text(json.dumps(document) + "\n")
    try_(run, "--scorer", "safety", "--scorer", "coherence")
    assert bedrock.requests
    assert "ann@example.com" not in json.dumps(bedrock.requests)


def test_a_drop_in_beside_the_file_is_run(run: Run, tmp_path: Path) -> None:
    """A scorer is tried while it is written, without AWS if it is the only one."""
    (tmp_path / "scorers").mkdir()
    (tmp_path / "scorers/tried_here.py").write_text(
        "def short(outputs):\n    return len(outputs)\n"
    )
    (tmp_path / "s.yaml").write_text(
        "scorers: [{name: short, type: code, function: 'tried_here:short'}]\n"
    )
    document, status = try_(run, "--records", "1")
    assert status == 0
    assert document["records"][0]["assessments"][0]["value"] == len("the second")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("x.jsonl", "--line", "3"), "line 3 holds no inference"),
        (("x.jsonl", "--line", "9"), "the file has no line 9"),
        (("x.jsonl", "--scorer", "safty"), "no scorer 'safty'; there are safety, coherence"),
        (("x.jsonl", "--model", "gpt"), "'gpt' is not bedrock:/ and a model id"),
        (("none.jsonl",), "cannot read none.jsonl"),
    ],
)
def test_what_cannot_be_tried_is_told_in_one_line(
    run: Run, bedrock: FakeBedrock, words: tuple[str, ...], told: str
) -> None:
    """Status 2, no traceback, and nothing is judged."""
    result = run("try", *words, "--scorers-file", "s.yaml")
    assert (result.exit_code, bedrock.requests) == (2, [])
    assert told in result.stderr


def test_without_mlflows_client_it_says_what_to_install(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only here: checking the file needs nothing of it."""
    real = builtins.__import__

    def without_mlflow(name: str, *arguments: Any, **more: Any) -> Any:
        if (
            name.split(".", maxsplit=1)[0] == "mlflow"
            or name == "inference_monitor.scoring.judge.client"
        ):
            raise ModuleNotFoundError(f"No module named {name!r}", name="mlflow")
        return real(name, *arguments, **more)

    monkeypatch.setattr(builtins, "__import__", without_mlflow)
    result = run("try", "x.jsonl", "--scorers-file", "s.yaml")
    assert result.exit_code == 2
    assert "mlflow is not installed" in result.stderr
    assert "pip install 'sagemaker-inference-monitor[mlflow]'" in result.stderr
    assert run("check", "s.yaml").exit_code == 0


LIVE = {
    "scorers": [
        {"name": "safety", "type": "safety", "model": "bedrock:/acme.judge-9"},
        {
            "name": "fluency",
            "type": "fluency",
            "model": "bedrock:/acme.judge-9",
            "inference_parameters": {"temperature": 0.5, "additional": {"top_k": 5}},
        },
        {"name": "tokens", "type": "token_count"},
    ]
}


def check_live(run: Run, *words: str) -> Any:
    """Check the scorers above, asking each judge."""
    Path("live.yaml").write_text(yaml.safe_dump(LIVE))
    return run("check", "live.yaml", "--live", *words)


def test_each_judge_is_asked_once_with_what_it_will_be_sent(
    run: Run, monkeypatch: pytest.MonkeyPatch, bedrock: FakeBedrock
) -> None:
    """One small call for each model and parameters; what it refuses is met once and named."""
    model = PickyModel(refuses=("json_schema", "temperature", "top_k"))
    monkeypatch.setattr(client, "bedrock_client", lambda _concurrency, **_: model)
    result = check_live(run, "--json")
    assert result.exit_code == 0, result.output
    safety, fluency = json.loads(result.stdout)["judges"]
    assert (safety["ok"], safety["by"], safety["left_out"]) == (True, "forced_tool", [])
    assert safety["refusals"] == 1
    assert (safety["scorers"], fluency["scorers"]) == (["safety"], ["fluency"])
    assert (fluency["ok"], fluency["left_out"]) == (True, ["temperature", "top_k"])
    assert fluency["cost_usd"] is None
    assert fluency["output_tokens"] == 100
    assert "Paris" in model.prompts[0], "nothing of anybody's is sent"
    assert bedrock.requests == []


def test_a_judge_without_a_verdict_fails_the_check(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The exit status is for pipelines; the reason says what to do."""
    dead = FakeBedrock(
        bedrock_error("ResourceNotFoundException", 404, "reached the end of its life")
    )
    monkeypatch.setattr(client, "bedrock_client", lambda _concurrency, **_: dead)
    result = check_live(run)
    assert result.exit_code == 1
    assert "bedrock:/acme.judge-9: ResourceNotFoundException" in result.stderr
    assert "the model is dead" in result.stderr
    assert "no verdict" in result.stdout
    chats = FakeBedrock(answer([{"text": "It is in English."}]))
    monkeypatch.setattr(client, "bedrock_client", lambda _concurrency, **_: chats)
    assert check_live(run).exit_code == 1
