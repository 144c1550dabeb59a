"""The MLflow server, the stand-in judge and the workers, and one run of one way on them."""

from __future__ import annotations

import time
from collections.abc import Iterable
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

from benchmarks.scoring.criteria import texts
from benchmarks.scoring.measured import Measured, Way
from benchmarks.scoring.records import make_records, write_captures
from benchmarks.scoring.requests_seen import AccessLog
from benchmarks.scoring.stored import fully_scored
from benchmarks.scoring.warm_up import warm_up
from benchmarks.scoring.worker import Order
from benchmarks.scoring.worker_process import WorkerProcess, start_ours, start_reference
from inference_monitor.config.models import DEFAULT_JUDGE
from inference_monitor.config.scorers import load_scorers
from inference_monitor.scoring.build import SCORERS_FILE
from local.judge.server import Behaviour, StandInJudge, Stats
from local.mlflow_server import MlflowServer

JUDGE_SECONDS = 0.5
MLFLOW_WORKERS = 4
"""What `mlflow server` starts unless it is told otherwise."""
MODEL = DEFAULT_JUDGE
SETTLE_SECONDS, IDLE_SHARE = 1.0, 0.05
_JUDGING = {Way.REFERENCE: "", Way.PANEL: "panel", Way.EACH: "each"}


class Bench:
    """Everything that has to run; a context manager that ends what it has started.

    Args:
        folder: For the database, logs and capture files.
        concurrency: Judge calls of ours in flight at once.
    """

    def __init__(self, folder: Path, concurrency: int) -> None:
        self._folder = folder
        self._concurrency = concurrency
        self._criteria = texts(load_scorers(SCORERS_FILE))
        self._numbers = count()
        self._ends = ExitStack()

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self._ends.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._ends.close()

    def order(self, way: Way, records: int, seed: int) -> Order:
        """Write a capture file, and say what is to be done with it, in an experiment of its own."""
        name = f"run-{next(self._numbers)}"
        captures = self._folder / f"{name}.jsonl"
        write_captures(captures, make_records(name, records, seed))
        return {
            "captures": str(captures),
            "experiment": name,
            "mlflow": self._mlflow.url,
            "model": MODEL,
            "criteria": self._criteria,
            "judging": _JUDGING[way],
            "concurrency": self._concurrency,
        }

    def run(self, way: Way, order: Order, *, again: bool = False) -> Measured:
        """Carry out an order, and count what the servers saw of it."""
        self._settle()
        self._judge.stats = stats = Stats()
        self._log.added()
        used_before = self._server_cpu()
        outcome = self._worker(way).ask(order)
        used = self._server_cpu() - used_before
        requests = self._log.added()
        return Measured(
            way=way,
            again=again,
            records=len(Path(order["captures"]).read_text().splitlines()),
            scored=fully_scored(self._mlflow.url, order["experiment"]),
            **outcome,
            server_cpu_seconds=used,
            judge_calls=stats.calls,
            input_tokens=stats.input_tokens,
            output_tokens=stats.output_tokens,
            in_flight=stats.max_in_flight,
            requests=requests.total,
            writes=requests.writes,
        )

    def _server_cpu(self) -> float:
        """The time of a core that MLflow's processes have used since they started."""
        return _cpu(psutil.Process(self._mlflow.pid).children(recursive=True))

    def _settle(self) -> None:
        """Wait until nothing works on after the run before; its time would be counted as ours."""
        before = float("-inf")
        everything = psutil.Process().children(recursive=True)
        while (now := _cpu(everything)) > before + IDLE_SHARE * SETTLE_SECONDS:
            before = now
            time.sleep(SETTLE_SECONDS)

    def _worker(self, way: Way) -> WorkerProcess:
        return self._reference if way == Way.REFERENCE else self._ours

    def _start(self) -> None:
        log = self._folder / "mlflow.log"
        self._mlflow = MlflowServer(self._folder / "mlflow", log, workers=MLFLOW_WORKERS)
        self._ends.callback(self._mlflow.stop)
        self._judge = StandInJudge(Behaviour(latency=JUDGE_SECONDS)).start()
        self._ends.callback(self._judge.stop)
        self._reference = start_reference(self._judge.url, self._folder / "reference.log")
        self._ends.callback(self._reference.stop)
        self._ours = start_ours(self._judge.url, self._folder / "ours.log")
        self._ends.callback(self._ours.stop)
        self._mlflow.wait()
        warm_up(self._mlflow.url)
        self._log = AccessLog(log)


def _cpu(processes: Iterable[psutil.Process]) -> float:
    return sum(sum(process.cpu_times()[:2]) for process in processes)
