"""The CDK app: read the deploy settings and the scorers, one stack, synth."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import Any

import aws_cdk as cdk
from cdk_nag import AwsSolutionsChecks

from stacks import judge_checks, privacy, scorers
from stacks.monitoring_stack import MonitoringStack
from stacks.scorers import ScorersConfig
from stacks.settings import DeploySettings, InvalidSettingsError


def build_app(
    settings: DeploySettings,
    config: ScorersConfig,
    context: dict[str, Any] | None = None,
    moment: str = "",
) -> cdk.App:
    """The app with its one stack.

    `context` holds the feature flags where no CDK CLI does; `moment` tells this synthesis from
    others, so that what the account has is looked up by each deployment.
    """
    app = cdk.App(context=context)
    # A new finding stops the synthesis; accepted ones are acknowledged where they arise.
    cdk.Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    judges = scorers.judges(config, settings.bedrock_model_id)
    MonitoringStack(app, settings=settings, judges=judges, moment=moment)
    return app


def main() -> None:
    """Synthesize the stack, or say on one line each what stands in the way."""
    problems: list[str] = []
    try:
        settings = DeploySettings.load()
    except InvalidSettingsError as error:
        problems.append(str(error))
    try:
        config = scorers.load()
    except scorers.InvalidScorersError as error:
        problems.append(str(error))
    try:
        privacy.load()
    except privacy.InvalidPrivacyError as error:
        problems.append(str(error))
    try:
        table = judge_checks.load()
    except judge_checks.InvalidModelsError as error:
        problems.append(str(error))
    if not problems:
        findings = judge_checks.check(settings, config, table)
        problems += findings.problems
        for warning in findings.warnings:
            sys.stderr.write(f"warning: {warning}\n")
    if problems:
        sys.exit("\n".join(problems))
    sys.stderr.write(f"What judging may cost: {settings.caps}\n")
    build_app(settings, config, moment=datetime.now(UTC).isoformat()).synth()


if __name__ == "__main__":
    main()
