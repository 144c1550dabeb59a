"""What a run makes in the account, and how it goes away again, whatever happens."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from botocore.exceptions import BotoCoreError, ClientError, WaiterError

from benchmarks.smoke_aws.findings import told
from inference_monitor.errors import MonitorError
from stacks.names import Names

STACK_WAIT = {"Delay": 10, "MaxAttempts": 180}


@dataclass(frozen=True, slots=True)
class Removal:
    """Something that was to be removed; `problem` says why it is still there."""

    what: str
    problem: str | None = None


@dataclass
class Removals:
    """Remembers how to remove what was made; on leaving does all of it, the latest first.

    A removal that fails is noted, and the others are done all the same.
    """

    done: list[Removal] = field(default_factory=list)
    _todo: list[tuple[str, Callable[[], None]]] = field(default_factory=list)

    def add(self, what: str, remove: Callable[[], None]) -> None:
        """Note this before the thing is made, so that half of it is removed, too."""
        self._todo.append((what, remove))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        while self._todo:
            what, remove = self._todo.pop()
            self.done.append(Removal(what, _problem_of(remove)))


def _problem_of(remove: Callable[[], None]) -> str | None:
    try:
        remove()
    except (BotoCoreError, ClientError, MonitorError, OSError, LookupError) as error:
        return told(error)
    return None


@dataclass(frozen=True)
class Account:
    """AWS as this run uses it; endpoints come from the environment, as for any SDK."""

    session: Any
    prefix: str
    stack_wait: dict[str, int] = field(default_factory=lambda: dict(STACK_WAIT))

    def client(self, service: str) -> Any:
        """A boto3 client."""
        return self.session.client(service)

    @property
    def region(self) -> str:
        """The Region of everything."""
        return str(self.session.region_name)

    @property
    def tags(self) -> dict[str, str]:
        """On everything that is made; those of the stack are the same."""
        return {"Project": "sagemaker-inference-monitor", "StackPrefix": self.prefix}

    def make_bucket(self, name: str) -> None:
        """Make the bucket of the capture files."""
        where = {} if self.region == "us-east-1" else {
            "CreateBucketConfiguration": {"LocationConstraint": self.region}
        }  # fmt: skip
        s3 = self.client("s3")
        s3.create_bucket(Bucket=name, **where)
        tags = [{"Key": key, "Value": value} for key, value in self.tags.items()]
        s3.put_bucket_tagging(Bucket=name, Tagging={"TagSet": tags})

    def remove_bucket(self, name: str) -> None:
        """Empty and delete a bucket; one that is not there is fine."""
        s3 = self.client("s3")
        try:
            for page in s3.get_paginator("list_objects_v2").paginate(Bucket=name):
                if keys := [{"Key": found["Key"]} for found in page.get("Contents", ())]:
                    answer = s3.delete_objects(Bucket=name, Delete={"Objects": keys, "Quiet": True})
                    if errors := answer.get("Errors"):
                        raise OSError(f"{len(errors)} objects of {name} cannot be deleted")
            s3.delete_bucket(Bucket=name)
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") != "NoSuchBucket":
                raise

    def remove_stack(self) -> None:
        """Delete the stack, also one that is half made, and the bucket that it would keep."""
        cloudformation, name = self.client("cloudformation"), Names(self.prefix).stack
        kept = self._buckets_of_stack()
        # Objects may be written until the function is gone: the stack goes first.
        cloudformation.delete_stack(StackName=name)
        try:
            cloudformation.get_waiter("stack_delete_complete").wait(
                StackName=name, WaiterConfig=self.stack_wait
            )
        except WaiterError as error:
            raise OSError(f"stack {name} is not deleted: {error}") from error
        finally:
            for bucket in kept:
                self.remove_bucket(bucket)

    def remove_log_groups(self) -> None:
        """Delete the log groups of the prefix; those that Lambda makes itself outlive a stack."""
        logs = self.client("logs")
        for name in list(self._log_groups()):
            try:
                logs.delete_log_group(logGroupName=name)
            except logs.exceptions.ResourceNotFoundException:
                continue

    def left_behind(self, patience_seconds: float = 60) -> list[str]:
        """What can still be found of this prefix.

        Lists by the prefix's tag lag behind what was deleted, hence the patience.
        """
        deadline = time.monotonic() + patience_seconds
        while (found := self._found()) and time.monotonic() < deadline:
            time.sleep(min(5, patience_seconds))
        return found

    def _found(self) -> list[str]:
        tagged = self.client("resourcegroupstaggingapi").get_paginator("get_resources")
        pages = tagged.paginate(TagFilters=[{"Key": "StackPrefix", "Values": [self.prefix]}])
        found = [r["ResourceARN"] for page in pages for r in page["ResourceTagMappingList"]]
        return [*filter(self._exists, found), *self._log_groups()]

    def _exists(self, arn: str) -> bool:
        """Whether it is more than a line of the index of tags, where tables stay for a while."""
        if ":dynamodb:" not in arn:
            return True
        dynamodb = self.client("dynamodb")
        try:
            dynamodb.describe_table(TableName=arn.rpartition("/")[2])
        except dynamodb.exceptions.ResourceNotFoundException:
            return False
        return True

    def _buckets_of_stack(self) -> list[str]:
        try:
            pages = list(
                self.client("cloudformation")
                .get_paginator("list_stack_resources")
                .paginate(StackName=Names(self.prefix).stack)
            )
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") == "ValidationError":
                return []  # there is no stack
            raise
        return [
            resource["PhysicalResourceId"]
            for page in pages
            for resource in page["StackResourceSummaries"]
            if resource["ResourceType"] == "AWS::S3::Bucket" and resource.get("PhysicalResourceId")
        ]

    def _log_groups(self) -> Iterator[str]:
        names = Names(self.prefix)
        beginnings = (
            f"/aws/lambda/{names.function}",
            names.log_group,
            f"/aws/lambda/{names.stack}",
        )
        pages = self.client("logs").get_paginator("describe_log_groups")
        for beginning in beginnings:
            for page in pages.paginate(logGroupNamePrefix=beginning):
                yield from (group["logGroupName"] for group in page["logGroups"])
