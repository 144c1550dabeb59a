"""What a deployment looks up: what is found, and the sentence where it cannot work."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from inference_monitor.lookups import handler, mlflow
from inference_monitor.lookups.buckets import check_owner, find_key, key_arn
from inference_monitor.lookups.endpoint import Watched, find_capture
from inference_monitor.lookups.mlflow import Mlflow, find_store
from inference_monitor.lookups.problems import LookUpError

APP = "arn:aws:sagemaker:us-east-1:111122223333:mlflow-app/app-ABC123DEF456"
SERVER = "arn:aws:sagemaker:eu-west-1:111122223333:mlflow-tracking-server/mine"
KEY = "1234abcd-12ab-34cd-56ef-1234567890ab"
KEY_ARN = f"arn:aws:kms:us-east-1:111122223333:key/{KEY}"
NO_KEY = "arn:aws:kms:us-east-1:111122223333:key/none"
NO_ENDPOINT = 'Could not find endpoint "arn:aws:sagemaker:us-east-1:111122223333:endpoint/llm".'


@pytest.fixture(autouse=True)
def _no_account(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "made-up")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "made-up")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")


@pytest.fixture
def sagemaker() -> Iterator[tuple[Any, Stubber]]:
    """A client whose answers are checked against SageMaker's model."""
    client = boto3.client("sagemaker", region_name="us-east-1")
    with Stubber(client) as stubber:
        yield client, stubber


@pytest.fixture
def s3() -> Iterator[tuple[Any, Stubber]]:
    """A client whose answers are checked against S3's model."""
    client = boto3.client("s3", region_name="us-east-1")
    with Stubber(client) as stubber:
        yield client, stubber


def described(**capture: Any) -> dict[str, Any]:
    """An answer of DescribeEndpoint; capture as `capture` says, or none at all."""
    config = {
        "EnableCapture": True,
        "CaptureStatus": "Started",
        "CurrentSamplingPercentage": 100,
        "DestinationS3Uri": "s3://captures/model-monitor/data-capture",
        "KmsKeyId": "",
        **capture,
    }
    return {
        "EndpointName": "llm",
        "EndpointArn": "arn:aws:sagemaker:us-east-1:111122223333:endpoint/llm",
        "EndpointStatus": "InService",
        "CreationTime": 0,
        "LastModifiedTime": 0,
        **({"DataCaptureConfig": config} if capture != {"none": True} else {}),
    }


def found(
    sagemaker: tuple[Any, Stubber], answer: Mapping[str, Any], bucket: str = "", prefix: str = ""
) -> Watched:
    """What is found where DescribeEndpoint answers so."""
    client, stubber = sagemaker
    stubber.add_response("describe_endpoint", dict(answer), {"EndpointName": "llm"})
    return find_capture(client, "llm", bucket, prefix)


@pytest.mark.parametrize(
    ("destination", "bucket", "prefix"),
    [
        ("s3://captures/model-monitor/data-capture", "captures", "model-monitor/data-capture/llm"),
        ("s3://captures/a/", "captures", "a/llm"),
        ("s3://captures", "captures", "llm"),
        ("s3://captures/", "captures", "llm"),
    ],
)
def test_files_lie_below_the_endpoints_folder(
    sagemaker: tuple[Any, Stubber], destination: str, bucket: str, prefix: str
) -> None:
    """SageMaker appends the endpoint's name to the destination."""
    assert found(sagemaker, described(DestinationS3Uri=destination)) == Watched(bucket, prefix, 100)


@pytest.mark.parametrize(
    "prefix", ["model-monitor", "model-monitor/data-capture", "model-monitor/data-capture/llm"]
)
def test_a_folder_above_the_files_may_be_watched(
    sagemaker: tuple[Any, Stubber], prefix: str
) -> None:
    """A set folder wins as long as the files lie somewhere in it."""
    watched = found(sagemaker, described(CaptureStatus="Started"), "captures", prefix)
    assert (watched.bucket, watched.prefix, watched.notes) == ("captures", prefix, [])


