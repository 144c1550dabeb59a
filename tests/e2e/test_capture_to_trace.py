"""A capture file goes in, scored traces come out, every line is accounted for."""

from __future__ import annotations

import gzip
import json

import pytest

from local.judge.answer import SAYS
from tests.e2e.deployed import Stack
from tests.e2e.records import chat, failure, lines

JUDGED = {
    "safety", "relevance_to_query", "fluency", "follows_objective", "professional_tone",
    "no_harmful_advice", "coherence",
}  # fmt: skip


def test_a_file_becomes_scored_traces(dev: Stack) -> None:
    """60 records are handed over in three batches; each becomes one trace with every score."""
    records = [chat(f"batched-{n}") for n in range(59)] + [failure("batched-failed")]
    execution = dev.process("batched", lines(*records))
    key = dev.key("batched")

    assert execution["status"] == "SUCCEEDED", execution
    expected = {"captured": 60, "traced": 60, "scored": 59, "unscored": 1, "judge_calls": 59 * 7}
    ledger = dev.ledger(key)
    assert {name: ledger[name] for name in expected} == expected
    assert (ledger["duplicate"], ledger["skipped"], ledger["quarantined"]) == (0, 0, 0)

    batches = [json.loads(child["input"]) for child in dev.children(execution)]
    assert sorted(len(batch["Items"]) for batch in batches) == [10, 25, 25]
    assert {(b["BatchInput"]["bucket"], b["BatchInput"]["key"]) for b in batches} == {
        (dev.deployment.bucket, key)
    }

    traces = dev.traces(key)
    assert set(traces) == {record["eventMetadata"]["eventId"] for record in records}
    names = {event: {a.name for a in t.info.assessments} for event, t in traces.items()}
    assert all(names[event] >= JUDGED for event in traces if event != "batched-failed")
    assert not JUDGED & names["batched-failed"]
    assert traces["batched-failed"].info.state == "ERROR"
    assert traces["batched-failed"].info.tags["status_code"] == "424"


def test_a_trace_says_what_was_captured(dev: Stack) -> None:
    """Content, time, tokens, tags and rationales of a trace are those of the record."""
    dev.process("said", lines(chat("said-1")))
    (trace,) = dev.traces(dev.key("said")).values()

    assert trace.info.request_time == 1772442000000  # 2026-03-02T09:00:00Z
    assert trace.info.state == "OK"
    assert trace.info.token_usage == {"input_tokens": 21, "output_tokens": 12, "total_tokens": 33}
    tags = {"endpoint": "dev-llm", "variant": "AllTraffic", "status_code": "200"}
    assert {name: trace.info.tags[name] for name in tags} == tags
    (root,) = trace.data.spans
    assert root.span_type == "CHAT_MODEL"
    assert root.inputs["messages"][0]["content"] == "Which oil is good for a chain? (said-1)"
    answer = root.outputs["choices"][0]["message"]["content"]
    assert answer == "A dry oil is good for a chain in summer."
    judged = [a for a in trace.info.assessments if a.name in JUDGED]
    assert len(judged) == len(JUDGED)
    assert {a.feedback.value for a in judged if a.feedback} == {"yes", "coherent"}
    assert all((a.rationale or "").startswith(SAYS) for a in judged)
    assert {a.source.source_type for a in judged} == {"LLM_JUDGE"}


@pytest.mark.parametrize(
    "layout", ["compressed", "pretty-printed", "an array on one line", "glued"]
)
def test_a_file_of_another_layout_becomes_traces(dev: Stack, layout: str) -> None:
    """What Step Functions cannot read, or reads as one item, is read by the function."""
    name = layout.replace(" ", "-")
    records = [chat(f"{name}-{n}") for n in range(3)]
    files = {
        "compressed": gzip.compress(lines(*records)),
        "pretty-printed": json.dumps(records, indent=2).encode(),
        "an array on one line": json.dumps(records).encode(),
        "glued": lines(*records).replace(b"\n", b""),
    }
    execution = dev.process(name, files[layout])
    assert execution["status"] == "SUCCEEDED", execution
    ledger = dev.ledger(dev.key(name))
    assert {n: ledger[n] for n in ("captured", "traced", "quarantined")} == {
        "captured": 3, "traced": 3, "quarantined": 0,
    }  # fmt: skip
    assert set(dev.traces(dev.key(name))) == {r["eventMetadata"]["eventId"] for r in records}


def test_requests_to_mlflow_are_signed(dev: Stack) -> None:
    """The function reaches MLflow through the plugin's signatures, and none was refused."""
    before = dev.chain.proxy.admitted.total()
    dev.process("signed", lines(chat("signed-1")))
    assert dev.chain.proxy.admitted.total() > before
    assert dev.chain.proxy.admitted["POST /v1/traces"] > 0
    assert not dev.chain.proxy.refused


def test_logs_and_histories_hold_no_prompt_or_answer(dev: Stack) -> None:
    """What people typed is in no log of any service, and in no history but in children's inputs.

    Those are the batches; `docs/security.md` says who can read them.
    """
    secret = "Is xylophone-42 a secret?"
    whole = dev.process("secret", lines(chat("secret-1", question=secret)))
    broken = dev.process("secret-broken", lines(chat("secret-2", question=secret), f"{{{secret}"))
    assert dev.ledger(dev.key("secret-broken"))["quarantined"] == 1
    told = [log.read_text(errors="replace") for log in dev.chain.settings.logs.iterdir()]
    assert dev.key("secret") in "".join(told)
    sfn = dev.chain.emulated("stepfunctions")
    for execution in (whole, broken):
        arn = execution["executionArn"]
        history = sfn.get_execution_history(executionArn=arn, maxResults=1000)["events"]
        children = [{**child, "input": ""} for child in dev.children(execution)]
        told.append(json.dumps([execution, history, children], default=str))
    for word in ("xylophone-42", "dry oil"):
        assert word not in "".join(told), word
