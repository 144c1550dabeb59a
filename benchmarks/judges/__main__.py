"""`python -m benchmarks.judges [MODEL…]`: does every judge model give verdicts, and at what price?

Asks every living model of the stand-in's table, models that exist nowhere, and ARNs that say
nothing of the model behind them, in every way that the monitor asks. Exit status 1 when a verdict
is missing, or a model refused more often than `MOST_REFUSALS` in a process.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from benchmarks.judges.matrix import AT_ONCE, MOST_REFUSALS, WAYS, Cell, ask, kind, model_ids


def main(arguments: Sequence[str]) -> int:
    """Ask; gives the exit status."""
    rows = [[ask(model_id, way) for way in WAYS] for model_id in arguments or model_ids()]
    console = Console(width=None if sys.stdout.isatty() else 160)
    console.print(_table(rows))
    cells = [cell for row in rows for cell in row]
    bad = [cell for cell in cells if not cell.good]
    for cell in bad:
        console.print(f"✗ {cell.model_id}, {cell.way}: {cell.problem or 'refused too often'}",
                      style="red", markup=False)  # fmt: skip
    print(
        f"{len(rows)} models, {len(cells)} runs: {len(cells) - len(bad)} with every verdict and at"
        f" most {MOST_REFUSALS} refusals, {max((c.refusals for c in cells), default=0)} at most"
    )
    return 1 if bad else 0


def _table(rows: Sequence[Sequence[Cell]]) -> Table:
    table = Table(title=f"Verdicts of judge models; {AT_ONCE} calls begin at once in the last way")
    table.add_column("model", overflow="fold")
    table.add_column("")
    for way in WAYS:
        table.add_column(way, justify="center")
        table.add_column("refused", justify="right")
        table.add_column("calls", justify="right")
    for row in rows:
        cells: list[str] = []
        for cell in row:
            mark = "yes" if cell.verdicts == cell.wanted else "[red]no[/red]"
            cells += [mark, str(cell.refusals), str(cell.calls)]
        model_id = row[0].model_id
        name = model_id.rpartition(":")[2] if model_id.startswith("arn:") else model_id
        table.add_row(escape(name), kind(model_id), *cells)
    return table


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
