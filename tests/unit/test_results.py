"""The results bucket: what is kept in it, and what map runs leave there."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.stub import ANY, Stubber

from inference_monitor.capture.lines import iter_lines
from inference_monitor.capture.reader import read_line
from inference_monitor.inference import Source
from inference_monitor.ledger import Summary
from inference_monitor.results import S3Results
from tests.unit.builders import s3_body

SOURCE = Source("captures", "ep/AllTraffic/x.jsonl", "ep", "AllTraffic")


def test_quarantined_lines_are_kept_whole(s3: tuple[Any, Stubber]) -> None:
    """Place, reason, digest and the text itself, under a key that the same lines get again."""
    client, stub = s3
    puts: list[dict[str, Any]] = []
    client.meta.events.register(
        "provide-client-params.s3.PutObject", lambda params, **_: puts.append(dict(params))
    )
    (line,) = iter_lines([b"\n{broken"])
    for _ in range(2):
        stub.add_response("put_object", {}, {"Bucket": "results", "Key": ANY, "Body": ANY})
        S3Results(client, "results").quarantine(SOURCE, [(read_line(line), "not JSON")])
    assert puts[0]["Key"].startswith("quarantine/captures/ep/AllTraffic/x.jsonl/")
    assert puts[0]["Key"] == puts[1]["Key"]
    row = json.loads(puts[0]["Body"])
    assert {k: row[k] for k in ("line", "offset", "reason", "text", "source")} == {
        "line": 2, "offset": 1, "reason": "not JSON", "text": "{broken", "source": SOURCE.uri,
    }  # fmt: skip


def test_the_ledger_says_whose_it_is(s3: tuple[Any, Stubber]) -> None:
    """Counts with source, endpoint and variant, at the key `ledger_key` names."""
    client, stub = s3
    puts: list[dict[str, Any]] = []
    client.meta.events.register(
        "provide-client-params.s3.PutObject", lambda params, **_: puts.append(dict(params))
    )
    stub.add_response("put_object", {})
    S3Results(client, "results").write_ledger(SOURCE, Summary(captured=2, traced=1, duplicate=1))
    assert puts[0]["Key"] == "ledger/captures/ep/AllTraffic/x.jsonl.json"
    ledger = json.loads(puts[0]["Body"])
    assert Summary.from_dict(ledger) == Summary(captured=2, traced=1, duplicate=1)
    assert (ledger["endpoint"], ledger["variant"], ledger["balanced"]) == ("ep", "AllTraffic", True)


@pytest.mark.parametrize(
    ("status", "code"), [(412, "PreconditionFailed"), (409, "ConditionalRequestConflict")]
)
def test_a_ledger_that_is_there_stays(s3: tuple[Any, Stubber], status: int, code: str) -> None:
    """The first one is written on the condition that there is none; S3's refusals are an answer."""
    client, stub = s3
    wanted = {"Bucket": "results", "Key": ANY, "Body": ANY, "IfNoneMatch": "*"}
    stub.add_response("put_object", {}, wanted)
    stub.add_client_error("put_object", code, http_status_code=status, expected_params=wanted)
    results = S3Results(client, "results")
    assert results.write_first_ledger(SOURCE, Summary(captured=2)) is True
    assert results.write_first_ledger(SOURCE, Summary(captured=2)) is False


def test_map_results_are_read_by_their_manifest(s3: tuple[Any, Stubber]) -> None:
    """Outputs of all batches that succeeded, execution records of those that failed."""
    client, stub = s3
    manifest = {
        "ResultFiles": {
            "SUCCEEDED": [{"Key": "s0"}, {"Key": "s1"}],
            "FAILED": [{"Key": "f0"}],
            "PENDING": [],
        }
    }
    bodies = (json.dumps(manifest), '{"captured": 1}\n', '{"captured": 2}', '{"Input": "{}"}\n')
    for body in bodies:
        stub.add_response("get_object", s3_body(body.encode()))
    succeeded, failed = S3Results(client, "results").read_map_results("results", "m.json")
    assert (succeeded, failed) == ([{"captured": 1}, {"captured": 2}], [{"Input": "{}"}])
