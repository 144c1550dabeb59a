"""Mutate modules with mutmut, run their unit tests on each mutant, and report the score.

mutmut (3.8) finds packages below `src` only and names them by their path, so it runs in a folder of
its own that holds `lambda_src` under that name. The folder stays: without names, a second run
repeats only what has changed, and `--survivors` tries new tests. Which modules and tests take part
is in `[tool.mutmut]` of pyproject.toml.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from mutmut.stats import status_by_exit_code
from rich.console import Console
from rich.table import Table

_ROOT = Path(__file__).resolve().parents[2]
_FOLDER = _ROOT / ".local" / "mutation"
_PACKAGE = "inference_monitor"
_COPIES = {
    "lambda_src": "src", "cli": "cli", "samples": "samples", "tests": "tests",
    "pyproject.toml": "pyproject.toml",
}  # fmt: skip

_NOTICED = frozenset({"killed", "timeout", "segfault"})
_UNNOTICED = ("survived", "suspicious", "no tests")
"""mutmut's names; of its others, all but `_NOTICED` are mutants that were not run."""


@dataclass(slots=True)
class Score:
    """What became of the mutants of one module."""

    counts: Counter[str] = field(default_factory=Counter)
    survivors: list[str] = field(default_factory=list)

    @property
    def total(self) -> int:
        """How many mutants were run."""
        return self.counts.total()

    @property
    def percent(self) -> float:
        """The share of mutants that a test noticed; a time-out is noticed, too."""
        return 100 * (1 - len(self.survivors) / self.total) if self.total else 100.0


def prepare(folder: Path) -> None:
    """Lay out sources, tests and settings as mutmut expects them."""
    folder.mkdir(parents=True, exist_ok=True)
    for source, name in _COPIES.items():
        target = folder / name
        if (_ROOT / source).is_file():
            shutil.copy2(_ROOT / source, target)
            continue
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(_ROOT / source, target, ignore=shutil.ignore_patterns("__pycache__"))


def scores(folder: Path) -> dict[str, Score]:
    """Read the results of the mutants that have been run, by module."""
    found: dict[str, Score] = {}
    package = folder / "mutants" / "src" / _PACKAGE
    for file in sorted(package.rglob("*.py.meta")):
        module = ".".join(file.relative_to(package).parts).removesuffix(".py.meta")
        score = Score()
        for mutant, status in json.loads(file.read_text())["exit_code_by_key"].items():
            outcome = status_by_exit_code[status]
            if outcome in _UNNOTICED:
                score.survivors.append(mutant)
            elif outcome not in _NOTICED:
                continue
            score.counts[outcome] += 1
        if score.total:
            found[module] = score
    return found


def report(found: dict[str, Score], console: Console) -> None:
    """Print a row per module, and the mutants that no test noticed."""
    table = Table("module", "mutants", *_UNNOTICED, "score")
    for module, score in found.items():
        counts = [str(score.counts[outcome]) for outcome in _UNNOTICED]
        table.add_row(module, str(score.total), *counts, f"{score.percent:.1f} %")
    console.print(table)
    for score in found.values():
        for mutant in score.survivors:
            console.print(mutant, highlight=False, soft_wrap=True)
    console.print(f"Show a mutant: cd {_FOLDER.relative_to(_ROOT)} && mutmut show NAME")


def main() -> int:
    """Run mutmut for the modules given, or for all that are configured."""
    parser = argparse.ArgumentParser(description=__doc__, prog="benchmarks.mutation")
    parser.add_argument("modules", nargs="*", help="such as identity or families.openai; all")
    parser.add_argument("--jobs", type=int, default=1, help="processes at once")
    parser.add_argument("--survivors", action="store_true", help="only those of the last run")
    arguments = parser.parse_args()
    prepare(_FOLDER)
    mutants = [f"{_PACKAGE}.{module}.x*" for module in arguments.modules]
    if arguments.survivors:
        before = _scores_of(arguments.modules)
        mutants = [mutant for score in before.values() for mutant in score.survivors]
    status = 0
    if mutants or not arguments.survivors:
        mutmut = Path(sys.executable).with_name("mutmut")
        command = [str(mutmut), "run", "--max-children", str(arguments.jobs), *mutants]
        status = subprocess.run(command, cwd=_FOLDER, check=False).returncode
    report(_scores_of(arguments.modules), Console())
    return status


def _scores_of(modules: list[str]) -> dict[str, Score]:
    """The scores of these modules, or of all that have any."""
    found = scores(_FOLDER)
    return {name: score for name, score in found.items() if name in (modules or found)}


if __name__ == "__main__":
    sys.exit(main())