def test_one_variant_may_be_watched_and_that_is_noted(sagemaker: tuple[Any, Stubber]) -> None:
    """A folder within the endpoint's is a choice; the outputs say what it leaves out."""
    folder = "model-monitor/data-capture/llm"
    watched = found(sagemaker, described(EnableCapture=True), prefix=f"{folder}/canary")
    assert watched.prefix == f"{folder}/canary"
    assert watched.notes == [
        f"Only {folder}/canary/ is watched of {folder}/, as DATA_CAPTURE_S3_PREFIX says"
    ]


def test_a_sampled_endpoint_is_noted(sagemaker: tuple[Any, Stubber]) -> None:
    """Who captures a fifth is told, and the captures' key is found."""
    watched = found(sagemaker, described(CurrentSamplingPercentage=20, KmsKeyId=KEY))
    assert (watched.percent, watched.key) == (20, KEY)
    assert watched.notes == ["20 % of the inferences are captured"]


@pytest.mark.parametrize(
    ("capture", "bucket", "prefix", "sentence"),
    [
        (
            {"none": True},
            "captures",
            "",
            (
                "Data capture of endpoint llm is off: switch it on (DataCaptureConfig of its "
                "endpoint configuration, UpdateEndpoint), or set DATA_CAPTURE_S3_BUCKET and "
                "DATA_CAPTURE_S3_PREFIX to deploy before that"
            ),
        ),
        ({"EnableCapture": False}, "", "", "Data capture of endpoint llm is off: switch it on"),
        ({"CaptureStatus": "Stopped"}, "", "", "Data capture of endpoint llm is off: switch it on"),
        (
            {"DestinationS3Uri": "s3://captures/a"},
            "others",
            "a/llm",
            (
                "Endpoint llm captures to s3://captures/a, not to bucket others: set "
                "DATA_CAPTURE_S3_BUCKET=captures, or leave it out"
            ),
        ),
        (
            {"DestinationS3Uri": "s3://captures/a"},
            "captures",
            "llm",
            (
                "Endpoint llm captures to s3://captures/a, so that its files lie below a/llm/ and "
                "never below llm/: set DATA_CAPTURE_S3_PREFIX=a/llm, or leave it out"
            ),
        ),
        (
            {"DestinationS3Uri": "s3://captures/a"},
            "",
            "a/llm-2",
            "so that its files lie below a/llm/ and never below a/llm-2/",
        ),
        ({"DestinationS3Uri": "s3://captures/a*"}, "", "", "which no rule can watch"),
        ({"DestinationS3Uri": "s3://captures/a//b"}, "", "", "which no rule can watch"),
        ({"DestinationS3Uri": "https://captures/a"}, "", "", "which no rule can watch"),
    ],
)
def test_what_could_never_come_fails_with_one_sentence(
    sagemaker: tuple[Any, Stubber], capture: dict[str, Any], bucket: str, prefix: str, sentence: str
) -> None:
    """The sentence has what is wrong, and the setting that mends it."""
    with pytest.raises(LookUpError) as caught:
        found(sagemaker, described(**capture), bucket, prefix)
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_endpoint_that_is_not_there_fails_the_deployment(
    sagemaker: tuple[Any, Stubber],
) -> None:
    """With the Region it was looked for in."""
    client, stubber = sagemaker
    stubber.add_client_error("describe_endpoint", "ValidationException", NO_ENDPOINT)
    with pytest.raises(LookUpError) as caught:
        find_capture(client, "llm", "captures", "")
    assert str(caught.value) == (
        "There is no endpoint llm in us-east-1: check SAGEMAKER_ENDPOINT_NAME and AWS_REGION, or "
        "set DATA_CAPTURE_S3_BUCKET and DATA_CAPTURE_S3_PREFIX to deploy before the endpoint"
    )


def test_the_monitor_may_come_before_the_endpoint(sagemaker: tuple[Any, Stubber]) -> None:
    """With bucket and folder set it is deployed, and the outputs say what was not checked."""
    client, stubber = sagemaker
    stubber.add_client_error("describe_endpoint", "ValidationException", NO_ENDPOINT)
    watched = find_capture(client, "llm", "captures", "llm")
    assert (watched.bucket, watched.prefix, watched.percent) == ("captures", "llm", None)
    assert "There is no endpoint llm" in watched.notes[0]
    watched = found(sagemaker, described(none=True), "captures", "llm")
    assert "Data capture of endpoint llm is off" in watched.notes[0]


