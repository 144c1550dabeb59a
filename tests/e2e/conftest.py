"""The whole chain, started once: the template on emulated AWS, with a real MLflow server.

Whatever a test writes has a name of its own, so that the tests can run in any order.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest

from local.chain import Chain
from local.settings import ACCOUNT, ChainSettings
from tests.e2e.deployed import Stack
from tests.infra import recorded

BUCKET = "captures-of-several-teams"


@pytest.fixture(scope="session")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chain]:
    """A running chain in which waiting between retries takes a fiftieth of the time.

    At the end, every call that was made must be one whose permission `tests/infra` has proven.
    """
    folder = tmp_path_factory.mktemp("chain")
    with Chain(ChainSettings(folder=folder, wait_scale=0.005, record_calls=True)) as chain:
        chain.mlflow.wait()
        yield chain
        made = recorded.from_lines(chain.settings.calls.read_text().splitlines())
        made |= recorded.from_mlflow(chain.proxy.named)
    known = set(recorded.load())
    if os.environ.get("UPDATE_RECORDED_CALLS"):
        recorded.save(made)
    else:
        assert not made - known, "calls that are not recorded; tests/infra/recorded.py says how"


@pytest.fixture(scope="session")
def others(chain: Chain) -> dict[str, Any]:
    """The notifications that somebody else has set up for the capture bucket before."""
    chain.emulated("s3").create_bucket(Bucket=BUCKET)
    chain.emulated("sqs").create_queue(QueueName="somebody-elses")
    configuration = {
        "QueueConfigurations": [
            {
                "Id": "somebody-elses-notification",
                "QueueArn": f"arn:aws:sqs:{chain.settings.region}:{ACCOUNT}:somebody-elses",
                "Events": ["s3:ObjectCreated:*"],
                "Filter": {"Key": {"FilterRules": [{"Name": "Prefix", "Value": "reports/"}]}},
            }
        ]
    }
    s3 = chain.emulated("s3")
    s3.put_bucket_notification_configuration(Bucket=BUCKET, NotificationConfiguration=configuration)
    found = s3.get_bucket_notification_configuration(Bucket=BUCKET)
    found.pop("ResponseMetadata")
    assert list(found) == ["QueueConfigurations"]
    return dict(found)


@pytest.fixture(scope="session")
def dev(chain: Chain, others: dict[str, Any]) -> Stack:  # noqa: ARG001  # comes before us
    """The deployment `dev`, which watches the endpoint `dev-llm`."""
    return Stack(chain, chain.deploy("dev", bucket=BUCKET, endpoint="dev-llm"))
