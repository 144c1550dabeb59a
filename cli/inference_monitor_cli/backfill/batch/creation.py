"""Have what is missing judged by batch jobs: one for each model, or as many as its limits ask."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from io import BytesIO

from inference_monitor.config.scorers import ScorersConfig
from inference_monitor.config.specs import bedrock_model_id
from inference_monitor.scoring.batch.jobs import LEAST_RECORDS
from inference_monitor.scoring.batch.manifest import Manifest
from inference_monitor.scoring.judge.client import Judge
from inference_monitor.scoring.judge.probe import probe
from inference_monitor.scoring.judge.requests import JudgeRequest, Terms
from inference_monitor_cli.backfill.batch.jobs import BatchJobs
from inference_monitor_cli.backfill.batch.spool import Spool
from inference_monitor_cli.problems import CommandError

# A first answer may show that a model thinks; the effort that is asked for then may be refused.
_MOST_PROBES = 3


def too_few(spool: Spool) -> list[str]:
    """A line for each model that has too little to do for a job."""
    return [
        f"{count} calls to {bedrock_model_id(model)}: Bedrock takes batch jobs of {LEAST_RECORDS} "
        "records and more; leave out --batch to have them judged now"
        for model, count in spool.counts.items()
        if count < LEAST_RECORDS
    ]


def find_terms(judge: Judge, spool: Spool) -> dict[str, Terms]:
    """What each model takes, asked once before a job is paid for that it would refuse.

    Raises:
        CommandError: If a model refuses for good, or gives no verdict. Not where it is only you who
            may not call it: jobs have a role of their own.
    """
    ready = [model for model, count in spool.counts.items() if count >= LEAST_RECORDS]
    for model in ready:
        for kind in spool.kinds(model):
            _find_terms(judge, kind)
    return {model: judge.negotiation.model(bedrock_model_id(model)).terms for model in ready}


def _find_terms(judge: Judge, request: JudgeRequest) -> None:
    """Ask until the model has answered what it would be sent now: an answer may teach more."""
    known = judge.negotiation.model(request.model_id)
    for _ in range(_MOST_PROBES):
        probed = probe(judge, request.model, request.parameters, in_words=True)
        if probed.problem and probed.code != "AccessDeniedException":
            raise CommandError(f"no batch job for {request.model}: {probed.problem}")
        if probed.problem or known.has_answered(request):
            return


def create_jobs(
    jobs: BatchJobs,
    spool: Spool,
    *,
    terms: Mapping[str, Terms],
    config: ScorersConfig,
    default_model: str,
    prefix: str,
) -> Iterator[str]:
    """Create the jobs of the models in `terms`; gives the name of each as soon as it is there.

    Raises:
        ClientError: If Bedrock refuses one; those before it run.
    """
    # Names have 63 characters at most; a prefix may have 30.
    run = f"judge-{prefix}-{datetime.now(UTC):%Y%m%dT%H%M%S}"
    number = 0
    for model, taken in terms.items():
        for part in spool.parts(model, taken):
            number += 1
            job = f"{run}-{number}"
            head = Manifest(job, default_model, config, {}).head().encode() + b"\n"
            jobs.create(job, model, BytesIO(head + part.asked.read()), part.records)
            yield job
