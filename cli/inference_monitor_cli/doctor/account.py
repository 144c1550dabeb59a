"""Checks of the account: what has to be right before a deployment, and stays so after it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

from inference_monitor.aws_errors import code_of
from inference_monitor.config.models import ModelState, model_table
from inference_monitor_cli.account.judges import judge_state, refusal
from inference_monitor_cli.account.settings import MLFLOW_ARN
from inference_monitor_cli.captures import SUFFIX, Hours, capture_files
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
from inference_monitor_cli.problems import EXPIRED, LOG_IN, NO_CREDENTIALS, CommandError
from inference_monitor_cli.project_files import SCORERS, locate
from inference_monitor_cli.scorers_file import load

BOOTSTRAP = "/cdk-bootstrap/hnb659fds/version"
"""The parameter of the CDK's default qualifier."""
LEAST_BOOTSTRAP = 6
"""What CDK's default synthesizer asks for (aws-cdk-lib 2, `requiredBootstrapStackVersion`)."""
OLDEST_MLFLOW = (3, 4)
CAPTURE_DAYS = 7
_SERVING = ("InService", "Updating", "SystemUpdating", "RollingBack")


def check_credentials(context: Context) -> Finding:
    """There are AWS credentials, and AWS takes them."""
    try:
        identity = context.client("sts").get_caller_identity()
    except NO_CREDENTIALS:
        return failed("there are no AWS credentials", LOG_IN)
    except ClientError as error:
        if code_of(error) not in EXPIRED:
            raise
        return failed(f"AWS does not take the credentials ({code_of(error)})", LOG_IN)
    return ok(f"account {identity['Account']}")


def check_region(context: Context) -> Finding:
    """The Region is that of MLflow, and so is the account."""
    here, arn = context.session.region_name, context.given.mlflow_tracking_uri
    if arn is None:
        return ok(here) if here else failed("no Region is set", "export AWS_DEFAULT_REGION=…")
    found = MLFLOW_ARN.fullmatch(arn)
    if not found:
        raise BlockedError("settings")
    there = found["region"]
    if here != there:
        told = f"the Region is {here}" if here else "no Region is set"
        return failed(
            f"{told}, and MLflow's ARN says {there}", f"export AWS_DEFAULT_REGION={there}"
        )
    if found["account"] != context.account_id:
        return failed(
            f"MLflow is in account {found['account']}, the credentials are of {context.account_id}",
            "set AWS_PROFILE to one of that account, or MLFLOW_TRACKING_URI in .env",
        )
    return ok(here)


def check_bootstrap(context: Context) -> Finding:
    """The CDK has been bootstrapped in the account and Region."""
    account, region = context.account_id, context.session.region_name
    mend = f"npx cdk bootstrap aws://{account}/{region}"
    try:
        found = context.client("ssm").get_parameter(Name=BOOTSTRAP)["Parameter"]["Value"]
    except ClientError as error:
        if code_of(error) != "ParameterNotFound":
            raise
        return failed(f"the CDK is not bootstrapped in {region}", mend)
    if not found.isdigit() or int(found) < LEAST_BOOTSTRAP:
        return failed(f"the CDK's bootstrap has version {found}: too old", mend)
    return ok(f"version {found}")


def check_endpoint(context: Context) -> Finding:
    """The endpoint exists and serves."""
    name, endpoint = context.setting("sagemaker_endpoint_name"), context.found_endpoint
    if endpoint is None:
        return failed(
            f"there is no endpoint {name} in {context.session.region_name}",
            "inference-monitor init --force --endpoint NAME",
        )
    if endpoint.status not in _SERVING:
        return failed(
            f"endpoint {name} is {endpoint.status}",
            f"aws sagemaker describe-endpoint --endpoint-name {name} --query FailureReason",
        )
    return ok(f"{name} is {endpoint.status}")


def check_capture(context: Context) -> Finding:
    """The endpoint captures, all of its inferences."""
    endpoint = context.endpoint
    if not endpoint.capturing:
        return failed(f"data capture of {endpoint.name} is off", _update(endpoint.name))
    if endpoint.percent < 100:
        return note(
            f"{endpoint.percent} % of the inferences are captured: the others have no trace",
            _update(endpoint.name),
        )
    return ok("100 % of the inferences")


