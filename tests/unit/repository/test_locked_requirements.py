"""What the image installs is locked to the byte."""

from __future__ import annotations

import re
from pathlib import Path

LAMBDA_SRC = Path(__file__).parents[3] / "lambda_src"


def _requirements() -> list[str]:
    """The entries of the lock file, each as one line."""
    text = (LAMBDA_SRC / "requirements.txt").read_text().replace("\\\n", " ")
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def test_every_requirement_has_a_version_and_hashes() -> None:
    """Nothing can come into the image that was not there when it was locked."""
    requirements = _requirements()
    assert len(requirements) > 20
    pattern = re.compile(r"[\w.\-\[\],]+==\S+(?: ;[^#]+?)?(?:\s+--hash=sha256:[0-9a-f]{64})+\s*")
    assert [line for line in requirements if not pattern.fullmatch(line)] == []


def test_the_image_installs_only_what_has_the_right_hash() -> None:
    """Hashes are checked, and no line of the Dockerfile installs anything else."""
    dockerfile = (LAMBDA_SRC / "Dockerfile").read_text()
    (install,) = re.findall(r"pip install.*", dockerfile)
    assert install.split()[2:] == [
        "--no-cache-dir", "--compile", "--require-hashes", "-r", "requirements.txt"
    ]  # fmt: skip
