"""The table of faults: what is made to happen, where, and in which selections."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.reliability.rows import (
    of_deliveries,
    of_judge,
    of_mlflow,
    of_records,
    of_redrives,
    of_refusals,
    of_workers,
)
from benchmarks.reliability.trial import Trial


@dataclass(frozen=True, slots=True)
class Fault:
    """A row of the table.

    `everywhere`: also on the other servers and databases. `hurried`: on a deployment whose function
    has a minute.
    """

    name: str
    what: str
    happens: Callable[[Trial], str]
    everywhere: bool = False
    hurried: bool = False


FAULTS = (
    Fault("worker-judging", "worker killed while it judges", of_workers.killed_while_judging,
          everywhere=True),
    Fault("worker-writing", "all workers killed while they write", of_workers.killed_while_writing,
          everywhere=True),
    Fault("out-of-time", "judge too slow for the function's deadline", of_workers.out_of_time,
          hurried=True),
    Fault("out-of-time-range", "the same while it reads a file itself",
          of_workers.out_of_time_in_a_range, hurried=True),
    Fault("ended-writing", "function ended by Lambda while it writes", of_workers.slow_store,
          hurried=True),
    Fault("mlflow-killed", "MLflow killed mid-file, started again", of_mlflow.killed,
          everywhere=True),
    Fault("mlflow-500", "MLflow answers half of all requests 500", of_mlflow.failing,
          everywhere=True),
    Fault("mlflow-503", "MLflow answers 503", of_mlflow.overloaded),
    Fault("mlflow-answers-lost", "MLflow writes, its answers are lost", of_mlflow.answers_lost,
          everywhere=True),
    Fault("mlflow-slow", "MLflow takes 2 s for every answer", of_mlflow.slow),
    Fault("mlflow-too-late", "requests arrive after they were given up", of_mlflow.too_late),
    Fault("mlflow-no-spans", "MLflow refuses /v1/traces", of_mlflow.without_spans,
          everywhere=True),
    Fault("mlflow-away", "MLflow away past all retries, run started again",
          of_mlflow.away_for_long, everywhere=True),
    Fault("mlflow-away-redrive", "MLflow away past all retries, execution redriven",
          of_redrives.away_for_long),
    Fault("judge-throttling", "judge throttles 30 % of calls", of_judge.throttling,
          everywhere=True),
    Fault("judge-down", "judge down for a while", of_judge.down),
    Fault("judge-away", "judge down past all retries, run started again", of_judge.down_for_long,
          everywhere=True),
    Fault("judge-nonsense", "judge answers in prose, run started again", of_judge.nonsense),
    Fault("judge-hanging", "judge never answers for a while", of_judge.hanging),
    Fault("judge-dead", "judge at its end of life, scores backfilled", of_refusals.dead,
          everywhere=True),
    Fault("judge-no-access", "no access to the judge, run started again", of_refusals.no_access),
    Fault("judge-declines", "judge declines some contents", of_refusals.declines,
          everywhere=True),
    Fault("judge-thinks", "judge thinks past its tokens, run started again",
          of_refusals.thinks_too_long),
    Fault("same-event", "one S3 event 5 times at once", of_deliveries.same_event,
          everywhere=True),
    Fault("two-invokes", "two direct invokes of a file at once", of_deliveries.two_invokes,
          everywhere=True),
    Fault("two-prefixes", "two deployments on one endpoint, both busy",
          of_deliveries.two_prefixes, everywhere=True),
    Fault("started-again", "execution started again when done", of_deliveries.started_again),
    Fault("whole-day", "every file of a day put again", of_deliveries.whole_day),
    Fault("large-records", "a record of 5 MB, an answer of 1 MB", of_records.large_records,
          everywhere=True),
    Fault("hostile-lines", "garbage, NUL, lone surrogates, long tags", of_records.hostile_lines,
          everywhere=True),
    Fault("many-files", "many small files", of_records.many_files),
    Fault("large-file", "one large file, in ranges", of_records.large_file),
)  # fmt: skip


def named(names: list[str]) -> list[Fault]:
    """The faults of these names; all of them when there are no names.

    Raises:
        KeyError: If there is no such fault; says which there are.
    """
    by_name = {fault.name: fault for fault in FAULTS}
    if unknown := set(names) - by_name.keys():
        raise KeyError(f"no fault {', '.join(sorted(unknown))}; there are {', '.join(by_name)}")
    return [by_name[name] for name in names] if names else list(FAULTS)
