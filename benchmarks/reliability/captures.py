"""Capture files made for a fault, and what MLflow must hold of each of their inferences."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from tests.samples.record import SSE, Sample, as_capture, events

TIME = "2026-03-02T09:00:00Z"
Tokens = tuple[int | None, int | None]


@dataclass(frozen=True, slots=True)
class Expected:
    """What a trace must hold: tokens in and out, None where the endpoint is silent, and scores.

    Of one whose content the judge has `declined` it holds errors that say so instead.
    """

    tokens: Tokens
    judged: bool = True
    declined: bool = False


@dataclass(slots=True)
class Captures:
    """The lines of a capture file; `inferences` by event id, `broken` lines are for quarantine."""

    lines: list[bytes] = field(default_factory=list)
    inferences: dict[str, Expected] = field(default_factory=dict)
    broken: int = 0

    @property
    def body(self) -> bytes:
        """The file."""
        return b"".join(line + b"\n" for line in self.lines)

    def add(self, event_id: str, sample: Sample, expected: Expected) -> None:
        """Add an inference."""
        self.lines.append(json.dumps(as_capture(sample, event_id, TIME)).encode())
        self.inferences[event_id] = expected

    def add_declined(self, prefix: str, numbers: Iterable[int], answer: str) -> None:
        """Add chats with an answer that a judge declines to judge."""
        for number in numbers:
            sample, expected = chat(number, answer)
            expected = replace(expected, judged=False, declined=True)
            self.add(f"{prefix}-{number}", sample, expected)

    def add_broken(self, lines: Iterable[bytes]) -> None:
        """Add lines that can never be read."""
        for line in lines:
            self.lines.append(line)
            self.broken += 1


def _counted(number: int) -> tuple[int, int]:
    """Other tokens for neighbours, so that a sum tells which one is missing or there twice."""
    return 20 + number % 53, 5 + number % 17


def _usage(number: int) -> dict[str, int]:
    asked, answered = _counted(number)
    return {
        "prompt_tokens": asked,
        "completion_tokens": answered,
        "total_tokens": asked + answered,
    }


def _question(number: int) -> str:
    return f"Question {number}: which oil is good for a chain?"


ANSWER = "A dry oil is good for a chain in summer."


def chat(number: int, answer: str = ANSWER) -> tuple[Sample, Expected]:
    """OpenAI's chat API."""
    request = {"messages": [{"role": "user", "content": _question(number)}], "temperature": 0.2}
    message = {"role": "assistant", "content": answer}
    choices = [{"index": 0, "message": message, "finish_reason": "stop"}]
    response = {"choices": choices, "usage": _usage(number)}
    return Sample(request, response, {}), Expected(_counted(number))


def _streamed(number: int) -> tuple[Sample, Expected]:
    request = {"messages": [{"role": "user", "content": _question(number)}], "stream": True}
    chunk = {"object": "chat.completion.chunk", "model": "shop-llm"}
    deltas = [{"role": "assistant", "content": ANSWER[:9]}, {"content": ANSWER[9:]}]
    stream = events(
        *({**chunk, "choices": [{"index": 0, "delta": delta}]} for delta in deltas),
        {**chunk, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
        {**chunk, "choices": [], "usage": _usage(number)},
        "[DONE]",
    )
    sample = Sample(request, stream, {}, types=("application/json", SSE))
    return sample, Expected(_counted(number))


def _generated(number: int) -> tuple[Sample, Expected]:
    asked, answered = _counted(number)
    request = {"inputs": _question(number), "parameters": {"details": True}}
    prefill = [{"id": 1, "text": "a"}] * asked
    details = {"finish_reason": "eos_token", "generated_tokens": answered, "prefill": prefill}
    answer = {"generated_text": f" {ANSWER}", "details": {**details, "tokens": []}}
    return Sample(request, answer, {}), Expected((asked, answered))


def _uncounted(number: int) -> tuple[Sample, Expected]:
    sample = Sample({"inputs": _question(number)}, [{"generated_text": f" {ANSWER}"}], {})
    return sample, Expected((None, None))


def _out_of_memory(number: int) -> tuple[Sample, Expected]:
    error = {"code": 424, "message": "invoke handler failure", "error": "CUDA out of memory"}
    sample = Sample({"inputs": _question(number)}, error, {}, hidden=True)
    return sample, Expected((None, None), judged=False)


def _embedding(number: int) -> tuple[Sample, Expected]:
    asked, _ = _counted(number)
    vectors = [{"object": "embedding", "index": 0, "embedding": [0.1, 0.2]}]
    answer = {"object": "list", "data": vectors, "usage": {"prompt_tokens": asked}}
    sample = Sample({"input": [_question(number)], "model": "embedder"}, answer, {})
    return sample, Expected((asked, None), judged=False)


Family = Callable[[int], tuple[Sample, Expected]]
FAMILIES: tuple[Family, ...] = (
    chat, _streamed, _generated, _uncounted, _out_of_memory, _embedding
)  # fmt: skip


def mixed(prefix: str, numbers: Iterable[int]) -> Captures:
    """Inferences of every family in turn, failures among them; events are `prefix-number`."""
    captures = Captures()
    for number in numbers:
        sample, expected = FAMILIES[number % len(FAMILIES)](number)
        captures.add(f"{prefix}-{number}", sample, expected)
    return captures


def failed(prefix: str, numbers: Iterable[int], size: int) -> Captures:
    """Failures of about `size` bytes, which no judge is asked about."""
    captures = Captures()
    error = {"error": "Model is overloaded", "error_type": "overloaded"}
    for number in numbers:
        prompt = f"{_question(number)} {'Tighten the bolt. ' * (size // 18)}"[:size]
        expected = Expected((None, None), judged=False)
        captures.add(f"{prefix}-{number}", Sample({"inputs": prompt}, error, {}), expected)
    return captures
