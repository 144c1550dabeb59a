"""What `init` and `doctor` know of a deployment is what the stack makes of it."""

from __future__ import annotations

from policy_sentry.querying.actions import get_action_data

from inference_monitor_cli.account.settings import MLFLOW_ARN, AccountSettings
from inference_monitor_cli.doctor.checks import S3_ACTIONS, SERVICES
from inference_monitor_cli.doctor.deployed import ALARMS, ENVIRONMENT
from inference_monitor_cli.init.file import MEANINGS
from stacks.settings import DeploySettings
from tests.infra.deployed import Deployed


def test_its_settings_are_settings_of_the_deployment() -> None:
    """None is misspelt, and the examples of the deployment pass its checks."""
    names = {name.upper() for name in DeploySettings.model_fields}
    assert {name.upper() for name in AccountSettings.model_fields} <= names
    assert set(MEANINGS) <= names
    for example in DeploySettings.model_fields["mlflow_tracking_uri"].examples or ():
        assert MLFLOW_ARN.fullmatch(example)


def test_it_finds_all_alarms(deployed: Deployed) -> None:
    """By the beginning of their names."""
    names = [alarm["AlarmName"] for alarm in deployed.of_type("AWS::CloudWatch::Alarm").values()]
    assert names
    assert all(name.startswith(ALARMS.format("dev")) for name in names)


def test_it_compares_variables_that_the_function_has(deployed: Deployed) -> None:
    """A variable that is called otherwise would never differ."""
    environments = [
        function.get("Environment", {}).get("Variables", {})
        for function in deployed.of_type("AWS::Lambda::Function").values()
    ]
    assert any(set(ENVIRONMENT.values()) <= set(variables) for variables in environments)


def test_the_permissions_it_asks_for_exist() -> None:
    """Each is an action of IAM."""
    for action in [*(f"{s}:{o}" for o, s in SERVICES.items()), *S3_ACTIONS.values()]:
        service, _, name = action.partition(":")
        assert get_action_data(service, name), action