def check_capture_sides(context: Context) -> Finding:
    """Requests and answers are captured."""
    endpoint = _capturing(context)
    if missing := [side for side in ("Input", "Output") if side not in endpoint.modes]:
        return failed(
            f"{' and '.join(missing)} of {endpoint.name} is not captured: judges see half",
            _update(endpoint.name),
        )
    return ok("Input and Output")


def check_content_types(context: Context) -> Finding:
    """Payloads are captured as text; base64 is read, too."""
    encoded = _capturing(context).encoded_types
    if encoded:
        return note(
            f"{', '.join(encoded)} not in CaptureContentTypeHeader.JsonContentTypes: captured as "
            "base64, which is read as well and takes a third more room"
        )
    return ok("JSON is captured as text")


def check_destination(context: Context) -> Finding:
    """The capture goes where the settings say."""
    endpoint, given = context.endpoint, context.given
    if endpoint.bucket is None or endpoint.folder is None:
        raise BlockedError("capture")
    if given.data_capture_s3_bucket not in (None, endpoint.bucket):
        return failed(
            f"{endpoint.name} captures to bucket {endpoint.bucket}, and DATA_CAPTURE_S3_BUCKET is "
            f"{given.data_capture_s3_bucket}",
            f"set DATA_CAPTURE_S3_BUCKET={endpoint.bucket} in .env, and deploy",
        )
    folder = given.data_capture_s3_prefix
    if folder and not f"{endpoint.folder}/".startswith(f"{folder.rstrip('/')}/"):
        return failed(
            f"{endpoint.name} captures to {endpoint.folder}/, and DATA_CAPTURE_S3_PREFIX is "
            f"{folder}",
            f"set DATA_CAPTURE_S3_PREFIX={endpoint.folder} in .env, and deploy",
        )
    return ok(f"s3://{endpoint.bucket}/{endpoint.folder}/")


def check_bucket(context: Context) -> Finding:
    """The capture bucket exists, in this Region."""
    return _look_at_bucket(
        context, context.bucket, "DATA_CAPTURE_S3_BUCKET", "events of a bucket stay in its Region"
    )


def check_bucket_owner(context: Context) -> Finding:
    """The capture bucket belongs to this account: events go to its owner only."""
    bucket, account = context.bucket, context.account_id
    s3 = context.client("s3")
    try:
        s3.head_bucket(Bucket=bucket)
    except ClientError as error:
        if code_of(error) in ("404", "NoSuchBucket", "301", "400"):
            raise BlockedError("bucket") from error
        raise
    try:
        s3.head_bucket(Bucket=bucket, ExpectedBucketOwner=account)
    except ClientError as error:
        if code_of(error) not in ("403", "AccessDenied"):
            raise
        return failed(
            f"bucket {bucket} belongs to another account than {account}, where its events go",
            "let the endpoint capture to a bucket of this account: "
            + _update(context.setting("sagemaker_endpoint_name")),
        )
    return ok(f"account {account}")


def check_notifications(context: Context) -> Finding:
    """The bucket tells EventBridge of new objects."""
    bucket = context.bucket
    config = context.client("s3").get_bucket_notification_configuration(Bucket=bucket)
    config.pop("ResponseMetadata", None)
    if "EventBridgeConfiguration" in config:
        return ok("EventBridge is on")
    if not context.is_deployed:
        return note("EventBridge is off: the deployment switches it on")
    put = f"aws s3api put-bucket-notification-configuration --bucket {bucket}"
    if not config:
        mend = f"{put} --notification-configuration '{{\"EventBridgeConfiguration\": {{}}}}'"
    else:
        # Putting a configuration replaces those of others, which have to be in it.
        mend = (
            f"aws s3api get-bucket-notification-configuration --bucket {bucket} > n.json; add "
            f'"EventBridgeConfiguration": {{}} to n.json; {put} '
            "--notification-configuration file://n.json"
        )
    return failed(f"bucket {bucket} does not tell EventBridge of new objects", mend)


def check_captures(context: Context) -> Finding:
    """Capture files come."""
    newest = newest_capture(context, context.bucket, context.folder)
    if newest:
        age = context.now - newest["LastModified"]
        return ok(f"newest {_age(age)} old: {newest['Key']}")
    where = f"s3://{context.bucket}/{context.folder}/"
    if invoked := _invocations(context):
        return failed(
            f"no {SUFFIX} below {where} for {CAPTURE_DAYS} days, and {invoked:.0f} invocations in "
            "the last day",
            f"aws s3 ls --recursive s3://{context.bucket}/; compare with `destination` above",
        )
    return note(f"no {SUFFIX} below {where} for {CAPTURE_DAYS} days: was the endpoint invoked?")


