"""Invoke the deployed function, and insist that its answer accounts for everything."""

from __future__ import annotations

import json
from collections.abc import Sequence

from botocore.config import Config

from inference_monitor.errors import JudgeUnavailableError, TransientError
from inference_monitor.ledger import Summary
from inference_monitor_cli.deployment import Deployment
from inference_monitor_cli.sending import NotSentError

MAX_ITEMS = 25
"""What the workflow puts into a batch by default; the judge is done with it well within Lambda's
time."""
MAX_BYTES = 6 * 1024 * 1024 - 64 * 1024
"""Lambda takes requests of 6 MB ("Lambda quotas"); the rest is for the file's name."""

# Lambda answers within 15 minutes, and says nothing before. Sending twice would be harmless.
_PATIENT = Config(
    read_timeout=920,
    connect_timeout=10,
    max_pool_connections=100,
    tcp_keepalive=True,
    retries={"mode": "standard", "total_max_attempts": 5},
)
_WHAT_TO_DO = {
    TransientError.__name__: "run the same command again in a while",
    JudgeUnavailableError.__name__: (
        "run the same command again for the scores, when the judge answers"
    ),
}


class Processor:
    """The function of a deployment."""

    def __init__(self, deployment: Deployment) -> None:
        self._lambda = deployment.session.client("lambda", config=_PATIENT)
        self._arn = deployment.function_arn

    def process(self, bucket: str, key: str, items: Sequence[str], *, execution: str) -> Summary:
        """Have records of a file traced and scored.

        Args:
            bucket: The bucket of the file.
            key: Its key.
            items: The records as JSON; together no more than MAX_BYTES.
            execution: Makes a repetition another attempt of the same delivery.

        Raises:
            NotSentError: If the function failed, or its answer does not account for every record.
        """
        batch_input = json.dumps({"bucket": bucket, "key": key, "execution": execution})
        event = f'{{"BatchInput": {batch_input}, "Items": [{", ".join(items)}]}}'
        return self.repeat(event, len(items))

    def repeat(self, event: str, records: int | None) -> Summary:
        """Invoke it with an event as it is; `records` is how many this holds, None if unknown.

        Raises:
            NotSentError: If the function failed, or its answer does not account for every record.
        """
        summary = self._invoke(event)
        if not summary.balanced or summary.captured != (records or summary.captured):
            raise NotSentError(
                f"the function accounts for {summary.captured} of {records} records: deploy "
                "the version that this command belongs to"
            )
        return summary

    def close_ledger(self, bucket: str, key: str, manifest: tuple[str, str]) -> Summary:
        """Have the ledger of a file written from the results of a map run (bucket and key)."""
        results = {"Bucket": manifest[0], "Key": manifest[1]}
        ledger = {"bucket": bucket, "key": key, "results": results}
        return self._invoke(json.dumps({"ledger": ledger}))

    def _invoke(self, payload: str) -> Summary:
        answer = self._lambda.invoke(FunctionName=self._arn, Payload=payload.encode())
        body = json.loads(answer["Payload"].read())
        if "FunctionError" in answer:
            kind = str(body.get("errorType", answer["FunctionError"]))
            advice = _WHAT_TO_DO.get(kind, f"see the log of {self._arn.rpartition(':')[2]}")
            raise NotSentError(f"{kind}: {body.get('errorMessage', '')}; {advice}")
        return Summary.from_dict(body)
