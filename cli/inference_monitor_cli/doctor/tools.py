"""Checks of this machine and of the project's files: what a deployment is made with."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
from datetime import UTC, datetime
from pathlib import Path

from inference_monitor.config.model_checks import check_judges
from inference_monitor.config.privacy import PRIVACY_FILE, InvalidPrivacyError, load_privacy
from inference_monitor.config.scorers import InvalidScorersError
from inference_monitor_cli.account.settings import AccountSettings
from inference_monitor_cli.deploy_settings import DeploySettings
from inference_monitor_cli.doctor.checks import (
    BlockedError,
    Check,
    Context,
    Finding,
    failed,
    note,
    ok,
    skipped,
)
from inference_monitor_cli.problems import CommandError
from inference_monitor_cli.project_files import SCORERS, locate
from inference_monitor_cli.scorers_file import load, price_table

OLDEST_NODE = 22
_SECONDS = 20
_PROJECT = ("cdk.json", "package.json")
_ELSEWHERE = skipped("this is not the folder of the project, from which one deploys")


def check_node(_context: Context) -> Finding:
    """Node.js runs the CDK CLI."""
    if not _in_project():
        return _ELSEWHERE
    told = _output("node", "--version")
    if told is None:
        return failed("node does not run here", f"install Node.js {OLDEST_NODE} or later")
    found = re.match(r"v(\d+)", told)
    if not found or int(found[1]) < OLDEST_NODE:
        return failed(
            f"Node.js {told} is past its end of life",
            f"install Node.js {OLDEST_NODE} or later",
        )
    return ok(f"Node.js {told}")


def check_cdk(_context: Context) -> Finding:
    """The CDK CLI that the project pins is installed."""
    if not _in_project():
        return _ELSEWHERE
    wanted = json.loads(Path("package.json").read_text(encoding="utf-8"))
    pinned = wanted.get("devDependencies", {}).get("aws-cdk")
    installed = Path("node_modules/aws-cdk/package.json")
    if not installed.is_file():
        return failed("the CDK CLI is not in node_modules", "npm ci")
    version = json.loads(installed.read_text(encoding="utf-8"))["version"]
    if pinned and version != pinned:
        return failed(f"the CDK CLI is {version}, and package.json pins {pinned}", "npm ci")
    return ok(f"CDK CLI {version}")


def check_engine(_context: Context) -> Finding:
    """An engine that builds the function's image."""
    if not _in_project():
        return _ELSEWHERE
    engine = os.environ.get("CDK_DOCKER", "docker")
    # `docker version` alone prints the client's, also where no engine runs.
    if _output(*shlex.split(engine), "info") is None:
        return failed(
            f"{engine} does not answer: the function's image cannot be built",
            "start Docker, or name another engine: export CDK_DOCKER=finch (or podman)",
        )
    return ok(f"{engine} answers")


def check_settings(_context: Context) -> Finding:
    """`.env` and the environment can be read, and name what has to be named."""
    try:
        settings = AccountSettings.load()
    except CommandError as error:
        return failed(str(error), "edit .env; .env.example describes every setting")
    if problems := settings.problems():
        return failed("; ".join(problems), "inference-monitor init, or edit .env")
    return ok(f"prefix {settings.stack_prefix}, endpoint {settings.sagemaker_endpoint_name}")


def check_scorers(_context: Context) -> Finding:
    """`scorers.yaml` can be used, and no judge in it has reached its end of life."""
    try:
        config, settings = load(locate(SCORERS)), _judging()
        findings = check_judges(config, settings, price_table(settings.judge_prices))
    except InvalidScorersError as error:
        return failed(_first_line(error), "inference-monitor scorers check")
    if findings.problems:
        return failed("; ".join(findings.problems), "set BEDROCK_MODEL_ID in .env, and deploy")
    if findings.warnings:
        return note("; ".join(findings.warnings), "inference-monitor models")
    today = datetime.now(UTC).date()
    return ok(f"{len(config.scorers)} scorers, all judges alive on {today}")


def check_privacy(_context: Context) -> Finding:
    """`privacy.yaml` can be used."""
    try:
        load_privacy(PRIVACY_FILE)
    except InvalidPrivacyError as error:
        return failed(_first_line(error), f"edit {PRIVACY_FILE.name}, then npx cdk synth")
    return ok(f"redaction {_judging().redaction}")


def _judging() -> DeploySettings:
    try:
        return DeploySettings.load()
    except CommandError:
        raise BlockedError("settings") from None


def _first_line(error: Exception) -> str:
    first, *more = str(error).splitlines()
    return f"{first} (and {len(more)} more)" if more else first


def _in_project() -> bool:
    return all(Path(name).is_file() for name in _PROJECT)


def _output(*command: str) -> str | None:
    """What a program prints; None if it does not run, fails or takes too long."""
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


CHECKS = (
    Check("node", f"Node.js {OLDEST_NODE} or later runs the CDK", check_node),
    Check("cdk", "the CDK CLI is the one that the project pins", check_cdk),
    Check("engine", "a container engine builds the function's image", check_engine),
    Check("settings", ".env can be read and names what is needed", check_settings),
    Check("scorers", "scorers.yaml can be used", check_scorers),
    Check("privacy", "privacy.yaml can be used", check_privacy),
)