def app(**answer: Any) -> Mlflow:
    """An App as SageMaker describes it."""
    usual = {"Status": "Created", "MlflowVersion": "3.10.1", "ArtifactStoreUri": "s3://mlflow/a/"}
    return Mlflow.parse(APP, {**usual, **answer})


def test_the_artifact_store_is_found() -> None:
    """Without a slash at its end, of an App and of a tracking server."""
    store = find_store(APP, "", lambda _: app())
    assert (store.artifacts, store.version, store.notes) == ("s3://mlflow/a", "3.10.1", [])
    answer = {
        "TrackingServerStatus": "Stopped",
        "MlflowVersion": "3.0.0",
        "ArtifactStoreUri": "s3://m",
    }
    store = find_store(SERVER, "", lambda arn: Mlflow.parse(arn, answer))
    assert store.artifacts == "s3://m"
    assert store.notes == [
        f"MLflow tracking server {SERVER} is Stopped: traces wait until it runs",
        "MLflow 3.0.0 is older than those this was tested with",
    ]


def test_a_set_artifact_store_wins_and_a_difference_is_noted() -> None:
    """Experiments may keep artifacts elsewhere than their server says."""
    assert find_store(APP, "s3://mlflow", lambda _: app()).notes == []
    store = find_store(APP, "s3://other/b", lambda _: app())
    assert store.artifacts == "s3://other/b"
    assert store.notes == [
        "The artifact store is s3://mlflow/a; what MLFLOW_ARTIFACT_S3_URI says was granted"
    ]


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (
            {"Status": "Deleted"},
            f"MLflow App {APP} has the status Deleted: set MLFLOW_TRACKING_URI",
        ),
        ({"Status": "CreateFailed"}, "has the status CreateFailed: set MLFLOW_TRACKING_URI"),
        (
            {"MlflowVersion": "2.16.2"},
            (
                f"MLflow App {APP} runs MLflow 2.16.2, which has no traces of this kind: create "
                "one with MLflow 3.4 or newer, and set MLFLOW_TRACKING_URI"
            ),
        ),
        ({"ArtifactStoreUri": None}, "no place it tells, which cannot be granted: set MLFLOW_ART"),
        ({"ArtifactStoreUri": "s3://m/*"}, "s3://m/*, which cannot be granted"),
    ],
)
def test_an_mlflow_that_cannot_take_traces_fails_the_deployment(
    answer: dict[str, Any], sentence: str
) -> None:
    """Deleted, too old, or nowhere to write to: one sentence with the setting to change."""
    with pytest.raises(LookUpError) as caught:
        find_store(APP, "", lambda _: app(**answer))
    assert sentence in str(caught.value)


@pytest.mark.parametrize("code", ["ResourceNotFound", "ValidationException"])
def test_an_mlflow_that_is_not_there_fails_the_deployment(code: str) -> None:
    """Also where an artifact store is set: there is nothing to write traces to."""

    def ask(_: str) -> Mlflow:
        raise ClientError({"Error": {"Code": code}}, "DescribeMlflowApp")

    with pytest.raises(LookUpError) as caught:
        find_store(APP, "s3://mlflow", ask)
    assert (
        str(caught.value)
        == f"There is no MLflow App {APP}: set MLFLOW_TRACKING_URI to one that exists"
    )


class Answers:
    """Stands in for botocore's HTTP session: one answer, and the request that came."""

    def __init__(self, status: int, body: dict[str, Any]) -> None:
        self._answer = SimpleNamespace(status_code=status, content=json.dumps(body).encode())
        self.request: Any = None

    def __call__(self, **_: Any) -> Answers:
        """As the class is made."""
        return self

    def send(self, request: Any) -> Any:
        """The answer."""
        self.request = request
        return self._answer