def check_mlflow(context: Context) -> Finding:
    """MLflow is there, runs, and is new enough."""
    arn, mlflow = context.setting("mlflow_tracking_uri"), context.found_mlflow
    if mlflow is None:
        return failed(
            f"there is no {arn}",
            "inference-monitor init --force --mlflow NAME",
        )
    if not mlflow.running:
        mend = f"aws sagemaker start-mlflow-tracking-server --tracking-server-name {mlflow.name}"
        if mlflow.kind == "MLflow App":
            mend = f"aws sagemaker describe-mlflow-app --arn {arn}"
        return failed(f"the {mlflow.kind} {mlflow.name} is {mlflow.status}", mend)
    if mlflow.version and _version(mlflow.version) < OLDEST_MLFLOW:
        return failed(
            f"MLflow {mlflow.version} has no traces as they are written here",
            "create an MLflow App, whose version AWS keeps current: aws sagemaker "
            "create-mlflow-app; then set MLFLOW_TRACKING_URI",
        )
    return ok(f"{mlflow.kind} {mlflow.name}, MLflow {mlflow.version}, {mlflow.status}")


def check_artifacts(context: Context) -> Finding:
    """The artifact store of MLflow, where spans go that it does not take."""
    given, store = context.given.mlflow_artifact_s3_uri, context.mlflow.artifacts
    if given and store and given.rstrip("/") != store.rstrip("/"):
        return failed(
            f"MLFLOW_ARTIFACT_S3_URI is {given}, and the artifact store of MLflow is {store}",
            f"set MLFLOW_ARTIFACT_S3_URI={store} in .env, and deploy",
        )
    uri = given or store
    if not uri:
        return note("MLflow names no artifact store")
    bucket = uri.removeprefix("s3://").partition("/")[0]
    found = _look_at_bucket(context, bucket, "MLflow's artifact store", None)
    return ok(uri) if found.state == "ok" else found


def check_judge_lifecycle(context: Context) -> Finding:
    """No judge model has reached its end of life, or does so soon."""
    bedrock, table, today = context.client("bedrock"), model_table(), context.now.date()
    states = [judge_state(bedrock, uri, table, today) for uri in _judges()]
    told = "; ".join(f"{one.uri} {one.told}" for one in states)
    instead = f"set BEDROCK_MODEL_ID={table.living(today)[0]} in .env, and deploy"
    if any(one.state is ModelState.ENDED for one in states):
        return failed(told, instead)
    if any(one.state is ModelState.LEGACY for one in states):
        return note(told, instead)
    return note(told) if any(s.state is ModelState.UNKNOWN for s in states) else ok(told)


def check_judge_access(context: Context) -> Finding:
    """This account may ask each judge model in this Region."""
    bedrock, judges = context.client("bedrock"), _judges()
    for uri in judges:
        if why := refusal(bedrock, uri):
            return failed(
                f"{uri}: {why}",
                "ask for the model in Bedrock's console (Model access), then: inference-monitor "
                "scorers check --live; or set BEDROCK_MODEL_ID to another",
            )
    return ok(f"{len(judges)} model{'s' * (len(judges) != 1)} can be asked")


def check_judge_answers(context: Context) -> Finding:
    """Each judge gives a verdict when asked."""
    if not context.live:
        return skipped("judges are asked with --live, for a fraction of a cent each")
    from inference_monitor.scoring.judge.client import bedrock_client  # noqa: PLC0415
    from inference_monitor_cli.live_check import check_live  # noqa: PLC0415

    settings = DeploySettings.load()
    client = bedrock_client(1, read_timeout=settings.judge_timeout_seconds)
    checked = check_live(load(locate(SCORERS)), settings.bedrock_model_id, client, model_table())
    refused = [one.probed for one in checked if one.probed.problem]
    if refused:
        return failed(
            "; ".join(f"{probed.model}: {probed.problem}" for probed in refused),
            "inference-monitor scorers check --live",
        )
    return ok("every judge has given a verdict")


