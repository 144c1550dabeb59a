"""Ask Bedrock: a verdict of each recommended model, and where geographic profiles route to."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

from benchmarks.smoke_aws.findings import Finding, compared, unknown
from inference_monitor.config.models import ModelTable, model_table
from inference_monitor.config.specs import InferenceParameters
from inference_monitor.scoring.judge.client import Judge, bedrock_client
from inference_monitor.scoring.judge.probe import Probed, probe
from stacks.judge_models import GEOGRAPHIES

_EXPECTED = "one verdict"


def verdicts() -> Iterator[Finding]:
    """One small question to each living model that `models.yaml` recommends."""
    table = model_table()
    judge = Judge(bedrock_client(1), models=table)
    for model in table.living(datetime.now(UTC).date()):
        yield _row(probe(judge, model, InferenceParameters()), table)


def geographies(session: Any) -> Iterator[Finding]:
    """The Regions that this Region's geographic profiles route to, beside those we grant."""
    bedrock = session.client("bedrock")
    expected = "every Region that a profile routes to is granted"
    pages = bedrock.get_paginator("list_inference_profiles").paginate(typeEquals="SYSTEM_DEFINED")
    routed: dict[str, set[str]] = defaultdict(set)
    example: dict[str, str] = {}
    for page in pages:
        for profile in page.get("inferenceProfileSummaries", ()):
            geography = str(profile["inferenceProfileId"]).partition(".")[0]
            if "anthropic" in profile["inferenceProfileId"]:
                example[geography] = profile["inferenceProfileId"]
            routed[geography] |= {m["modelArn"].split(":")[3] for m in profile["models"]}
    named = {name: regions - {""} for name, regions in routed.items() if name != "global"}
    if not named:
        yield unknown(f"geographic profiles in {session.region_name}", expected,
                      "this Region has no geographic profile")  # fmt: skip
    for geography, regions in sorted(named.items()):
        lacking = sorted(regions - set(GEOGRAPHIES.get(geography, ())))
        yield compared(
            f"profiles `{geography}.` in {session.region_name}", not lacking, expected=expected,
            found=f"not granted: {', '.join(lacking)}" if lacking else ", ".join(sorted(regions)),
            means="A judge with this profile is refused when it is routed there: add the Regions "
            "to `GEOGRAPHIES` in stacks/judge_models.py.",
            regions=sorted(regions), profile=example.get(geography),
        )  # fmt: skip
    judge = Judge(bedrock_client(1), models=model_table())
    for geography in sorted(named.keys() & example.keys()):
        found = probe(judge, f"bedrock:/{example[geography]}", InferenceParameters())
        yield _row(found, model_table())


def batch_job(create: Callable[[], str], state: Callable[[str], tuple[str, str]],
              wait: Callable[[], bool]) -> Finding:  # fmt: skip
    """Create a batch job and see whether it gets past Bedrock's validation of role and model."""
    check, expected = "batch job in the deployed role", "validated, then scheduled or in progress"
    job = create()
    while True:
        status, message = state(job)
        if status not in ("Submitted", "Validating"):
            break
        if not wait():
            return unknown(check, expected, f"still {status}")
    return compared(
        check, status not in ("Failed", "Expired"), expected=expected,
        found=f"{status} {message}".strip(),
        means="`backfill --batch` fails: see the message for the action or the model it lacks.",
    )  # fmt: skip


def _row(probed: Probed, table: ModelTable) -> Finding:
    answer = probed.answer
    cost = answer.cost(table, probed.model_id) if answer else None
    by = answer.way if answer else None
    found = probed.problem or f"a verdict by {by}"
    return compared(
        f"judge: {probed.model_id}", probed.problem is None, expected=_EXPECTED,
        found=f"{found}; {probed.refusals} refusals, {probed.seconds:.1f} s",
        means="This model cannot judge here: ask for access, or correct its row in models.yaml.",
        by=str(by), left_out=probed.left_out, refusals=probed.refusals, code=probed.code,
        thinks=probed.thinks, cost_usd=cost,
    )  # fmt: skip
