"""Fuzz the readers of captures: envelope, streams and families, up to the trace that is built.

`python -m benchmarks.fuzz [seconds] [seed]` mutates the sample captures, as JSON trees, as payload
texts, as bytes and as files of every layout, for ten minutes unless told otherwise, and reads what
comes out. A reader must never raise and never hang; what it says of a line must be printable. The
streams among the samples are cut anywhere, too: what is read of a beginning must be a beginning of
what is read of the whole. Ends with one line of JSON.
"""

from __future__ import annotations

import copy
import gzip
import json
import random
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from inference_monitor.capture.lines import iter_lines
from inference_monitor.capture.reader import Entry, read_document, read_line
from inference_monitor.inference import Inference, Source
from inference_monitor.traces.build import build_trace
from inference_monitor_cli.terminal import as_report

SAMPLES = Path(__file__).parents[1] / "samples"
SLOW_SECONDS = 2.0
SOURCE = Source("bucket", "key", "endpoint", "variant")
HOSTILE: tuple[Any, ...] = (
    None, True, False, 0, -1, 10**30, 1e308, 424, "", "x" * 5000, "\0", "\ud800", "\u2028", "data:",
    "[DONE]", "</think>", "<think>", "<|channel|>", "NaN", "1,2,3", "{}", "[", "<html>", [], {},
    [[]], [{}], {"": {}}, [None] * 50, [{}, {}], {"body": "{}"}, {"type": "text", "text": "x"},
)  # fmt: skip


def mutate(value: Any, rng: random.Random, depth: int = 0) -> Any:
    """A JSON tree with a few of its nodes replaced, removed, doubled, wrapped or swapped."""
    roll = rng.random()
    if roll < 0.03:
        return rng.choice(HOSTILE)
    if roll < 0.04 and depth < 20:
        return [value] if rng.random() < 0.5 else {"error": value, "choices": value}
    if isinstance(value, dict):
        items = [(k, mutate(v, rng, depth + 1)) for k, v in value.items() if rng.random() > 0.02]
        if items and rng.random() < 0.03:
            items.append((rng.choice(items)[0], rng.choice(HOSTILE)))
        return dict(items)
    if isinstance(value, list):
        return [
            mutate(v, rng, depth + 1) for v in value for _ in range(rng.choice((1, 1, 1, 1, 2)))
        ]
    if isinstance(value, str):
        return mutate_text(value, rng, depth)
    return value


def mutate_text(text: str, rng: random.Random, depth: int) -> str:
    """A payload mutated inside if it is JSON, else cut, doubled or sprinkled."""
    if text[:1] in ("{", "[") and depth < 20:
        try:
            return json.dumps(mutate(json.loads(text), rng, depth + 1))
        except ValueError:
            pass
    if rng.random() < 0.9:
        return text
    cut = rng.randrange(len(text) + 1)
    return rng.choice((text[:cut], text[cut:], text + text, f"{text[:cut]}\ud800\0{text[cut:]}"))


def mutate_bytes(data: bytes, rng: random.Random) -> bytes:
    """A line with some of its bytes changed, rarely."""
    if rng.random() < 0.8 or not data:
        return data
    changed = bytearray(data)
    for _ in range(rng.randrange(1, 6)):
        changed[rng.randrange(len(changed))] = rng.randrange(256)
    return bytes(changed)


# How files were seen to be laid out; a record of each is broken now and then by `mutate_bytes`.
LAYOUTS: tuple[Callable[[list[Any]], bytes], ...] = (
    lambda records: b"".join(json.dumps(r).encode() + b"\n" for r in records),
    lambda records: b"".join(json.dumps(r).encode() for r in records),
    lambda records: json.dumps(records).encode(),
    lambda records: json.dumps(records, indent=2).encode(),
    lambda records: b"\n".join(json.dumps(r, indent=4).encode() for r in records),
    lambda records: "".join(json.dumps(r) + "\n" for r in records).encode("utf-16"),
    lambda records: gzip.compress(b"".join(json.dumps(r).encode() + b"\n" for r in records), 1),
)


def said(document: Any) -> str:
    """The text that is read of a capture."""
    record = read_document(document).record
    assert isinstance(record, Inference), record
    return record.output_text or ""


def streams(documents: list[Any]) -> Iterator[tuple[Any, str, str]]:
    """The captures whose answer is a stream: each with that stream and what is read of it."""
    for document in documents:
        side = document["captureData"].get("endpointOutput") or {}
        record = read_document(document).record
        response = record.response if isinstance(record, Inference) else None
        if response and response.streamed and side.get("encoding") == "JSON":
            yield document, side["data"], said(document)


def check_cut(document: Any, stream: str, whole: str, cut: int) -> None:
    """What is read of the beginning of a stream is the beginning of its text."""
    document = copy.deepcopy(document)
    document["captureData"]["endpointOutput"]["data"] = stream[:cut]
    part = said(document)
    assert whole.startswith(part), (
        f"{part!r} is read of {stream[:cut]!r}, but {whole!r} of the whole"
    )


def check(entry: Entry) -> None:
    """Everything that is done with a line before anybody outside is asked."""
    json.dumps(as_report(entry))
    if isinstance(entry.record, Inference):
        build_trace(entry.record, SOURCE, "0")


def main() -> None:
    """Fuzz until the time is up; raises at the first reader that does."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 600.0
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else random.randrange(2**32)
    print(f"seed {seed}", flush=True)
    rng = random.Random(seed)
    files = [p.read_bytes() for p in sorted(SAMPLES.rglob("*.jsonl"))]
    lines = [line.data for data in files for line in iter_lines([data]) if len(line.data) < 50_000]
    documents = [json.loads(line) for line in lines if b"captureData" in line and line[-1:] == b"}"]
    streamed = list(streams(documents))
    ends, count, cuts, slowest = time.monotonic() + seconds, 0, 0, 0.0
    while time.monotonic() < ends:
        document, stream, whole = rng.choice(streamed)
        check_cut(document, stream, whole, rng.randrange(len(stream) + 1))
        cuts += 1
        records = [mutate(rng.choice(documents), rng) for _ in range(rng.choice((1, 1, 1, 3)))]
        data = mutate_bytes(rng.choice(LAYOUTS)(records), rng)
        started = time.perf_counter()
        for line in iter_lines([data]):
            check(read_line(line))
        taken = time.perf_counter() - started
        assert taken < SLOW_SECONDS, f"{taken:.1f} s for {data[:2000]!r}"
        slowest, count = max(slowest, taken), count + 1
    figures = {"seconds": seconds, "files": count, "streams_cut": cuts}
    print(json.dumps({**figures, "slowest_ms": round(slowest * 1000, 1)}))


if __name__ == "__main__":
    main()
