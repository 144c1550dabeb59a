"""The whole chain on one machine: emulated AWS, a real MLflow server behind SigV4, and a judge.

    with Chain(ChainSettings(folder)) as chain:
        deployment = chain.deploy("dev", bucket="captures", endpoint="my-endpoint")
        chain.emulated("s3").put_object(Bucket="captures", Key=…, Body=…)

Real are the CDK CLI and the template, awslambdaric and the function's code, the MLflow server, the
sagemaker-mlflow plugin and its signatures. Emulated are the AWS services; IAM is not enforced, and
the image is not built: its code runs in an environment made from its requirements.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from botocore.exceptions import ClientError

from inference_monitor.config.caps import NO_CAP
from local.cdk import Cdk
from local.emulator_process import EmulatedAws
from local.judge.batch import StandInBatches
from local.judge.server import StandInJudge
from local.mlflow_server import MlflowServer
from local.processes import StartError
from local.settings import ACCOUNT, ENVIRONMENTS, ChainSettings, environment_of
from local.sigv4_proxy import SigV4Proxy

MLFLOW_RESOURCES = {
    "app": "mlflow-app/app-LOCAL0000000",
    "tracking-server": "mlflow-tracking-server/local",
}
"""What the emulated SageMaker calls an App and a tracking server with the name `local`."""

ARTIFACT_BUCKET = "artifacts-of-mlflow"
ARTIFACT_STORE = f"s3://{ARTIFACT_BUCKET}/store"
"""Where SageMaker says that both keep artifacts; experiments of ours lie elsewhere by default."""

_ROLE = f"arn:aws:iam::{ACCOUNT}:role/sagemaker"


@dataclass(frozen=True)
class Deployment:
    """One deployed stack: what its outputs name, and the deploy settings it was made with."""

    settings: dict[str, str]
    state_machine_arn: str
    function_arn: str
    results_bucket: str
    bucket: str
    """The bucket with the capture files."""
    prefix: str
    """The key prefix, without a slash at its end, under which capture files are noticed."""

    @property
    def experiment(self) -> str:
        """The name of the MLflow experiment."""
        return self.settings["MLFLOW_EXPERIMENT_NAME"]


class Chain:
    """Everything that has to run; a context manager that ends what it has started.

    Attributes, once started: `aws`, `mlflow` (its `url` is the UI), `proxy`, `judge`, which is None
    when Bedrock itself judges, and `batches`, the stand-in's batch jobs.
    """

    def __init__(self, settings: ChainSettings | None = None) -> None:
        self.settings = settings or ChainSettings()
        self._ends = ExitStack()

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self._ends.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._ends.close()

    def emulated(self, service: str) -> Any:
        """A boto3 client of an emulated AWS service."""
        return self.aws.client(service)

    def mlflow_arn(self, kind: str = "app") -> str:
        """The tracking URI of an App or tracking server that our MLflow server stands for."""
        resource = MLFLOW_RESOURCES[kind]
        return f"arn:aws:sagemaker:{self.settings.region}:{ACCOUNT}:{resource}"

    def deploy(
        self, stack_prefix: str, *, bucket: str, endpoint: str, **settings: str
    ) -> Deployment:
        """`cdk deploy` one stack; `settings` are further deploy settings by their names.

        Bucket and endpoint are made if they are not there: the template takes them for somebody
        else's, and looks up where the endpoint captures to.
        """
        self._make_bucket(bucket)
        self.make_endpoint(endpoint, f"s3://{bucket}")
        deploy = {
            "STACK_PREFIX": stack_prefix,
            "MLFLOW_TRACKING_URI": self.mlflow_arn(),
            "SAGEMAKER_ENDPOINT_NAME": endpoint,
            "MLFLOW_EXPERIMENT_NAME": endpoint,
            # Its prices are made up: what is judged must not depend on the hour of the day.
            **(
                {"JUDGE_BUDGET_USD_PER_DAY": NO_CAP, "OTHER_ENDPOINTS": "include"}
                if self.judge
                else {}
            ),
            **settings,
        }
        self.cdk.synth(deploy)
        outputs = self.cdk.deploy(stack_prefix)
        return Deployment(
            deploy,
            outputs["StateMachineArn"],
            outputs["ProcessorLambdaArn"],
            outputs["ResultsBucketName"],
            bucket=outputs["DataCaptureBucketName"],
            prefix=outputs["DataCapturePrefix"],
        )

    def make_endpoint(self, name: str, destination: str) -> None:
        """An endpoint whose inferences are all captured to `destination`, unless it is there."""
        sagemaker = self.emulated("sagemaker")
        try:
            sagemaker.describe_endpoint(EndpointName=name)
        except ClientError:
            capture = {
                "EnableCapture": True,
                "InitialSamplingPercentage": 100,
                "DestinationS3Uri": destination,
                "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
            }
            sagemaker.create_endpoint_config(
                EndpointConfigName=name,
                ProductionVariants=[{"VariantName": "AllTraffic"}],
                DataCaptureConfig=capture,
            )
            sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)

    def destroy(self, deployment: Deployment) -> None:
        """`cdk destroy` one stack."""
        self.cdk.destroy(deployment.settings["STACK_PREFIX"])

    def _make_bucket(self, name: str) -> None:
        s3 = self.emulated("s3")
        if name not in {found["Name"] for found in s3.list_buckets()["Buckets"]}:
            s3.create_bucket(Bucket=name)

    def _make_mlflow(self) -> None:
        """An App and a tracking server, both of which are our MLflow server."""
        self._make_bucket(ARTIFACT_BUCKET)
        sagemaker = self.emulated("sagemaker")
        told = {"ArtifactStoreUri": ARTIFACT_STORE, "RoleArn": _ROLE}
        sagemaker.create_mlflow_app(Name="local", **told)
        sagemaker.create_mlflow_tracking_server(TrackingServerName="local", **told)

    def _start(self) -> None:
        settings = self.settings
        for name in ("venv-emulator", "venv-lambda"):
            if not (ENVIRONMENTS / name / "bin/python").exists():
                raise StartError(f".local/{name} is missing: run `make emulator`")
        for log in settings.logs.glob("*.log"):
            log.unlink()
        # First, because it takes longest to come up.
        self.mlflow = MlflowServer(
            settings.folder / "mlflow",
            settings.logs / "mlflow.log",
            python=settings.mlflow_python,
            database=settings.mlflow_database,
            artifacts=settings.mlflow_artifacts,
        )
        self._ends.callback(self.mlflow.stop)
        self.proxy = SigV4Proxy(self.mlflow.url, settings.credentials).start()
        self._ends.callback(self.proxy.stop)
        self.judge = StandInJudge().start() if settings.judge == "stand-in" else None
        overrides = {
            **environment_of(settings.credentials, settings.region),
            "SAGEMAKER_MLFLOW_CUSTOM_ENDPOINT": self.proxy.url,
        }
        if self.judge:
            self._ends.callback(self.judge.stop)
            overrides["AWS_ENDPOINT_URL_BEDROCK_RUNTIME"] = self.judge.url
        self.aws = EmulatedAws(settings, overrides)
        self._ends.callback(self.aws.stop)
        self.aws.wait()
        self._make_mlflow()
        self.batches = StandInBatches(self.aws.client("s3"), settings.region).start()
        self._ends.callback(self.batches.stop)
        self.cdk = Cdk(settings, self.aws.environment)
