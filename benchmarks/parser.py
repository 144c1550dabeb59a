"""How fast capture files are read, and how much memory that takes.

`python -m benchmarks.parser` reads 10,000 records of about 1 KB three times and takes the median
of the CPU time on one core, then streams a file ten times as large and compares the peak of the
memory Python holds with the size of the file.
"""

from __future__ import annotations

import json
import statistics
import tempfile
import time
import tracemalloc
from pathlib import Path
from typing import Any

from inference_monitor.capture.lines import iter_lines
from inference_monitor.capture.reader import read_line
from inference_monitor.capture.s3 import CHUNK_BYTES
from inference_monitor.inference import Inference

RECORDS = 10_000
ROUNDS = 3


def record(number: int, size: int = 1024) -> bytes:
    """A captured chat of about `size` bytes."""
    messages = [{"role": "user", "content": f"Question {number}: which tyre fits a city bike?"}]
    request = {"messages": messages, "max_tokens": 256, "temperature": 0.2}
    answer = {"role": "assistant", "content": ""}
    response = {
        "choices": [{"index": 0, "message": answer, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 20, "completion_tokens": 90},
    }
    document = {
        "captureData": {
            "endpointInput": _side("INPUT", request),
            "endpointOutput": _side("OUTPUT", response),
        },
        "eventMetadata": {"eventId": f"e-{number}", "inferenceTime": "2026-03-02T09:00:00Z"},
        "eventVersion": "0",
    }
    answer["content"] = "x" * max(0, size - len(json.dumps(document)))
    document["captureData"]["endpointOutput"] = _side("OUTPUT", response)  # type: ignore[index]
    return json.dumps(document).encode() + b"\n"


def _side(mode: str, payload: Any) -> dict[str, Any]:
    return {
        "observedContentType": "application/json",
        "mode": mode,
        "data": json.dumps(payload),
        "encoding": "JSON",
    }


def read_file(path: Path) -> int:
    """Read a file as the function does; the number of inferences in it."""
    with path.open("rb") as stream:
        lines = iter_lines(iter(lambda: stream.read(CHUNK_BYTES), b""))
        return sum(isinstance(read_line(line).record, Inference) for line in lines)


def cpu_seconds(path: Path) -> float:
    """CPU seconds to read a file once."""
    started = time.process_time()
    assert read_file(path) == RECORDS
    return time.process_time() - started


def main() -> None:
    """Measure, and print one line of JSON."""
    with tempfile.TemporaryDirectory() as folder:
        path, large = Path(folder, "captures.jsonl"), Path(folder, "large.jsonl")
        path.write_bytes(b"".join(record(n) for n in range(RECORDS)))
        seconds = statistics.median(cpu_seconds(path) for _ in range(ROUNDS))
        with large.open("wb") as stream:
            for number in range(10 * RECORDS):
                stream.write(record(number))
        tracemalloc.start()
        assert read_file(large) == 10 * RECORDS
        peak = tracemalloc.get_traced_memory()[1]
        figures = {
            "records": RECORDS,
            "bytes_per_record": round(path.stat().st_size / RECORDS),
            "cpu_seconds": round(seconds, 3),
            "large_file_mb": round(large.stat().st_size / 1e6, 1),
            "peak_memory_mb": round(peak / 1e6, 1),
        }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
