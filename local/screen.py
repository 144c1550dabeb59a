"""What `make demo` shows: what is real, how far it is, and what came of it."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from textwrap import wrap
from urllib.parse import quote

from rich.box import SIMPLE
from rich.console import Console
from rich.live import Live
from rich.panel import Panel
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from inference_monitor.config.caps import Caps
from inference_monitor.ledger import Summary
from inference_monitor_cli.terminal import dollars, printable, things
from local.captures import Captures
from local.run import Run
from local.scores import Highlights, ScorerResult
from local.settings import JudgeKind
from local.summary import COUNTS, RunSummary

_REAL = (
    "CDK CLI and the synthesized template · the function's code under awslambdaric · "
    "MLflow server and UI · sagemaker-mlflow plugin, SigV4 signed and checked"
)
_EMULATED = (
    "S3, EventBridge, Step Functions, Lambda, CloudFormation, IAM (ministack and our additions; "
    "IAM is not enforced, the image is not built)"
)
_JUDGES = {
    "stand-in": ("emulated", "the judge: a stand-in with made-up, deterministic verdicts"),
    "bedrock": ("real", "the judge: Amazon Bedrock, with your credentials, at Bedrock's price"),
}
_UUID = re.compile(r"([0-9a-f]{4})[0-9a-f]{4}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
# The counts in the order of COUNTS; short, to leave room for the names of files.
_HEADINGS = ("lines", "traced", "dupl.", "skip.", "quar.", "scored", "unsc.", "judge calls")
_COUNTS_WIDTH = sum(len(heading) + 2 for heading in _HEADINGS) + 4


_NOT_AS_IT_SHOULD_BE = {
    "judge_refused": (
        "inferences are not judged: the judge refuses. Their traces say scoring ="
        " 'judge_refused'; deployed, the alarm judge-refused rings (JudgeRefused above 0)"
    ),
    "budget_exhausted": (
        "inferences were not judged in full: the budget had no room. Their traces say scoring ="
        " 'budget_exhausted'"
    ),
    "judge_unavailable": (
        "inferences are not judged: the judge did not answer. Their traces say scoring ="
        " 'judge_unavailable'"
    ),
    "judge_declined": (
        "inferences the judge would not judge for their content. Their traces say scoring ="
        " 'judge_declined'"
    ),
    "judge_unreadable": "judge calls gave no verdict that can be read",
    "empty_answers": "empty answers took tokens: tags.empty_answer = 'true'",
}
"""What a run may have that looks well otherwise, by the count of it."""


_SHOWN_CHARACTERS = 140
_NEXT = (
    ("See what is scored, and how", ".venv/bin/inference-monitor scorers check"),
    ("Set it up for an endpoint of yours", ".venv/bin/inference-monitor init"),
)


class Screen:
    """Writes to a terminal, or line by line where there is none."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(highlight=False)
        if not self.console.is_terminal:
            self.console.width = 120
        self.seconds: dict[str, float] = {}

    def welcome(self, judge: JudgeKind, captures: Captures) -> None:
        """Say what is about to happen, and what of it is real."""
        kinds = {"real": [_REAL], "emulated": [_EMULATED]}
        kind, says = _JUDGES[judge]
        kinds[kind].append(says)
        grid = Table.grid(padding=(0, 2))
        for name, style in (("real", "bold green"), ("emulated", "bold yellow")):
            grid.add_row(Text(name, style), "\n".join(kinds[name]))
        found = f"{len(captures.files)} files, {captures.lines} records"
        grid.add_row(Text("captures", "bold"), found)
        self.console.print(Panel(grid, title="Inference monitor, without AWS", title_align="left"))
        for path in captures.ignored:
            self.console.print(Text(f"ignored, not .jsonl: {path}", "yellow"))

    def caps(self, caps: Caps, judge: JudgeKind) -> None:
        """Say what judging may cost."""
        free = " (the stand-in costs nothing)" if judge == "stand-in" else ""
        self.console.print(f"What judging may cost: [bold]{caps}[/]{free}")

    @contextmanager
    def phase(self, name: str, doing: str) -> Iterator[None]:
        """Show that something takes a while, and how long it took."""
        start = time.monotonic()
        with self.console.status(doing):
            yield
        self.seconds[name] = time.monotonic() - start
        self.console.print(f"[green]✓[/] {doing} [dim]{self.seconds[name]:.1f} s[/]")

    @contextmanager
    def progress(self, run: Run) -> Iterator[Callable[[Run], None]]:
        """Bars of files and records; gives what to call with the run whenever it has changed."""
        columns = (TextColumn("{task.description:<11}"), BarColumn(40), MofNCompleteColumn())
        bars = Progress(*columns, TimeElapsedColumn(), TextColumn("{task.fields[note]}"))
        files = bars.add_task("files", total=len(run.files), note="")
        lines = sum(one.file.lines for one in run.files)
        records = bars.add_task("records", total=lines, note="")

        def show(run: Run) -> None:
            ended = len(run.files) - run.count("WAITING", "PUT", "RUNNING")
            failed = ended - run.count("SUCCEEDED")
            note = f"{run.count('RUNNING')} executions running" + (
                f", {failed} failed" * bool(failed)
            )
            bars.update(files, completed=ended, note=note)
            judge = run.chain.judge
            calls = f"{judge.stats.answered} verdicts" if judge else ""
            bars.update(records, completed=sum(r.records_done for r in run.files), note=calls)

        start = time.monotonic()
        with Live(bars, console=self.console, refresh_per_second=5):
            yield show
        self.seconds["process"] = time.monotonic() - start

    def ledger(self, summary: RunSummary) -> None:
        """What became of every line, file by file."""
        table = Table(title="Ledger", title_justify="left", box=SIMPLE, padding=(0, 1, 0, 0))
        table.add_column("capture file", no_wrap=True)
        for heading in _HEADINGS:
            table.add_column(heading, justify="right", no_wrap=True)
        room = max(self.console.width - _COUNTS_WIDTH, 12)
        for run in summary.files:
            counts = [str(getattr(run.ledger, name)) if run.ledger else "-" for name in COUNTS]
            failed = "" if run.status == "SUCCEEDED" else "bold red"
            table.add_row(Text(_short(run.file.key, room), failed), *counts)
        table.add_section()
        totals = [str(getattr(summary.totals, name)) for name in COUNTS]
        table.add_row(f"{len(summary.files)} files", *totals, style="bold")
        self.console.print(table)

    def scores(self, results: Mapping[str, ScorerResult], judge: JudgeKind) -> None:
        """How each scorer has scored the traces of these files, as MLflow has it."""
        caption = "verdicts of the stand-in judge, made up" if judge == "stand-in" else None
        table = Table(title="Scores in MLflow", title_justify="left", box=SIMPLE, caption=caption)
        table.add_column("scorer")
        for name in ("assessments", "errors", "mean"):
            table.add_column(name, justify="right")
        table.add_column("values")
        for name, result in sorted(results.items()):
            mean = "" if result.mean is None else f"{result.mean:.1f}"
            values = " · ".join(f"{label} {n}" for label, n in result.labels.most_common())
            table.add_row(name, str(result.count), str(result.errors or ""), mean, values)
        self.console.print(table)

    def outcome(self, summary: RunSummary, scores: Mapping[str, ScorerResult]) -> None:
        """Say whether everything adds up, and if not, what does not; and what is not judged."""
        totals, problems = summary.totals, summary.problems()
        for problem in problems:
            self.console.print(Text(f"✗ {problem}", "red"), soft_wrap=True)
        if problems:
            return
        for name, meaning in _NOT_AS_IT_SHOULD_BE.items():
            if count := getattr(totals, name):
                self.console.print(Text.assemble((f"{count} ", "yellow"), meaning), soft_wrap=True)
        for reason, count in _reasons(scores).most_common(3):
            self.console.print(Text(f"  {count} assessments: {reason}", "dim"), soft_wrap=True)
        if totals.traced == 0 and totals.judge_calls == 0:
            self.console.print(
                "[bold green]Nothing new written:[/] MLflow had every one of these inferences."
            )
        parts = " + ".join(f"{getattr(totals, name)} {name}" for name in COUNTS[1:5])
        self.console.print(
            f"[bold green]The ledger balances:[/] {totals.captured} captured = {parts}"
        )

    def story(
        self, *, summary: RunSummary, highlights: Highlights, judge: JudgeKind, experiment: str
    ) -> None:
        """Say what has happened, what to click, what to filter by, its price, and what is next.

        `experiment` is the address of the experiment in MLflow's UI.
        """
        totals = summary.totals
        self._heading("What just happened")
        self._say(
            f"{things(len(summary.files), 'capture file')} went into S3, as an endpoint writes "
            f"them. Each started a workflow. They held {totals.captured} records: "
            f"{totals.traced} became new traces, {totals.duplicate} were there already, "
            f"{totals.skipped} were no inferences and {totals.quarantined} could not be read. A "
            f"judge scored {totals.scored} answers in {totals.judge_calls} calls."
        )
        self._heading("Click")
        trace, session = "traces?startTimeLabel=ALL&selectedEvaluationId={}", "chat-sessions/{}"
        for name, found, address in (
            ("a failed inference", highlights.failed, trace),
            ("a low score", highlights.badly_scored, trace),
            ("a conversation", highlights.conversation, session),
        ):
            if found:
                self._say(f"{name}: {printable(found.shows)[:_SHOWN_CHARACTERS]}")
                # A link is never broken: a terminal opens one line only.
                link = f"{experiment}/{address.format(quote(found.id, safe=''))}"
                self.console.print(Text(f"  {link}", "cyan"), soft_wrap=True)
        self._heading("Filter the traces (paste into the search box)")
        for filter_string in _filters(summary, highlights):
            # Whole, so that it can be copied.
            self.console.print(Text(f"  {filter_string}"), soft_wrap=True)
        self._heading("Price")
        self._say(_price(totals, judge))
        self._heading("Next")
        for purpose, command in _NEXT:
            self._say(f"{purpose}:")
            self.console.print(Text(f"    {command}", "cyan"), soft_wrap=True)

    def _heading(self, text: str) -> None:
        self.console.print(Text(f"\n{text}", "bold"))

    def _say(self, text: str) -> None:
        """A paragraph, indented, broken between words."""
        for line in wrap(text, self.console.width - 2):
            self.console.print(Text(f"  {line}"), soft_wrap=True)

    def stay(self, mlflow_ui: str, aws: str) -> None:
        """Say where everything is as long as it is up."""
        self.console.print(f"\n[bold]MLflow UI[/]     {mlflow_ui}", soft_wrap=True)
        self.console.print(f"[bold]emulated AWS[/]  {aws} [dim](any credentials)[/]")
        self.console.print("Ctrl-C ends everything")


