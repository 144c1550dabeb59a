"""The stand-in's batch jobs refuse what Bedrock's refuse; else tests against it prove nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from inference_monitor.scoring.batch.jobs import LEAST_RECORDS
from local.judge.behaviour import Behaviour
from tests.unit.aws import RESULTS, S3
from tests.unit.batches import Bedrock

PLAIN = {"messages": [{"role": "user", "content": [{"text": "Judge."}]}]}
TOOL = {"toolSpec": {"name": "verdict", "inputSchema": {"json": {"type": "object"}}}}


@pytest.fixture
def bedrock() -> Bedrock:
    """Bedrock, with an empty bucket."""
    return Bedrock(S3())


def job(
    bedrock: Bedrock, *inputs: dict[str, Any], model: str = "amazon.nova-pro-v1:0"
) -> dict[str, Any]:
    """A job over these inputs, when it has ended; gives its last state."""
    rows = (json.dumps({"recordId": str(n), "modelInput": i}) for n, i in enumerate(inputs))
    body = "".join(f"{row}\n" for row in rows).encode()
    bedrock.s3.put_object(Bucket=RESULTS, Key="in/records.jsonl", Body=body)
    asked = {
        "jobName": "job",
        "clientRequestToken": "job",
        "modelId": model,
        "inputDataConfig": {"s3InputDataConfig": {"s3Uri": f"s3://{RESULTS}/in/records.jsonl"}},
        "outputDataConfig": {"s3OutputDataConfig": {"s3Uri": f"s3://{RESULTS}/out/"}},
    }
    arn = bedrock.create_model_invocation_job(**asked)["jobArn"]
    assert bedrock.create_model_invocation_job(**asked)["jobArn"] == arn
    states = [bedrock.get_model_invocation_job(jobIdentifier=arn) for _ in range(3)]
    assert states[0]["status"] == "Submitted"
    return states[-1]


def rows(bedrock: Bedrock) -> list[dict[str, Any]]:
    """The lines of the output, in the order of the records."""
    (key,) = (key for key in bedrock.s3.keys(RESULTS) if key.endswith("/records.jsonl.out"))
    return sorted(bedrock.s3.rows(RESULTS, key), key=lambda row: int(row["recordId"]))


def test_too_few_records_fail_the_job(bedrock: Bedrock) -> None:
    """The least number is the one the command knows, and the reason is in Bedrock's words."""
    ended = job(bedrock, *[PLAIN] * (LEAST_RECORDS - 1))
    assert ended["status"] == "Failed"
    assert "contains less records (99) than the required minimum of: 100" in ended["message"]


def test_a_tool_fails_its_record_only(bedrock: Bedrock) -> None:
    """A record with a toolConfig has an error for an output; a malformed one, too."""
    tools = {**PLAIN, "toolConfig": {"tools": [TOOL]}}
    ended = job(bedrock, tools, {"messages": []}, *[PLAIN] * LEAST_RECORDS)
    assert (ended["status"], ended["errorRecordCount"], ended["successRecordCount"]) == (
        "Completed", 2, LEAST_RECORDS
    )  # fmt: skip
    first, second, third = rows(bedrock)[:3]
    assert first["error"]["errorMessage"].startswith("toolConfig is not supported")
    assert (second["error"]["errorCode"], "modelOutput" in second) == (400, False)
    (block,) = third["modelOutput"]["output"]["message"]["content"]
    assert block["text"].startswith("Stand-in judge")
    assert block["toolUse"] is None


def test_answers_come_in_another_order(bedrock: Bedrock) -> None:
    """Whoever counts on the order of the records is found out; the sums are in a file beside."""
    job(bedrock, *[PLAIN] * LEAST_RECORDS)
    key, counts = bedrock.s3.keys(RESULTS, "out/")[::-1]
    ids = [row["recordId"] for row in bedrock.s3.rows(RESULTS, key)]
    assert sorted(ids, key=int) == [str(n) for n in range(LEAST_RECORDS)]
    assert ids != sorted(ids, key=int)
    (told,) = bedrock.s3.rows(RESULTS, counts)
    assert told["totalRecordCount"] == told["successRecordCount"] == LEAST_RECORDS
    assert told["inputTokenCount"] > LEAST_RECORDS


SCHEMA = {"type": "object", "properties": {"result": {"enum": ["yes", "no"]}}}
TOLD = {**PLAIN, "system": [{"text": f"Write JSON that fits:\n{json.dumps(SCHEMA)}"}]}


def test_records_are_refused_as_calls_are(bedrock: Bedrock) -> None:
    """What the model does not take fails the record that has it, in the model's words."""
    cold = {**TOLD, "inferenceConfig": {"temperature": 0}}
    inputs = [cold] + [TOLD] * LEAST_RECORDS
    ended = job(bedrock, *inputs, model="global.anthropic.claude-opus-5-5")
    assert (ended["errorRecordCount"], ended["successRecordCount"]) == (1, LEAST_RECORDS)
    refused, answered = rows(bedrock)[:2]
    assert refused["error"] == {
        "errorCode": 400,
        "errorMessage": "The model returned the following errors:"
        " `temperature` is deprecated for this model.",
    }
    thought, said = answered["modelOutput"]["output"]["message"]["content"]
    assert (thought["reasoningContent"] is None, thought["text"]) == (False, None)
    assert json.loads(said["text"]) == {"result": "yes"}
    assert answered["modelOutput"]["usage"]["outputTokens"] > 2000


def test_text_is_written_as_the_model_writes_it(bedrock: Bedrock) -> None:
    """In a code fence, or with a spelling of its own; a judge that declines says so."""
    job(bedrock, *[TOLD] * LEAST_RECORDS, model="us.meta.llama4-scout-17b-instruct-v1:0")
    output = rows(bedrock)[0]["modelOutput"]
    (block,) = output["output"]["message"]["content"]
    assert block["text"] == '```json\n{"result": "yes"}\n```'
    other = Bedrock(S3())
    other.batches.behaviour = Behaviour(mode="declines", declined_by="content_filtered")
    job(other, *[TOLD] * LEAST_RECORDS)
    assert rows(other)[0]["modelOutput"]["stopReason"] == "content_filtered"


def test_a_dead_model_takes_no_jobs(bedrock: Bedrock) -> None:
    """A job for it is refused when it is made."""
    with pytest.raises(ClientError, match="end of its life"):
        job(bedrock, *[TOLD] * LEAST_RECORDS, model="us.anthropic.claude-opus-4-20250514-v1:0")
    assert not bedrock.batches.jobs