def newest_capture(context: Context, bucket: str, folder: str) -> dict[str, Any] | None:
    """The capture file that was written last, in the last days; as ListObjectsV2 has it."""
    s3 = context.client("s3")
    for hours in _days(context.now):
        keys = sorted(
            (file.hour or "", file.key) for file in capture_files(s3, bucket, f"{folder}/", hours)
        )
        if keys:
            head = s3.head_object(Bucket=bucket, Key=keys[-1][1])
            return {"Key": keys[-1][1], "LastModified": head["LastModified"]}
    return None


def _days(now: datetime) -> Iterator[Hours]:
    for back in range(CAPTURE_DAYS):
        day = f"{now - timedelta(days=back):%Y-%m-%d}"
        yield Hours.parse(day, day)


def _capturing(context: Context) -> Any:
    if not context.endpoint.capturing:
        raise BlockedError("capture")
    return context.endpoint


def _judges() -> list[str]:
    try:
        return sorted(load(locate(SCORERS)).models(DeploySettings.load().bedrock_model_id))
    except CommandError:
        raise BlockedError("settings") from None


def _look_at_bucket(context: Context, bucket: str, named_by: str, because: str | None) -> Finding:
    """Whether a bucket exists and, where there is a reason for it, is in this Region."""
    here = context.session.region_name
    try:
        there = context.client("s3").head_bucket(Bucket=bucket).get("BucketRegion", here)
    except ClientError as error:
        headers = error.response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
        there = headers.get("x-amz-bucket-region", here)
        if code_of(error) in ("404", "NoSuchBucket"):
            return failed(
                f"there is no bucket {bucket}, which {named_by} is",
                "inference-monitor init --force --endpoint NAME --mlflow NAME",
            )
        if there == here:
            raise
    if because and there != here:
        return failed(
            f"bucket {bucket} is in {there}, and the Region is {here}: {because}",
            f"export AWS_DEFAULT_REGION={there}, with an MLflow there; "
            f"or capture to a bucket in {here}",
        )
    return ok(f"{bucket} in {there}")


def _invocations(context: Context) -> float:
    """Invocations of the endpoint in the last day."""
    cloudwatch, total = context.client("cloudwatch"), 0.0
    for variant in context.endpoint.variants:
        answer = cloudwatch.get_metric_statistics(
            Namespace="AWS/SageMaker",
            MetricName="Invocations",
            Dimensions=[
                {"Name": "EndpointName", "Value": context.endpoint.name},
                {"Name": "VariantName", "Value": variant},
            ],
            StartTime=context.now - timedelta(days=1),
            EndTime=context.now,
            Period=3600,
            Statistics=["Sum"],
        )
        total += sum(point["Sum"] for point in answer["Datapoints"])
    return total


def _update(endpoint: str) -> str:
    """How a capture is switched on or changed: an endpoint takes another configuration."""
    return (
        "aws sagemaker create-endpoint-config … --data-capture-config …; then aws sagemaker "
        f"update-endpoint --endpoint-name {endpoint} --endpoint-config-name NEW"
    )


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(".")[:2] if part.isdigit())


def _age(age: timedelta) -> str:
    hours = age.total_seconds() / 3600
    return f"{hours:.0f} h" if hours >= 1 else f"{max(hours, 0) * 60:.0f} min"


CHECKS = (
    Check("credentials", "AWS takes the credentials", check_credentials),
    Check("region", "Region and account are those of MLflow", check_region),
    Check("bootstrap", "the CDK is bootstrapped here", check_bootstrap),
    Check("endpoint", "the endpoint exists and serves", check_endpoint),
    Check("capture", "its inferences are captured", check_capture),
    Check("capture-sides", "requests and answers are captured", check_capture_sides),
    Check("content-types", "JSON is captured as text", check_content_types),
    Check("destination", "the capture goes where the settings say", check_destination),
    Check("bucket", "the capture bucket exists in this Region", check_bucket),
    Check("bucket-owner", "the capture bucket is this account's", check_bucket_owner),
    Check("notifications", "the bucket tells EventBridge of objects", check_notifications),
    Check("captures", "capture files come", check_captures),
    Check("mlflow", "MLflow runs and is new enough", check_mlflow),
    Check("artifacts", "MLflow's artifact store is there", check_artifacts),
    Check("judge-lifecycle", "the judge models are alive", check_judge_lifecycle),
    Check("judge-access", "this account may ask the judges", check_judge_access),
    Check("judge-answers", "each judge gives a verdict (--live)", check_judge_answers),
)
