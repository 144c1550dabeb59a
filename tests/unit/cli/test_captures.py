"""Capture files by name: of a folder or a bucket, one or many."""

from __future__ import annotations

from pathlib import Path

import boto3
import pytest

from inference_monitor_cli.captures import CaptureFile, find_files
from inference_monitor_cli.problems import CommandError
from tests.unit.aws import S3

KEY = "llm/canary/2026/03/02/09/x.jsonl"


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> S3:
    """A bucket with two capture files and something else."""
    s3 = S3()
    for key in (KEY, KEY.replace("x", "y"), "llm/notes.txt"):
        s3.put_object(Bucket="captures", Key=key, Body=b"{}\n")
    monkeypatch.setattr(boto3, "client", lambda _service: s3)
    return s3


def test_a_folder_stands_for_its_capture_files(tmp_path: Path) -> None:
    """All below it, each once however it is named, and nothing else."""
    for name in ("b/2.jsonl", "a/1.jsonl", "a/notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("{}\n")
    found = find_files([str(tmp_path), str(tmp_path / "a/1.jsonl")])
    assert [file.name for file in found] == [f"{tmp_path}/a/1.jsonl", f"{tmp_path}/b/2.jsonl"]


@pytest.mark.usefixtures("s3")
def test_a_prefix_stands_for_its_capture_files() -> None:
    """And an object for itself."""
    found = find_files(["s3://captures/llm/", f"s3://captures/{KEY}"])
    assert [file.name for file in found] == [
        f"s3://captures/{KEY}",
        f"s3://captures/{KEY.replace('x', 'y')}",
    ]
    assert [entry.number for entry in found[0].entries()] == [1]


def test_the_path_tells_endpoint_and_variant(tmp_path: Path) -> None:
    """On this machine as in S3; a file by itself belongs to an endpoint nobody knows."""
    for name in (f"s3://captures/{KEY}", str(tmp_path / KEY)):
        source = CaptureFile(name).source
        assert (source.endpoint, source.variant) == ("llm", "canary")
    assert CaptureFile("x.jsonl").source.variant is None


@pytest.mark.usefixtures("s3")
def test_nothing_to_read_is_told(tmp_path: Path) -> None:
    """An empty folder, an empty prefix, a bucket without a key."""
    with pytest.raises(CommandError, match="no capture file"):
        find_files([str(tmp_path)])
    with pytest.raises(CommandError, match="no capture file"):
        find_files(["s3://captures/other/"])
    with pytest.raises(CommandError, match="write s3://bucket/key"):
        list(CaptureFile("s3://captures").entries())