def test_an_app_is_described_without_a_boto3_that_knows_apps(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The request is what a newer boto3 would send, signed, to the Region of the ARN."""
    session = Answers(200, {"Arn": APP, "Status": "Created", "ArtifactStoreUri": "s3://mlflow"})
    monkeypatch.setattr(mlflow, "URLLib3Session", session)
    assert mlflow.describe(APP) == Mlflow(APP, "Created", None, "s3://mlflow")
    sent = session.request
    assert (sent.method, sent.url) == ("POST", "https://api.sagemaker.us-east-1.amazonaws.com")
    assert json.loads(sent.body) == {"Arn": APP}
    assert sent.headers["X-Amz-Target"] == "SageMaker.DescribeMlflowApp"
    assert "/us-east-1/sagemaker/aws4_request" in sent.headers["Authorization"]


def test_a_refusal_of_the_signed_request_is_a_client_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With SageMaker's code, with or without a namespace before it, and its message."""
    body = {"__type": "com.amazonaws.sagemaker#ResourceNotFound", "message": "no such App"}
    monkeypatch.setattr(mlflow, "URLLib3Session", Answers(400, body))
    with pytest.raises(LookUpError, match="There is no MLflow App"):
        find_store(APP, "")


def test_a_bucket_of_another_account_fails_the_deployment(s3: tuple[Any, Stubber]) -> None:
    """Its events go to its own account, whatever its policy allows."""
    client, stubber = s3
    stubber.add_response("head_bucket", {}, {"Bucket": "captures"})
    stubber.add_client_error("head_bucket", "403", http_status_code=403)
    with pytest.raises(LookUpError) as caught:
        check_owner(client, "captures", "111122223333")
    assert str(caught.value) == (
        "Bucket captures belongs to another account than 111122223333, and its events come there "
        "only: deploy the stack in the account of the bucket"
    )


def test_a_bucket_that_is_not_there_fails_the_deployment(s3: tuple[Any, Stubber]) -> None:
    """By name."""
    client, stubber = s3
    stubber.add_client_error("head_bucket", "404", http_status_code=404)
    with pytest.raises(LookUpError, match="There is no bucket captures: create it"):
        check_owner(client, "captures", "111122223333")


def test_the_key_of_a_bucket(s3: tuple[Any, Stubber]) -> None:
    """S3's own encryption, and AWS's own key, are no key of one's own."""
    client, stubber = s3

    def encrypted(**default: str) -> str | None:
        rule = {"ApplyServerSideEncryptionByDefault": default}
        stubber.add_response(
            "get_bucket_encryption", {"ServerSideEncryptionConfiguration": {"Rules": [rule]}}
        )
        return find_key(client, "captures")

    assert encrypted(SSEAlgorithm="AES256") is None
    assert encrypted(SSEAlgorithm="aws:kms") is None
    assert encrypted(SSEAlgorithm="aws:kms", KMSMasterKeyID=KEY) == KEY
    stubber.add_client_error(
        "get_bucket_encryption", "ServerSideEncryptionConfigurationNotFoundError"
    )
    assert find_key(client, "captures") is None


def test_a_key_becomes_an_arn_and_an_alias_does_not() -> None:
    """IAM grants keys by their ARN only."""
    here = {"partition": "aws", "region": "us-east-1", "account": "111122223333"}
    assert key_arn(KEY, **here) == KEY_ARN
    assert key_arn(KEY_ARN, **here) == KEY_ARN
    assert key_arn("alias/mine", **here) is None
    assert key_arn("arn:aws:kms:us-east-1:111122223333:alias/mine", **here) is None


class Account:
    """boto3, with an account of one endpoint and two buckets behind it."""

    def __init__(self) -> None:
        self.meta = SimpleNamespace(region_name="us-east-1")
        self.refusals: dict[str, list[str]] = {}
        self.encrypted: dict[str, str] = {}
        self.endpoint = described(EnableCapture=True)

    def client(self, _: str, **_more: str) -> Account:
        """Any client."""
        return self

    def describe_endpoint(self, **_: str) -> dict[str, Any]:
        """The endpoint."""
        self._refuse("DescribeEndpoint")
        return self.endpoint

    def head_bucket(self, **_: str) -> None:
        """Every bucket is there, and is ours."""
        self._refuse("HeadBucket")

    def get_bucket_encryption(self, *, Bucket: str) -> dict[str, Any]:  # noqa: N803 - boto3's name
        """A key of one's own, where there is one."""
        self._refuse("GetBucketEncryption")
        rule = {
            "ApplyServerSideEncryptionByDefault": {"KMSMasterKeyID": self.encrypted.get(Bucket)}
        }
        return {"ServerSideEncryptionConfiguration": {"Rules": [rule]}}

    def _refuse(self, operation: str) -> None:
        if codes := self.refusals.get(operation):
            code = codes.pop(0) if len(codes) > 1 else codes[0]
            if code:
                raise ClientError({"Error": {"Code": code, "Message": "no"}}, operation)


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Account:
    """The account; its waits take no time."""
    account = Account()
    monkeypatch.setattr("boto3.client", account.client)
    monkeypatch.setattr(
        handler, "find_store", lambda arn, said: find_store(arn, said, lambda _: app())
    )
    monkeypatch.setattr("time.sleep", lambda _: None)
    return account


def deliver(monkeypatch: pytest.MonkeyPatch, kind: str, told: dict[str, str], **event: str) -> Any:
    """Let CloudFormation send a request; gives what it is answered."""
    answers: list[Any] = []

    def put(request: Any, timeout: float) -> SimpleNamespace:
        assert (request.method, request.full_url, timeout) == ("PUT", "https://cfn.test/a", 30)
        answers.append(json.loads(request.data))
        return SimpleNamespace(close=lambda: None)

    monkeypatch.setattr("urllib.request.urlopen", put)
    request = {
        "RequestType": "Create",
        "ResponseURL": "https://cfn.test/a",
        "StackId": "stack",
        "RequestId": "request",
        "LogicalResourceId": "Account",
        "ResourceType": kind,
        "ResourceProperties": told,
        **event,
    }
    handler.handler(request, SimpleNamespace(log_stream_name="stream"))
    (answer,) = answers
    return answer


OPEN = {
    "Endpoint": "llm",
    "CaptureBucket": "",
    "CapturePrefix": "",
    "TrackingArn": APP,
    "ArtifactUri": "",
}
BUCKETS = {
    "CaptureBucket": "captures",
    "CaptureKey": "",
    "CaptureKeySet": "",
    "ArtifactBucket": "mlflow",
    "Partition": "aws",
    "Region": "us-east-1",
    "Account": "111122223333",
}


@pytest.mark.usefixtures("account")
def test_the_account_is_told_to_cloudformation(monkeypatch: pytest.MonkeyPatch) -> None:
    """All attributes that the template uses, as texts."""
    answer = deliver(monkeypatch, "Custom::AccountLookup", OPEN)
    assert answer["Status"] == "SUCCESS"
    assert answer["Data"] == {
        "CaptureBucket": "captures",
        "CapturePrefix": "model-monitor/data-capture/llm",
        "CaptureKey": "",
        "CapturedPercent": "100",
        "MlflowVersion": "3.10.1",
        "ArtifactStore": "mlflow/a",
        "ArtifactBucket": "mlflow",
        "Notes": "nothing",
    }


def test_a_role_that_is_not_known_yet_is_waited_for(
    monkeypatch: pytest.MonkeyPatch, account: Account
) -> None:
    """Permissions spread for seconds: a refusal that ends is none."""
    account.refusals["DescribeEndpoint"] = ["AccessDeniedException", "AccessDeniedException", ""]
    assert deliver(monkeypatch, "Custom::AccountLookup", OPEN)["Status"] == "SUCCESS"


def test_a_lasting_denial_names_the_permission(
    monkeypatch: pytest.MonkeyPatch, account: Account
) -> None:
    """It fails the deployment, unless the settings say what could not be seen; then it is noted."""
    account.refusals["DescribeEndpoint"] = ["AccessDeniedException"]
    answer = deliver(monkeypatch, "Custom::AccountLookup", OPEN)
    assert answer["Status"] == "FAILED"
    assert "sagemaker:DescribeEndpoint on endpoint llm is denied" in answer["Reason"]
    assert "or set DATA_CAPTURE_S3_BUCKET and DATA_CAPTURE_S3_PREFIX" in answer["Reason"]
    both = {**OPEN, "CaptureBucket": "captures", "CapturePrefix": "llm"}
    answer = deliver(monkeypatch, "Custom::AccountLookup", both)
    assert answer["Data"]["CapturePrefix"] == "llm"
    assert "sagemaker:DescribeEndpoint on endpoint llm is denied" in answer["Data"]["Notes"]


def test_the_keys_of_the_buckets(monkeypatch: pytest.MonkeyPatch, account: Account) -> None:
    """Those of one's own; where there is none, an ARN that IAM takes and no key has."""
    answer = deliver(monkeypatch, "Custom::BucketLookup", BUCKETS)
    assert answer["Data"] == {
        "CaptureKeyArn": NO_KEY, "ArtifactKeyArn": NO_KEY, "Notes": "nothing"
    }  # fmt: skip
    account.encrypted = {"captures": KEY, "mlflow": KEY_ARN}
    answer = deliver(monkeypatch, "Custom::BucketLookup", BUCKETS)
    assert answer["Data"] == {
        "CaptureKeyArn": KEY_ARN, "ArtifactKeyArn": KEY_ARN, "Notes": "nothing"
    }  # fmt: skip


def test_an_alias_of_the_captures_key_fails_unless_the_key_is_set(
    monkeypatch: pytest.MonkeyPatch, account: Account
) -> None:
    """Captures that cannot be decrypted are never read; the setting for it is named."""
    told = {**BUCKETS, "CaptureKey": "alias/mine"}
    answer = deliver(monkeypatch, "Custom::BucketLookup", told)
    assert answer["Status"] == "FAILED"
    assert answer["Reason"] == (
        "Captures are encrypted with alias/mine, and IAM resolves no alias: set "
        "DATA_CAPTURE_KMS_KEY_ARN to the ARN of that key"
    )
    account.encrypted = {"mlflow": "alias/theirs"}
    answer = deliver(monkeypatch, "Custom::BucketLookup", {**told, "CaptureKeySet": KEY_ARN})
    assert answer["Status"] == "SUCCESS"
    assert "mlflow encrypts with alias/theirs: allow" in answer["Data"]["Notes"]


def test_a_hidden_encryption_is_noted(monkeypatch: pytest.MonkeyPatch, account: Account) -> None:
    """A bucket that denies the question is no reason to fail."""
    account.refusals["GetBucketEncryption"] = ["AccessDenied"]
    answer = deliver(monkeypatch, "Custom::BucketLookup", BUCKETS)
    assert answer["Status"] == "SUCCESS"
    assert "The encryption of bucket mlflow is not known (AccessDenied)" in answer["Data"]["Notes"]


def test_deleting_asks_nothing(monkeypatch: pytest.MonkeyPatch, account: Account) -> None:
    """A stack can be destroyed after its endpoint, its bucket and its permissions."""
    account.refusals["DescribeEndpoint"] = ["ValidationException"]
    gone = deliver(
        monkeypatch, "Custom::AccountLookup", OPEN, RequestType="Delete", PhysicalResourceId="old"
    )
    assert (gone["Status"], gone["PhysicalResourceId"]) == ("SUCCESS", "old")


def test_what_aws_says_otherwise_fails_the_deployment(
    monkeypatch: pytest.MonkeyPatch, account: Account
) -> None:
    """CloudFormation is answered in every case, by a bug too."""
    account.refusals["DescribeEndpoint"] = ["ThrottlingException"]
    answer = deliver(monkeypatch, "Custom::AccountLookup", OPEN)
    assert (answer["Status"], "ThrottlingException" in answer["Reason"]) == ("FAILED", True)
    account.endpoint = {}
    account.refusals = {}
    with pytest.raises(KeyError):
        deliver(monkeypatch, "Custom::AccountLookup", OPEN)
