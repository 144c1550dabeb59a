"""`inference-monitor inspect`: what a person sees, and what a script reads."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from inference_monitor_cli.main import app
from tests.unit.builders import capture

FIELDS = {
    "line", "event_id", "status", "reason", "kind", "family", "messages", "parameters",
    "output_text", "reasoning", "tool_calls", "choices", "items", "input_tokens", "output_tokens",
    "finish_reason", "is_error", "status_code", "error_message", "inference_time", "inference_id",
    "custom_attributes",
}  # fmt: skip
EVIL = "\x1b]0;owned\x07[red]bold[/red]\u202e"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A capture file with an answer, a failure, a ground truth and a broken line."""
    path = tmp_path / "x.jsonl"
    documents = [
        capture({"inputs": EVIL}, {"generated_text": "fine"}, inferenceId="7"),
        capture({"inputs": "hi"}, {"error": "boom", "code": 424}, eventId="e-2"),
        {"groundTruthData": {}, "eventMetadata": {"eventId": "g-1"}},
    ]
    path.write_text("\n".join(map(json.dumps, documents)) + '\n{"broken\n')
    return path


def test_json_prints_one_object_per_line(file: Path) -> None:
    """All fields in each, null where the record says nothing."""
    result = CliRunner().invoke(app, ["inspect", str(file), "--json"])
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert result.exit_code == 0
    assert [set(row) for row in rows] == [FIELDS] * 4
    assert [(r["line"], r["event_id"], r["status"]) for r in rows] == [
        (1, "e-1", "inference"),
        (2, "e-2", "inference"),
        (3, "g-1", "skipped"),
        (4, None, "quarantined"),
    ]
    assert rows[0]["messages"] == [{"role": "user", "content": EVIL}]
    assert rows[0]["inference_time"] == "2026-03-02T09:00:00Z"
    assert (rows[0]["parameters"], rows[0]["custom_attributes"]) == (None, None)
    assert (rows[1]["is_error"], rows[1]["status_code"], rows[1]["error_message"]) == (
        True,
        424,
        "boom",
    )
    assert rows[3]["reason"].startswith("not JSON")
    assert rows[3]["messages"] is None


def test_the_table_shows_what_was_read_and_cannot_be_hijacked(file: Path) -> None:
    """Counts add up; escape codes and markup that a stranger typed are shown, not obeyed."""
    result = CliRunner().invoke(app, ["inspect", str(file)], env={"COLUMNS": "120"})
    assert result.exit_code == 0
    assert (
        "4 lines: 2 inference, 1 skipped, 1 quarantined; 1 of the inferences failed"
        in result.stdout
    )
    assert "424: boom" in result.stdout
    assert "[red]bold" in result.stdout
    assert not {"\x1b", "\x07", "\u202e"} & set(result.stdout)


ROWS = {
    "a batch": ({"inputs": ["a", "b"]}, [{"generated_text": "A"}, {"generated_text": "B"}], "and 1 more"),
    "a call": ({"messages": [{"role": "user", "content": "x"}]}, {"choices": [{"message": {"tool_calls": [
        {"function": {"name": "find", "arguments": '{"n": 1}'}}]}}]}, 'calls find {"n": 1}'),
    "thoughts": ({"inputs": "x"}, {"generated_text": "<think>why"}, "only thoughts"),
    "nothing": ({"inputs": "x"}, {"generated_text": ""}, "no text"),
    "implied": ({"inputs": "x"}, {"detail": "Not Found"}, "404 (implied): Not Found"),
    "part": ({"messages": [{"role": "user", "content": [{"type": "image_url"}, {"type": "text", "text": "Who?"}]}]},
             {"choices": [{"message": {"content": "Ann"}}]}, "[image_url] Who?"),
    "tokens": ({"prompt": "x"}, {"choices": [{"text": "y"}], "usage": {"prompt_tokens": 3}}, "3 → ? tokens"),
}  # fmt: skip


@pytest.mark.parametrize("name", ROWS)
def test_eighty_columns_show_what_matters(name: str, tmp_path: Path) -> None:
    """Batches, calls, thoughts without an answer, implied statuses and parts, none cut away."""
    request, response, shown = ROWS[name]
    path = tmp_path / "x.jsonl"
    path.write_text(json.dumps(capture(request, response)) + "\n")
    result = CliRunner().invoke(app, ["inspect", str(path)], env={"COLUMNS": "80"})
    assert result.exit_code == 0
    assert shown in result.stdout
    assert max(len(line) for line in result.stdout.splitlines()) <= 80


def test_json_tells_answers_calls_and_thoughts(tmp_path: Path) -> None:
    """Every answer with the item it belongs to, the calls by name and arguments."""
    path = tmp_path / "x.jsonl"
    function = {"name": "find", "arguments": '{"n": 1}'}
    message = {
        "content": "<think>why</think>yes",
        "tool_calls": [{"id": "1", "function": function}],
    }
    choices = [{"index": 0, "message": message}, {"index": 1, "message": {"content": "no"}}]
    asked = [{"role": "user", "content": "x"}]
    path.write_text(json.dumps(capture({"messages": asked}, {"choices": choices})) + "\n")
    (line,) = CliRunner().invoke(app, ["inspect", str(path), "--json"]).stdout.splitlines()
    row = json.loads(line)
    first = {
        "item": 0,
        "text": "yes",
        "reasoning": "why",
        "tool_calls": [function],
        "finish_reason": None,
    }
    second = {"item": 0, "text": "no", "reasoning": None, "tool_calls": None, "finish_reason": None}
    assert (row["reasoning"], row["tool_calls"]) == ("why", [function])
    assert (row["choices"], row["items"]) == ([first, second], [asked])


def test_a_long_file_shows_its_first_rows_and_counts_all(tmp_path: Path) -> None:
    """The table stays readable, the counts are of the whole file."""
    path = tmp_path / "long.jsonl"
    path.write_text("".join(json.dumps(capture({"inputs": f"n{i}"})) + "\n" for i in range(30)))
    result = CliRunner().invoke(app, ["inspect", str(path), "--rows", "5"])
    assert "30 lines: 30 inference" in result.stdout
    assert "n4" in result.stdout
    assert "n5" not in result.stdout


@pytest.mark.parametrize(
    ("file", "message"),
    [("nowhere.jsonl", "cannot read nowhere.jsonl: No such file"), (".", "Is a directory")],
)
def test_an_unreadable_file_says_so(file: str, message: str) -> None:
    """One line, exit code 2, no traceback."""
    result = CliRunner().invoke(app, ["inspect", file])
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stderr.count("\n") == 1