def _filters(summary: RunSummary, highlights: Highlights) -> Iterator[str]:
    """Filters of README's table, those that find something in this run."""
    if highlights.failed:
        yield "status = 'ERROR'"
    if highlights.endpoint:
        yield f"tags.endpoint = '{highlights.endpoint}'"
    if summary.totals.empty_answers:
        yield "tags.empty_answer = 'true'"
    if highlights.conversation and "'" not in highlights.conversation.id:
        yield f"metadata.`mlflow.trace.session` = '{highlights.conversation.id}'"


def _price(totals: Summary, judge: JudgeKind) -> str:
    """What the judge's calls cost, or would have cost."""
    if not totals.judge_calls:
        return "No judge was called in this run: what is scored already costs nothing again."
    calls, cost = things(totals.judge_calls, "judge call"), dollars(totals.judge_cost_usd)
    if not totals.judge_cost_usd:
        return f"{calls}; the price of the judge's model is not known."
    if judge == "bedrock":
        return f"{calls} on Bedrock cost about {cost}."
    return f"{calls} would have cost about {cost} on Bedrock; the stand-in judge is free."


def _reasons(scores: Mapping[str, ScorerResult]) -> Counter[str]:
    """Why assessments are errors, with how many are."""
    return sum((result.reasons for result in scores.values()), Counter[str]())


def _short(key: str, room: int) -> str:
    """A key without most of its UUID, and of a long one the end, with its day, hour and time."""
    short = _UUID.sub(r"\1…", key)
    return short if len(short) <= room else f"…{short[-room + 1 :]}"
