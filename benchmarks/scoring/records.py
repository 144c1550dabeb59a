"""Records to be judged, as a capture file: varied questions and answers, about 1 kB each."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TEXT_CHARACTERS = 1000
_TIME = "2026-03-02T09:00:00Z"
_TOPICS = (
    "parcels", "refunds", "invoices", "passwords", "batteries", "warranties", "gift cards",
    "subscriptions", "returns", "addresses", "sizes", "discounts", "repairs", "deliveries",
)  # fmt: skip
_ASKS = (
    "I bought something last {day} and have a question about {topic}.",
    "Could you explain how {topic} work when the order was split into {number} boxes?",
    "The page about {topic} says one thing, and the mail of {day} says another.",
    "I have tried {number} times to find out more about {topic} on my own.",
    "What do I have to do about {topic} before {day}, and what does it cost?",
    "My account shows {number} open orders, and {topic} are mentioned in each of them.",
)
_TELLS = (
    "Thank you for asking about {topic}; here is what applies to your order.",
    "For {topic}, open the order, choose the item, and follow the {number} steps shown there.",
    "The mail of {day} is right: {topic} are handled within {number} working days.",
    "You pay nothing for {topic} as long as you ask before {day}.",
    "If {number} boxes were sent, the rules for {topic} hold for each box of its own.",
    "Please reply by {day} if {topic} are still not clear, and we will look into it together.",
)
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


@dataclass(frozen=True, slots=True)
class Record:
    """What was asked and answered, and how many tokens the endpoint reported."""

    event_id: str
    question: str
    answer: str
    tokens: tuple[int, int]

    @property
    def usage(self) -> dict[str, int]:
        """The tokens under MLflow's names."""
        asked, answered = self.tokens
        return {
            "input_tokens": asked,
            "output_tokens": answered,
            "total_tokens": asked + answered,
        }


def make_records(run: str, count: int, seed: int) -> list[Record]:
    """Records of a run, whose name is in their event ids; the same seed gives the same texts."""
    chance = random.Random(seed)
    return [
        Record(
            f"{run}-{number:05}",
            question := _text(chance, _ASKS),
            answer := _text(chance, _TELLS),
            (len(question) // 4, len(answer) // 4),
        )
        for number in range(count)
    ]


def write_captures(path: Path, records: list[Record]) -> None:
    """Write a capture file as SageMaker does for an endpoint that speaks OpenAI's chat format."""
    path.write_text("".join(json.dumps(_capture(record)) + "\n" for record in records))


def read_captures(path: Path) -> list[Record]:
    """Read what `write_captures` wrote."""
    return list(_read(path.read_text().splitlines()))


def _read(lines: list[str]) -> Iterator[Record]:
    for line in lines:
        document = json.loads(line)
        request, response = (
            json.loads(document["captureData"][side]["data"])
            for side in ("endpointInput", "endpointOutput")
        )
        usage = response["usage"]
        yield Record(
            document["eventMetadata"]["eventId"],
            request["messages"][0]["content"],
            response["choices"][0]["message"]["content"],
            (usage["prompt_tokens"], usage["completion_tokens"]),
        )


def _text(chance: random.Random, sentences: tuple[str, ...]) -> str:
    topic, text = chance.choice(_TOPICS), ""
    while len(text) < TEXT_CHARACTERS:
        sentence = chance.choice(sentences).format(
            topic=topic, day=chance.choice(_DAYS), number=chance.randint(2, 900)
        )
        text = f"{text} {sentence}".strip()
    return text


def _capture(record: Record) -> dict[str, Any]:
    asked, answered = record.tokens
    message = {"role": "assistant", "content": record.answer}
    sides = {
        "Input": {"messages": [{"role": "user", "content": record.question}], "max_tokens": 512},
        "Output": {
            "object": "chat.completion",
            "model": "benchmark",
            "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
            "usage": {
                "prompt_tokens": asked,
                "completion_tokens": answered,
                "total_tokens": asked + answered,
            },
        },
    }
    captured = {
        f"endpoint{side}": {
            "observedContentType": "application/json",
            "mode": side.upper(),
            "data": json.dumps(payload),
            "encoding": "JSON",
        }
        for side, payload in sides.items()
    }
    return {
        "captureData": captured,
        "eventMetadata": {"eventId": record.event_id, "inferenceTime": _TIME},
        "eventVersion": "0",
    }
