"""Cutting a stream of bytes into records."""

from __future__ import annotations

import gzip
import json
import tracemalloc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference_monitor.capture.lines import can_be_cut, iter_lines
from inference_monitor.capture.reader import Quarantined, read_line
from inference_monitor.inference import Inference
from tests.unit.builders import capture


@given(st.binary(max_size=300), st.integers(1, 40))
def test_lines_do_not_depend_on_how_the_bytes_arrive(data: bytes, size: int) -> None:
    """Any cut into chunks gives the same lines, numbers and offsets."""
    pieces = [data[i : i + size] for i in range(0, len(data), size)]
    assert list(iter_lines(pieces)) == list(iter_lines([data]))


@given(st.binary(max_size=300))
def test_no_line_is_lost(data: bytes) -> None:
    """Every line that is not blank comes out once, with its number."""
    expected = {
        number: stripped
        for number, raw in enumerate(data.split(b"\n"), 1)
        if (stripped := raw.removeprefix(b"\xef\xbb\xbf").strip(b"\r \t"))
    }
    assert {line.number: line.data for line in iter_lines([data])} == expected


def test_a_line_over_the_limit_is_cut_and_says_so() -> None:
    """Memory stays bounded, the true length is known, and the next line is untouched."""
    first, second = iter_lines([b"a" * 30, b"a" * 30 + b"\nbb"], limit=16)
    assert (first.data, first.length, first.complete) == (b"a" * 16, 60, False)
    assert (second.data, second.offset, second.complete) == (b"bb", 61, True)


def test_unusual_separators_do_not_end_a_line() -> None:
    """U+2028 and U+0085 may stand unescaped in a JSON string."""
    text = '{"a": "x\u2028y\u0085z"}'
    assert [line.data.decode() for line in iter_lines([text.encode() + b"\r\n"])] == [text]


ANSWERS = ("ropes }{ here", 'a "quoted" {brace}', "Schön, 好", '{"captureData": 1}')
RECORDS = [
    capture({"inputs": "hi"}, {"generated_text": text}, eventId=f"e-{number}")
    for number, text in enumerate(ANSWERS)
]
LINES = "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in RECORDS)
PRETTY = "\n".join(json.dumps(record, indent=2, ensure_ascii=False) for record in RECORDS)
BROKEN = '{"captureData": {"endpointInput": {"data": "cut off in the mid'
FILES: dict[str, bytes] = {
    "compressed": gzip.compress(LINES.encode()),
    "compressed in parts": b"".join(
        gzip.compress(line.encode()) for line in LINES.splitlines(True)
    ),
    "UTF-16": LINES.encode("utf-16"),
    "UTF-16, big-endian": b"\xfe\xff" + LINES.encode("utf-16-be"),
    "UTF-16, big-endian without a mark": LINES.encode("utf-16-be"),
    "UTF-16 without a mark": LINES.encode("utf-16-le"),
    "compressed UTF-16": gzip.compress(LINES.encode("utf-16")),
    "with a mark": b"\xef\xbb\xbf" + LINES.encode(),
    "on one line": LINES.replace("\n", "").encode(),
    "on one line with blanks": LINES.replace("\n", " ").encode(),
    "an array": json.dumps(RECORDS).encode(),
    "an array, a record a line": ("[" + ",\n".join(LINES.splitlines()) + "]").encode(),
    "an array, brackets apart": ("[\n" + ",\n".join(LINES.splitlines()) + "\n]\n").encode(),
    "commas in front": ("[" + "\n,".join(LINES.splitlines()) + "]").encode(),
    "pretty-printed": PRETTY.encode(),
    "pretty-printed, with \\r\\n": PRETTY.replace("\n", "\r\n").encode(),
    "pretty-printed array": json.dumps(RECORDS, indent=4).encode(),
    "tabs": json.dumps(RECORDS, indent="\t").encode(),
}


