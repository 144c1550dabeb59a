"""`python -m benchmarks.large_file [RECORDS [BYTES]]`: how the function takes a very large file.

Real are the template, the function's workers and their signed requests; emulated are S3, DynamoDB
and Step Functions; stubbed are MLflow's answers. Ends with status 1 when a record is lost or there
twice, or a worker takes more than 450 MB; the last line is JSON.
"""

from __future__ import annotations

import json
import shutil
import signal
import sys
import time
from dataclasses import asdict, dataclass

from benchmarks.large_file.stub import StubMlflow
from benchmarks.reliability.captures import Captures, failed
from benchmarks.reliability.executions import Executions
from benchmarks.reliability.rows.records import MOST_RESIDENT_MB
from benchmarks.reliability.trial import Trial
from benchmarks.reliability.workers import peak_megabytes, workers
from inference_monitor.ledger import ledger_key
from local.chain import Chain
from local.settings import ENVIRONMENTS, ChainSettings

RECORDS = 100_000
# As much of it is the prompt; with its envelope a record has 3,000.
PROMPT_BYTES = 2_560
POLL_SECONDS = 2
WAIT_SCALE = 0.02
FOLDER = ENVIRONMENTS / "large-file"


@dataclass(frozen=True)
class Figures:
    """What is printed; `peak_mb` is the most that a worker had resident, at three moments."""

    records: int
    megabytes: float
    seconds: float
    records_per_second: float
    workers: int
    peak_mb_after_a_tenth: float
    peak_mb_after_half: float
    peak_mb: float
    lost: int
    written_twice: int
    balanced: bool

    @property
    def good(self) -> bool:
        """Whether nothing is lost or double, and memory stayed flat."""
        whole = self.balanced and not (self.lost or self.written_twice)
        return whole and self.peak_mb <= MOST_RESIDENT_MB


def main() -> int:
    """Measure; gives the exit status."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    numbers = [int(argument) for argument in sys.argv[1:]]
    records, size = (numbers + [RECORDS, PROMPT_BYTES][len(numbers) :])[:2]
    stub = StubMlflow().start()
    shutil.rmtree(FOLDER, ignore_errors=True)
    with Chain(ChainSettings(folder=FOLDER, wait_scale=WAIT_SCALE)) as chain:
        chain.mlflow.stop()
        chain.proxy.upstream = stub.url
        figures = _measure(chain, stub, records, size)
    stub.stop()
    print(json.dumps(asdict(figures)))
    return 0 if figures.good else 1


def _measure(chain: Chain, stub: StubMlflow, records: int, size: int) -> Figures:
    deployment = chain.deploy("large", bucket="large-captures", endpoint="large")
    trial = Trial(chain, deployment, Executions(chain, deployment), "large-file")
    captures = Captures()
    # First, so that the reader of Step Functions gives up at once.
    captures.add_broken([b"{broken"])
    captures.lines += failed(trial.endpoint, range(records), size).lines
    megabytes = sum(len(line) + 1 for line in captures.lines) / 1e6
    print(f"{records} records, {megabytes:.0f} MB", flush=True)
    started = time.monotonic()
    key = trial.put(captures)
    tenth, half, end = (_peak_when(trial, stub, key, records * part) for part in (0.1, 0.5, 2))
    seconds = time.monotonic() - started
    results = chain.emulated("s3").get_object(
        Bucket=deployment.results_bucket, Key=ledger_key(deployment.bucket, key)
    )
    ledger = json.loads(results["Body"].read())
    right = (ledger["captured"], ledger["traced"], ledger["quarantined"])
    return Figures(
        records=records,
        megabytes=round(megabytes, 1),
        seconds=round(seconds),
        records_per_second=round(records / seconds, 1),
        workers=len(workers(chain, deployment)),
        peak_mb_after_a_tenth=tenth,
        peak_mb_after_half=half,
        peak_mb=max(tenth, half, end),
        lost=records - stub.records,
        written_twice=stub.again,
        balanced=ledger["balanced"] and right == (records + 1, records, 1),
    )


def _peak_when(trial: Trial, stub: StubMlflow, key: str, records: float) -> float:
    """The most a worker has had resident when so many records are written, or all is over."""
    peak = 0.0
    while True:
        trial.executions.refresh()
        ended = trial.executions.of(key) and "RUNNING" not in trial.executions.of(key).values()
        running = workers(trial.chain, trial.deployment)
        peak = max([peak, *map(peak_megabytes, running)])
        if ended or stub.records >= records:
            print(f"{stub.records} written, peak {peak:.0f} MB", flush=True)
            return round(peak, 1)
        time.sleep(POLL_SECONDS)


if __name__ == "__main__":
    sys.exit(main())
