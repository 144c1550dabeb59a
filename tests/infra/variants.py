"""The deployments whose permissions are proven: every setting that changes one, in few stacks."""

from __future__ import annotations

from tests.infra.account import ACCOUNT, REGION
from tests.infra.authorization import ARTIFACTS_URI

_SONNET = "anthropic.claude-sonnet-4-6"
_BEDROCK = f"arn:aws:bedrock:{REGION}:{ACCOUNT}"
SERVER = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:mlflow-tracking-server/server"
KEYS = {
    "captures": f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab",
    "results": f"arn:aws:kms:{REGION}:{ACCOUNT}:key/99999999-12ab-34cd-56ef-1234567890ab",
}
_WITH_KEYS = {"data_capture_kms_key_arn": KEYS["captures"], "results_kms_key_arn": KEYS["results"]}

EVERYTHING = {
    **_WITH_KEYS,
    "mlflow_artifact_s3_uri": ARTIFACTS_URI,
    "alarm_email": "team@example.com",
}
"""All that can be granted to an App's stack, with the default judge, a global profile."""

VARIANTS: dict[str, dict[str, str]] = {
    "required": {},
    "everything": EVERYTHING,
    "server": {
        **_WITH_KEYS,
        "mlflow_tracking_uri": SERVER,
        "mlflow_artifact_s3_uri": ARTIFACTS_URI,
        "bedrock_model_id": f"bedrock:/us.{_SONNET}",
    },
    "model": {"bedrock_model_id": "bedrock:/amazon.nova-pro-v1:0"},
    "application": {
        "bedrock_model_id": f"bedrock:/{_BEDROCK}:application-inference-profile/a1b2c3"
    },
    "provisioned": {"bedrock_model_id": f"bedrock:/{_BEDROCK}:provisioned-model/a1b2c3"},
}
