"""The CDK app: read the deploy settings and the scorers, one stack, synth."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import Any

import aws_cdk as cdk
from cdk_nag import AwsSolutionsChecks

from stacks import config_files
from stacks.config_files import Deployable
from stacks.monitoring_stack import MonitoringStack


def build_app(
    deployable: Deployable,
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
    MonitoringStack(app, settings=deployable.settings, judges=deployable.judges, moment=moment)
    return app


def main() -> None:
    """Synthesize the stack, or say on one line each what stands in the way."""
    try:
        deployable = config_files.load(lambda text: sys.stderr.write(f"warning: {text}\n"))
    except config_files.InvalidInputError as error:
        sys.exit(str(error))
    sys.stderr.write(f"What judging may cost: {deployable.settings.caps}\n")
    build_app(deployable, moment=datetime.now(UTC).isoformat()).synth()


if __name__ == "__main__":
    main()
