"""Files of prompts: plain lines, JSON strings and whole request bodies."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from inference_monitor_cli.load.prompts import read_bodies
from inference_monitor_cli.problems import CommandError


def test_plain_lines(tmp_path: Path) -> None:
    """Each line is a prompt, in the format that is wanted; blank lines are none."""
    file = tmp_path / "prompts.txt"
    file.write_text("Hé?\n\n  {not json}  \n", encoding="utf-8")
    chat = [json.loads(body) for body in read_bodies(file, "chat")]
    assert chat == [
        {"messages": [{"role": "user", "content": "Hé?"}]},
        {"messages": [{"role": "user", "content": "{not json}"}]},
    ]
    assert json.loads(read_bodies(file, "inputs")[0]) == {"inputs": "Hé?"}


def test_json_lines(tmp_path: Path) -> None:
    """A string is a prompt; an object is sent as it is, whatever the format."""
    file = tmp_path / "prompts.jsonl"
    file.write_text('"Two\\nlines"\n{"inputs": "x", "parameters": {"n": 1}}\n')
    bodies = [json.loads(body) for body in read_bodies(file, "chat")]
    assert bodies[0] == {"messages": [{"role": "user", "content": "Two\nlines"}]}
    assert bodies[1] == {"inputs": "x", "parameters": {"n": 1}}


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "holds no prompt"),
        (b'"fine"\n{"secret": \n', "line 2: not valid JSON"),
        (b"17\n", "line 1: write a JSON string"),
        (b"\xff\xfe", "is not UTF-8"),
    ],
)
def test_what_cannot_be_sent(tmp_path: Path, content: bytes, says: str) -> None:
    """The message names file and line, and never quotes a prompt."""
    file = tmp_path / "prompts.jsonl"
    file.write_bytes(content)
    with pytest.raises(CommandError, match=says) as error:
        read_bodies(file, "chat")
    assert "secret" not in str(error.value)
