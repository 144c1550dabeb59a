"""Read the request bodies of a load test from a file of prompts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

from inference_monitor_cli.problems import CommandError

RequestFormat = Literal["chat", "inputs"]
"""How a plain prompt is wrapped: OpenAI's `messages`, or `inputs` as TGI and LMI take it."""


def read_bodies(path: Path, request_format: RequestFormat) -> list[bytes]:
    """Read one request body per line that is not blank.

    In a `.jsonl` file a JSON string is a prompt and a JSON object is a whole request body, sent
    unchanged. In any other file each line is a prompt.

    Raises:
        OSError: If the file cannot be read.
        CommandError: If it is not UTF-8, holds no prompt, or has a line that is neither.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except UnicodeDecodeError as error:
        raise CommandError(f"{path} is not UTF-8 text") from error
    bodies = [
        _body(path, number, line.strip(), request_format)
        for number, line in enumerate(lines, 1)
        if line.strip()
    ]
    if not bodies:
        raise CommandError(f"{path} holds no prompt: write one per line")
    return bodies


def _body(path: Path, number: int, line: str, request_format: RequestFormat) -> bytes:
    content: Any = line
    if path.suffix == ".jsonl":
        try:
            content = json.loads(line)
        except ValueError as error:
            # The parser's own message would quote the prompt.
            raise CommandError(f"{path}, line {number}: not valid JSON") from error
    if isinstance(content, str):
        if request_format == "chat":
            content = {"messages": [{"role": "user", "content": content}]}
        else:
            content = {"inputs": content}
    if not isinstance(content, dict):
        raise CommandError(
            f"{path}, line {number}: write a JSON string (a prompt) or an object (a request body)"
        )
    return json.dumps(content).encode()
