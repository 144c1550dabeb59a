"""`make demo`: the whole chain on this machine, from capture files to scored traces.

Environment: `CAPTURES` (files and folders, spaces between; default `samples/`), `JUDGE=bedrock` for
the real judge, `ONCE=1` to end when all is done, and `DEPLOY_SETTINGS`. Exit status 1 when
something does not add up.
"""

from __future__ import annotations

import fcntl
import os
import shlex
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import FrameType

from rich.text import Text

from inference_monitor.config.caps import Caps
from inference_monitor.env_file import check_names
from inference_monitor_cli.terminal import any_output
from local.captures import Captures, CapturesError, find_captures
from local.cdk import CdkError
from local.chain import Chain
from local.processes import StartError
from local.run import Run, RunError
from local.sample_days import copy_for_day
from local.scores import Experiment
from local.screen import Screen
from local.settings import (
    ENVIRONMENTS,
    ROOT,
    ChainSettings,
    MissingCredentialsError,
    with_real_judge,
)
from local.summary import RunSummary

STACK_PREFIX = "demo"
BUCKET = "demo-data-capture"
FOLDER = "data-capture"
"""Where the endpoint's data capture is told to write."""
ENDPOINT = "demo-endpoint"
PREFIX = f"{FOLDER}/{ENDPOINT}"
"""Where its files come to lie, as SageMaker lays them out; the deployment looks this up."""
EXPERIMENT = "inference-monitor-demo"
DEPLOY_SETTINGS = ("BEDROCK_MODEL_ID", "JUDGE_BUDGET_USD_PER_DAY", "JUDGE_BUDGET_USD_PER_RUN")
"""Those that the demo takes from its environment."""
NO_ENV_FILE = Path(os.devnull)
"""A developer's own settings stay out of the demo."""


class UsageError(Exception):
    """The demo is started in a way it does not know."""


def main() -> None:
    """Run the demo as the environment says; ends the process with its exit status."""
    # A shell that starts it in the background lets it ignore what somebody may send all the same.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for ending in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(ending, _end)
    screen = Screen()
    try:
        problems = demo(screen)
    except (
        CapturesError, CdkError, MissingCredentialsError, RunError, StartError, UsageError
    ) as error:  # fmt: skip
        screen.console.print(Text(f"✗ {error}", "red"), soft_wrap=True)
        sys.exit(1)
    except KeyboardInterrupt:
        screen.console.print("ended")
        sys.exit(130)
    sys.exit(1 if problems else 0)


def demo(screen: Screen) -> list[str]:
    """Run the chain over the captures; gives what does not add up."""
    settings = _settings()
    if misspelt := check_names(DEPLOY_SETTINGS, os.environ, NO_ENV_FILE):
        raise UsageError("\n".join(misspelt))
    with _only_one(settings.folder):
        captures = find_captures(_paths(settings.folder), PREFIX)
        screen.welcome(settings.judge, captures)
        with ExitStack() as ends:
            started = time.monotonic()
            with screen.phase("start", "emulated AWS, proxy and judge"):
                chain = ends.enter_context(Chain(settings))
            ends.callback(signal.signal, signal.SIGINT, signal.SIG_IGN)  # end undisturbed
            summary = _process(screen, chain, captures)
            summary.seconds |= _whole_time(started)
            summary.write(settings.folder / "summary.json")
            if not os.environ.get("ONCE"):
                _stay(screen, chain, summary)
    return summary.problems()


def _process(screen: Screen, chain: Chain, captures: Captures) -> RunSummary:
    given = {name: os.environ[name] for name in DEPLOY_SETTINGS if os.environ.get(name)}
    with screen.phase("deploy", "cdk synth, bootstrap, deploy"):
        chain.make_endpoint(ENDPOINT, f"s3://{BUCKET}/{FOLDER}")
        deployment = chain.deploy(
            STACK_PREFIX,
            bucket=BUCKET,
            endpoint=ENDPOINT,
            MLFLOW_EXPERIMENT_NAME=EXPERIMENT,
            # The samples, and what somebody brings along, are of any number of endpoints.
            **given,
        )
    screen.caps(Caps.of(deployment.settings), chain.settings.judge)
    with screen.phase("mlflow", "MLflow server"):
        chain.mlflow.wait()
    experiment = Experiment(chain.mlflow.url, EXPERIMENT)
    before = experiment.count()
    run = Run.of(chain, deployment, captures.files)
    with screen.progress(run) as show:
        run.follow(show)
    with screen.phase("report", "scores from MLflow"):
        scores = experiment.scores({one.uri for one in run.files})
        new = experiment.count() - before
    summary = RunSummary(run.files, new, chain.mlflow.url, chain.settings.logs, screen.seconds)
    screen.ledger(summary)
    screen.scores(scores, chain.settings.judge)
    screen.outcome(summary, scores)
    screen.story(
        summary=summary,
        highlights=experiment.highlights({one.uri for one in run.files}),
        judge=chain.settings.judge,
        experiment=f"{chain.mlflow.url}/#/experiments/{experiment.id}",
    )
    return summary


def _stay(screen: Screen, chain: Chain, summary: RunSummary) -> None:
    """Keep MLflow's UI and the emulated AWS up until Ctrl-C."""
    experiment = Experiment(summary.mlflow_uri, EXPERIMENT).id
    # Captures of yours may be older than the week that the page shows by default.
    traces = f"{summary.mlflow_uri}/#/experiments/{experiment}/traces?startTimeLabel=ALL"
    with suppress(KeyboardInterrupt):  # from the first word on that names Ctrl-C
        screen.stay(traces, chain.aws.url)
        signal.pause()


def _settings() -> ChainSettings:
    judge = os.environ.get("JUDGE") or "stand-in"
    folder = Path(os.environ.get("DEMO_FOLDER") or ENVIRONMENTS)
    match judge:
        case "stand-in":
            return ChainSettings(folder=folder)
        case "bedrock":
            return with_real_judge(folder)
    raise UsageError(f"JUDGE={judge}: use JUDGE=bedrock, or leave it out for the stand-in")


def _paths(folder: Path) -> list[Path]:
    """The captures that are wanted; the samples as if they were of yesterday."""
    given = shlex.split(os.environ.get("CAPTURES", ""))
    if given:
        return [Path(path).expanduser() for path in given]
    yesterday = datetime.now(UTC).date() - timedelta(days=1)
    return [copy_for_day(ROOT / "samples", folder / "samples", yesterday)]


def _whole_time(started: float) -> dict[str, float]:
    """Seconds before and in all, counted from when make began, where that is known."""
    total = time.monotonic() - started
    if "DEMO_STARTED" not in os.environ:
        return {"total": total}
    since_make = time.time() - float(os.environ["DEMO_STARTED"])
    return {"install": since_make - total, "total": since_make}


@contextmanager
def _only_one(folder: Path) -> Iterator[None]:
    """Two at once would share one database and write each other's logs."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "demo.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise UsageError(f"another demo is running in {folder}: end it with Ctrl-C") from None
        yield


def _end(number: int, _frame: FrameType | None) -> None:
    sys.exit(128 + number)


if __name__ == "__main__":
    with any_output():
        main()
