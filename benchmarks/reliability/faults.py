"""The table of faults: what is made to happen, where, and in which selections."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.reliability.rows import (
    aws_faults,
    deliveries,
    judge_faults,
    mlflow_faults,
    redrives,
    refusals,
    worker_faults,
)
from benchmarks.reliability.rows import (
    records as of_records,
)
from benchmarks.reliability.trial import Trial
from local.faults import Fault as Answer


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


DENIED = {"error_code": "PERMISSION_DENIED", "message": "Permission denied"}
SPANS_FAIL = (
    ("401", "401", Answer(401)),
    ("403", "403", Answer(403)),
    ("403-of-mlflow", "403 with MLflow's error code", Answer(403, body=DENIED)),
    ("405", "405", Answer(405)),
    ("500", "500", Answer(500)),
    ("503", "503", Answer(503)),
    ("no-answer", "no answer in time", Answer(delay=40, status=504)),
    ("lost", "accepted and lost", Answer(200)),
)

FAULTS = (
    Fault("worker-judging", "worker killed while it judges", worker_faults.killed_while_judging,
          everywhere=True),
    Fault("worker-writing", "all workers killed while they write",
          worker_faults.killed_while_writing, everywhere=True),
    Fault("out-of-time", "judge too slow for the function's deadline", worker_faults.out_of_time,
          hurried=True),
    Fault("out-of-time-range", "the same while it reads a file itself",
          worker_faults.out_of_time_in_a_range, hurried=True),
    Fault("ended-writing", "function ended by Lambda while it writes", worker_faults.slow_store,
          hurried=True),
    Fault("mlflow-killed", "MLflow killed mid-file, started again", mlflow_faults.killed,
          everywhere=True),
    Fault("mlflow-500", "MLflow answers half of all requests 500", mlflow_faults.failing,
          everywhere=True),
    Fault("mlflow-503", "MLflow answers 503", mlflow_faults.overloaded),
    Fault("mlflow-answers-lost", "MLflow writes, its answers are lost", mlflow_faults.answers_lost,
          everywhere=True),
    Fault("mlflow-slow", "MLflow takes 2 s for every answer", mlflow_faults.slow),
    Fault("mlflow-too-late", "requests arrive after they were given up", mlflow_faults.too_late),
    Fault("mlflow-pool", "MLflow's database connections used up, answered 400",
          mlflow_faults.pool_used_up, everywhere=True),
    Fault("mlflow-no-spans", "MLflow has no /v1/traces", mlflow_faults.spans_fail(Answer(404)),
          everywhere=True),
    *(
        Fault(f"spans-{name}", f"spans fail: {what}", mlflow_faults.spans_fail(answer))
        for name, what, answer in SPANS_FAIL
    ),
    Fault("mlflow-away", "MLflow away past all retries, run started again",
          mlflow_faults.away_for_long, everywhere=True),
    Fault("mlflow-away-redrive", "MLflow away past all retries, execution redriven",
          redrives.away_for_long),
    Fault("judge-throttling", "judge throttles 30 % of calls", judge_faults.throttling,
          everywhere=True),
    Fault("judge-down", "judge down for a while", judge_faults.down),
    Fault("judge-away", "judge down past all retries, run started again",
          judge_faults.down_for_long, everywhere=True),
    Fault("judge-nonsense", "judge answers in prose, run started again", judge_faults.nonsense),
    Fault("judge-hanging", "judge never answers for a while", judge_faults.hanging),
    Fault("judge-dead", "judge at its end of life, scores backfilled", refusals.dead,
          everywhere=True),
    Fault("judge-no-access", "no access to the judge, run started again", refusals.no_access),
    Fault("judge-declines", "judge declines some contents", refusals.declines,
          everywhere=True),
    Fault("judge-thinks", "judge thinks past its tokens, run started again",
          refusals.thinks_too_long),
    Fault("same-event", "one S3 event 5 times at once", deliveries.same_event,
          everywhere=True),
    Fault("two-invokes", "two direct invokes of a file at once", deliveries.two_invokes,
          everywhere=True),
    Fault("two-prefixes", "two deployments on one endpoint, both busy",
          deliveries.two_prefixes, everywhere=True),
    Fault("started-again", "execution started again when done", deliveries.started_again),
    Fault("whole-day", "every file of a day put again", deliveries.whole_day),
    Fault("large-records", "a record of 5 MB, an answer of 1 MB", of_records.large_records,
          everywhere=True),
    Fault("oversize-reader", "a record above 256 KiB fails the map's reader",
          aws_faults.oversize_fails_the_reader),
    Fault("oversize-limit", "it passes the limit of a child's input",
          aws_faults.oversize_passes_the_limit),
    Fault("oversize-child", "it fails a child of the map", aws_faults.oversize_fails_its_child),
    Fault("function-inactive", "function inactive after weeks without an invocation",
          aws_faults.function_inactive),
    Fault("out-of-memory", "worker out of memory while it judges", aws_faults.out_of_memory),
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
