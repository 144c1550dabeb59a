"""What the services accept as names, ARNs and prefixes.

Each rule gives the cleaned value or raises ValueError. Sources: the S3 user guide ("Bucket naming
rules"), the SageMaker API (`EndpointName`, `TrackingServerArn`), the KMS reference for ARNs.
"""

from __future__ import annotations

import re

from inference_monitor.config.models import parse_prices
from inference_monitor.privacy.presidio import HOW_TO_INSTALL
from stacks import LAMBDA_SRC
from stacks.judge_models import JudgeModel
from stacks.log_retention import retention
from stacks.names import MAX_PREFIX_LENGTH

_PREFIX = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?")
_MLFLOW_ARN = re.compile(
    r"arn:aws(-us-gov)?:sagemaker:[a-z]{2}(-[a-z]+)+-\d:\d{12}:"
    r"(mlflow-app/[A-Za-z0-9-]+|mlflow-tracking-server/[A-Za-z0-9](-*[A-Za-z0-9]){0,255})"
)
_ENDPOINT = re.compile(r"[A-Za-z0-9](-*[A-Za-z0-9]){0,62}")
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_BUCKET_RESERVED = re.compile(
    r"(xn--|sthree-|amzn-s3-demo-).*|.*(-s3alias|--ol-s3|\.mrap|--x-s3|--table-s3)"
)
_IP_ADDRESS = re.compile(r"\d+\.\d+\.\d+\.\d+")
# Nothing that IAM or EventBridge would read as a wildcard, an escape or a variable: * ? \ $
_KEY_PREFIX = re.compile(r"[\w!.'()=+@:,&;-]+(/[\w!.'()=+@:,&;-]+)*", re.ASCII)
_KMS_ARN = re.compile(r"arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:key/[A-Za-z0-9-]+")
_REQUIREMENTS = LAMBDA_SRC / "requirements.txt"
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


def stack_prefix(value: str) -> str:
    """A prefix with which every derived name is still a legal one."""
    if not _PREFIX.fullmatch(value) or len(value) > MAX_PREFIX_LENGTH:
        raise ValueError(
            f"{value!r} is not 1 to {MAX_PREFIX_LENGTH} letters, digits and inner hyphens"
        )
    return value


def mlflow_arn(value: str) -> str:
    """The ARN of an MLflow App or an MLflow tracking server."""
    if re.match(r"arn:aws-(cn|iso)", value):
        raise ValueError(
            f"{value!r} is in a partition that MLflow's SageMaker plugin cannot sign for: it knows"
            " aws and aws-us-gov only"
        )
    if not _MLFLOW_ARN.fullmatch(value):
        raise ValueError(f"{value!r} is not the ARN of an mlflow-app or an mlflow-tracking-server")
    return value


def endpoint_name(value: str) -> str:
    """The name of a SageMaker endpoint."""
    if not _ENDPOINT.fullmatch(value):
        raise ValueError(f"{value!r} is not 1 to 63 letters, digits and inner hyphens")
    return value


def bucket_name(value: str) -> str:
    """The name of a general purpose S3 bucket."""
    if value.startswith(("s3://", "arn:")):
        raise ValueError(f"{value!r} must be the bare bucket name, neither a URI nor an ARN")
    if (
        not _BUCKET.fullmatch(value)
        or _BUCKET_RESERVED.fullmatch(value)
        or _IP_ADDRESS.fullmatch(value)
        or any(pair in value for pair in ("..", ".-", "-."))
    ):
        raise ValueError(
            f"{value!r} is not an S3 bucket name: 3 to 63 lower-case letters, digits, dots, hyphens"
        )
    return value


def key_prefix(value: str) -> str:
    """A folder of capture files, without its trailing slash."""
    if value.startswith("s3://"):
        raise ValueError(f"{value!r} must be the key prefix alone, without s3:// and the bucket")
    if value.startswith("/"):
        raise ValueError(f"{value!r} must not start with a slash: keys do not")
    folder = value.rstrip("/")
    if not _KEY_PREFIX.fullmatch(folder):
        raise ValueError(
            f"{value!r} is no plain key prefix: no empty parts, spaces, wildcards or backslashes"
        )
    return folder


def experiment_name(value: str) -> str:
    """The name of an MLflow experiment: one line of at most 500 characters, as its database has."""
    if len(value) > 500 or not value.isprintable():
        raise ValueError("must be one line of at most 500 printable characters")
    return value


def judge_model(value: str) -> str:
    """A `bedrock:/` model id that the stack can grant."""
    JudgeModel.parse(value)
    return value


def judge_prices(value: str) -> str:
    """Prices of judge models, as the function reads them."""
    parse_prices(value)
    return value


def s3_uri(value: str) -> str:
    """`s3://bucket` or `s3://bucket/prefix`, without a trailing slash."""
    bucket, _, prefix = value.removeprefix("s3://").partition("/")
    if not value.startswith("s3://"):
        raise ValueError(f"{value!r} does not start with s3://")
    bucket_name(bucket)
    return f"s3://{bucket}/{key_prefix(prefix)}" if prefix else f"s3://{bucket}"


def kms_key_arn(value: str) -> str:
    """The ARN of a key. Aliases will not do: IAM does not resolve them."""
    if not _KMS_ARN.fullmatch(value):
        raise ValueError(f"{value!r} is not the ARN of a KMS key (an alias will not do)")
    return value


def email(value: str) -> str:
    """An address SNS can send alarms to."""
    if not _EMAIL.fullmatch(value):
        raise ValueError(f"{value!r} is not an e-mail address")
    return value


def redaction(value: str) -> str:
    """A kind of redaction that the image can do."""
    if value == "presidio" and "presidio-analyzer==" not in _REQUIREMENTS.read_text():
        raise ValueError(f"presidio-analyzer is not in {_REQUIREMENTS.name}: {HOW_TO_INSTALL}")
    return value


def log_retention_days(value: int) -> int:
    """A retention of CloudWatch Logs."""
    retention(value)
    return value
