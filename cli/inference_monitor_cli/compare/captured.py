"""Observations from capture files: no MLflow and, for files of this machine, no AWS."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from inference_monitor.inference import Inference, Kind, Source
from inference_monitor_cli.captures import CaptureFile
from inference_monitor_cli.compare.observations import Observation, Value

EMPTY_ANSWER = "empty_answer"
ERROR = "error_rate"
INPUT_TOKENS = "input_tokens"
OUTPUT_TOKENS = "output_tokens"
OUTPUT_CHARACTERS = "output_characters"
METRICS = (ERROR, EMPTY_ANSWER, INPUT_TOKENS, OUTPUT_TOKENS, OUTPUT_CHARACTERS)
"""What is measured of every inference, judged or not."""


def read_captured(files: Sequence[CaptureFile]) -> Iterator[Observation]:
    """Read every inference of these files; what is no inference is left out.

    Raises:
        OSError: If a local file cannot be read.
        MonitorError: If S3 fails.
    """
    for file in files:
        for entry in file.entries():
            if isinstance(entry.record, Inference):
                yield observe(entry.record, file.source)


def observe(inference: Inference, source: Source) -> Observation:
    """What a capture tells about an inference; a failed one has no answer to measure."""
    values: dict[str, Value] = {ERROR: float(inference.failure is not None)}
    response = inference.response
    if response is not None and not inference.failure:
        if inference.kind is Kind.LLM:
            values[EMPTY_ANSWER] = float(inference.empty_answer)
        values |= {
            name: float(count)
            for name, count in (
                (INPUT_TOKENS, response.usage.input_tokens),
                (OUTPUT_TOKENS, response.usage.output_tokens),
            )
            if count is not None
        }
        if response.choices:
            values[OUTPUT_CHARACTERS] = float(sum(len(c.text or "") for c in response.choices))
    return Observation(
        endpoint=source.endpoint,
        variant=source.variant,
        inference_time=inference.inference_time,
        inference_id=inference.inference_id,
        values=values,
    )
