"""What `inference-monitor estimate` takes for granted of a deployment is what is deployed."""

from __future__ import annotations

from typing import Any

from inference_monitor_cli.deploy_settings import DEPLOYMENT_ONLY
from inference_monitor_cli.deploy_settings import DeploySettings as CommandSettings
from inference_monitor_cli.estimate import aws_usage
from stacks.settings import DeploySettings
from tests.infra.deployed import Deployed


def test_the_command_knows_the_settings_as_the_stack_does() -> None:
    """The same names, and the same defaults."""
    deployed = DeploySettings.model_fields
    assert {name: field.default for name, field in CommandSettings.model_fields.items()} == {
        name: deployed[name].default for name in CommandSettings.model_fields
    }


def test_the_command_knows_every_name() -> None:
    """What is a setting of the deployment is no misspelt one of the command."""
    known = {*DEPLOYMENT_ONLY, *(name.upper() for name in CommandSettings.model_fields)}
    assert known == {name.upper() for name in DeploySettings.model_fields}


def test_transitions_are_those_of_the_state_machine(deployed: Deployed) -> None:
    """Of a file and of a batch, each with one for the start of its execution."""
    states, begin = deployed.workflow["States"], deployed.workflow["StartAt"]
    assert 1 + len(_path(states, begin)) == aws_usage.TRANSITIONS_PER_FILE
    for name in ("EveryBatch", "EveryRange"):
        child = states[name]["ItemProcessor"]
        assert 1 + len(_path(child["States"], child["StartAt"])) == aws_usage.TRANSITIONS_PER_BATCH
    (caught,) = states[begin]["Catch"]
    # The map that gave up is entered, too; the ledger is closed in any case.
    more = len([begin, *_path(states, caught["Next"])]) - len(_path(states, begin))
    assert more == aws_usage.TRANSITIONS_MORE_IF_RANGED


def test_what_watches_the_deployment_is_priced(deployed: Deployed) -> None:
    """Alarms and dashboards, as many as there are."""
    assert len(deployed.of_type("AWS::CloudWatch::Alarm")) == aws_usage.ALARMS
    assert len(deployed.of_type("AWS::CloudWatch::Dashboard")) == aws_usage.DASHBOARDS


def _path(states: dict[str, Any], begin: str) -> list[str]:
    """The states that are entered when nothing fails."""
    path = [begin]
    while following := states[path[-1]].get("Next"):
        path.append(following)
    return path