def _read(data: bytes, size: int = 64) -> list[Any]:
    pieces = [data[i : i + size] for i in range(0, len(data), size)]
    return [read_line(line).record for line in iter_lines(pieces)]


@pytest.mark.parametrize("size", [1, 7, 64, 1 << 20])
@pytest.mark.parametrize("name", FILES)
def test_a_file_is_read_however_a_pipeline_wrote_it(name: str, size: int) -> None:
    """Compressed, of another encoding, glued together, in an array, or over many lines."""
    records = _read(FILES[name], size)
    assert [r.output_text if isinstance(r, Inference) else r for r in records] == list(ANSWERS)


@pytest.mark.parametrize(
    "data",
    [
        LINES.splitlines()[0] + BROKEN + LINES.replace("\n", ""),
        BROKEN + LINES.replace("\n", ""),
        LINES.replace("\n", "") + BROKEN,
        f"{BROKEN}\n{LINES}",
    ],
)
def test_a_broken_record_does_not_cost_its_neighbours(data: str) -> None:
    """Also where they are on one line: the broken one ends where the next begins."""
    records = _read(data.encode())
    texts = [r.output_text for r in records if isinstance(r, Inference)]
    assert texts[-len(ANSWERS) :] == list(ANSWERS)
    assert sum(isinstance(r, Quarantined) for r in records) == 1


@pytest.mark.parametrize("indent", ["", "  "])
def test_a_broken_pretty_printed_record_does_not_cost_its_neighbours(indent: str) -> None:
    """The next one begins where a line is a brace as far to the left as the first."""
    written = [json.dumps(record, indent=2) for record in RECORDS]
    written[1] = "\n".join(written[1].split("\n")[:6])
    text = "\n".join(indent + line for record in written for line in record.split("\n"))
    records = _read((f"[\n{text}\n]" if indent else text).encode())
    assert [r.output_text for r in records if isinstance(r, Inference)] == [
        answer for answer in ANSWERS if answer != ANSWERS[1]
    ]
    assert sum(isinstance(r, Quarantined) for r in records) == 1


def test_a_torn_compression_costs_only_what_is_behind_it() -> None:
    """What could be inflated is read; that there was more is told as a line of its own."""
    whole = gzip.compress(LINES.encode())
    records = _read(whole[:-6])
    assert isinstance(records[0], Inference)
    assert isinstance(records[-1], Quarantined)
    assert (
        records[-1].reason == "the rest of the file is missing: its gzip compression ends too early"
    )
    damaged = _read(whole[:20] + b"\xff" * 20 + whole[40:])
    assert isinstance(damaged[-1], Quarantined)
    assert "its gzip compression is broken" in damaged[-1].reason


def test_a_compressed_file_is_never_held_whole() -> None:
    """A few kilobytes may stand for hundreds of megabytes."""
    bomb = gzip.compress(bytes(200_000_000))
    tracemalloc.start()
    (record,) = _read(bomb, 4096)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert isinstance(record, Quarantined)
    assert "more than the 41943040 that are read" in record.reason
    assert peak < 200_000_000


def test_records_on_one_line_have_places_of_their_own() -> None:
    """Each is found again at its offset; the line they share is where they begin."""
    data = b"\n" + LINES.replace("\n", "").encode()
    found = list(iter_lines([data]))
    assert [line.number for line in found] == [2] * len(ANSWERS)
    assert [data[line.offset : line.offset + line.length] for line in found] == [
        line.data for line in found
    ]
    assert {line.line_offset for line in found} == {1}


@pytest.mark.parametrize(
    ("name", "cut"), [("with a mark", True), ("compressed", False), ("UTF-16", False),
                      ("pretty-printed", False), ("pretty-printed array", False)]
)  # fmt: skip
def test_only_a_file_of_lines_can_be_read_in_parts(name: str, cut: bool) -> None:
    """The others must be read from their beginning."""
    assert can_be_cut(FILES[name][:4096]) is cut
