"""Write `samples/` anew: `python -m tests.samples`."""

from pathlib import Path

from tests.samples.files import capture_files

ROOT = Path(__file__).parents[2] / "samples"

if __name__ == "__main__":
    for key, lines in capture_files().items():
        path = ROOT / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(line + "\n" for line, _ in lines), encoding="utf-8")
