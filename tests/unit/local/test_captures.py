"""Which files the demo takes, and where it puts them."""

from __future__ import annotations

from pathlib import Path

import pytest

from local.captures import CapturesError, find_captures

LAYOUT = "llm/AllTraffic/2026/03/02/09"


def write(path: Path, text: str = "{}\n") -> Path:
    """Write a file with its folders."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def keys(*paths: Path) -> list[str]:
    """The keys that files and folders get."""
    return [file.key for file in find_captures(paths, "watched").files]


def test_the_layout_is_kept_wherever_it_begins(tmp_path: Path) -> None:
    """SageMaker's folders tell endpoint and variant, so they are kept from any place in them."""
    file = write(tmp_path / "bucket/prefix" / LAYOUT / "a.jsonl")
    expected = [f"watched/{LAYOUT}/a.jsonl"]
    assert keys(tmp_path) == keys(file) == keys(file.parent) == expected


def test_other_files_keep_their_place(tmp_path: Path) -> None:
    """A file outside of the layout keeps its name, and its place below the folder given."""
    write(tmp_path / "mine/deep/b.jsonl")
    assert keys(tmp_path / "mine") == ["watched/deep/b.jsonl"]
    assert keys(tmp_path / "mine/deep/b.jsonl") == ["watched/b.jsonl"]


def test_two_files_of_one_name(tmp_path: Path) -> None:
    """Neither of two files with one name replaces the other; a file given twice is taken once."""
    one, two = write(tmp_path / "one/x.jsonl"), write(tmp_path / "two/x.jsonl")
    assert keys(one, two, one) == ["watched/2/x.jsonl", "watched/x.jsonl"]


def test_lines_are_counted_and_the_rest_is_named(tmp_path: Path) -> None:
    """Blank lines and a byte order mark are no records; files that are not .jsonl are ignored."""
    (tmp_path / "a.jsonl").write_bytes(b'\xef\xbb\xbf\n{"a": 1}\r\n \t\r\n\n{"b": "\xe2\x80\xa8"}')
    write(tmp_path / "a.jsonl.gz")
    captures = find_captures([tmp_path], "watched")
    assert captures.lines == 2
    assert captures.ignored == [tmp_path / "a.jsonl.gz"]


@pytest.mark.parametrize(
    ("name", "says"),
    [("missing", "no such file or folder: .*missing"), ("", "no .jsonl file in")],
)
def test_nothing_to_do(tmp_path: Path, name: str, says: str) -> None:
    """A path that is not there, or holds no captures, is an error that names it."""
    with pytest.raises(CapturesError, match=says):
        find_captures([tmp_path / name], "watched")
