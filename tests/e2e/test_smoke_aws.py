"""`make smoke-aws`, as it is, on the local chain."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from local.chain import Chain
from local.settings import ROOT, ChainSettings


@pytest.mark.timeout(600)
def test_the_whole_run(tmp_path: Path) -> None:
    """Every step is tried; what the emulation lacks is named; nothing stays behind.

    In a chain of its own: the calls of a person are not those whose permissions others compare.
    """
    with Chain(ChainSettings(folder=tmp_path / "chain", wait_scale=0.02)) as chain:
        chain.mlflow.wait()
        # An account in which somebody has deployed before: it has what the CDK needs.
        chain.deploy("before", bucket="captures-before", endpoint="llm-before")
        check_run(chain, tmp_path / "smoke.md")


def check_run(chain: Chain, report: Path) -> None:
    """Run it, and look at what it reports and leaves."""
    env = {
        **{name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ},
        **chain.aws.environment,
        "AWS_ENDPOINT_URL_BEDROCK": chain.batches.url,
        "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": chain.judge.url if chain.judge else "",
        "SAGEMAKER_MLFLOW_CUSTOM_ENDPOINT": chain.proxy.url,
        "MLFLOW_TRACKING_URI": chain.mlflow_arn(),
        "PYTHONPATH": os.pathsep.join(str(ROOT / part) for part in ("", "lambda_src", "cli")),
        "CONFIRM": "yes",
    }
    command = [sys.executable, "-m", "benchmarks.smoke_aws", "--report", str(report)]
    done = subprocess.run(
        command, env=env, cwd=ROOT, capture_output=True, text=True, timeout=500, check=False
    )
    assert report.exists(), done.stderr
    document = json.loads(report.with_suffix(".json").read_text())
    outcomes = {row["check"]: (row["outcome"], row["found"]) for row in document["findings"]}
    files = {name: told for name, told in outcomes.items() if name.startswith("file: ")}
    assert len(files) == 8
    assert {outcome for outcome, _ in files.values()} == {"as expected"}, files
    assert "CutFile" in outcomes["file: above-256-kib"][1]
    for check in ("deployment", "MLflow: spans: POST /v1/traces", "trace written by the function",
                  "state of the function", "EventBridge's delay after the switch"):  # fmt: skip
        assert outcomes[check][0] == "as expected", outcomes[check]
    judges = [told for name, told in outcomes.items() if name.startswith("judge: ")]
    assert judges
    assert {outcome for outcome, _ in judges} == {"as expected"}
    assert outcomes["geographic profiles"][0] == "not known"
    assert "ListInferenceProfiles" in outcomes["geographic profiles"][1]
    assert "memory is not enforced" in outcomes["error name of a function without memory"][1]
    assert not [removal for removal in document["removals"] if removal["problem"]]
    prefix = document["prefix"]
    buckets = [b["Name"] for b in chain.emulated("s3").list_buckets()["Buckets"]]
    assert not [name for name in buckets if prefix in name]
    assert "Which oil" not in report.read_text() + json.dumps(document)
