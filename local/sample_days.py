"""The sample captures as if they were of another day.

MLflow's traces page shows the last seven days by default, and the samples are of a fixed day so
that tests can compare them.
"""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path

SAMPLE_DAY = date(2026, 3, 2)


def copy_for_day(samples: Path, folder: Path, day: date) -> Path:
    """Copy the samples into `folder`, with this day in their paths and inference times.

    Everything else stays, the event ids too: a later copy has the same traces. What `folder` held
    is removed first.
    """
    if folder.exists():
        shutil.rmtree(folder)
    for path in sorted(samples.rglob("*.jsonl")):
        name = path.relative_to(samples).as_posix()
        copy = folder / name.replace(f"/{SAMPLE_DAY:%Y/%m/%d}/", f"/{day:%Y/%m/%d}/")
        copy.parent.mkdir(parents=True, exist_ok=True)
        text = path.read_text(encoding="utf-8")
        old, new = (f'"inferenceTime": "{of.isoformat()}T' for of in (SAMPLE_DAY, day))
        copy.write_text(text.replace(old, new), encoding="utf-8", newline="\n")
    return folder
