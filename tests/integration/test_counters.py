"""Counters in an emulated DynamoDB that knows the whole language of conditions."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import boto3
import pytest
from botocore.config import Config

from inference_monitor.composition import build_pace
from inference_monitor.config.conditions import MOST_PER_HOUR
from inference_monitor.counters import AMOUNT, UNTIL, DynamoCounters
from inference_monitor.settings import Settings
from inference_monitor.tables import COUNTERS_KEY, EXPIRES
from local.emulator_process import EmulatedAws
from local.settings import MADE_UP, ChainSettings

THREADS = 16


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmulatedAws]:
    """Emulated AWS with a table of counters."""
    emulated = EmulatedAws(ChainSettings(folder=tmp_path_factory.mktemp("aws")), {})
    try:
        emulated.wait()
        emulated.client("dynamodb").create_table(
            TableName="counters",
            KeySchema=[{"AttributeName": COUNTERS_KEY, "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": COUNTERS_KEY, "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        yield emulated
    finally:
        emulated.stop()


@pytest.fixture
def counters(aws: EmulatedAws) -> DynamoCounters:
    """The table, as a worker with many threads uses it."""
    client = boto3.client(
        "dynamodb",
        region_name="us-east-1",
        endpoint_url=aws.url,
        aws_access_key_id=MADE_UP.access_key,
        aws_secret_access_key=MADE_UP.secret_key,
        config=Config(max_pool_connections=THREADS),
    )
    return DynamoCounters(client, "counters")


def test_amounts_from_many_threads_fill_the_cap_to_the_last(
    aws: EmulatedAws, counters: DynamoCounters
) -> None:
    """100 times 7 against 350: 50 are added, and what is corrected later makes room for as many."""
    name = f"day#{uuid4()}"
    with ThreadPoolExecutor(THREADS) as pool:
        added = list(pool.map(lambda _: counters.add(name, 7, at_most=350), range(100)))
        assert sum(added) == 50
        assert all(pool.map(lambda _: counters.add(name, -7), range(10)))
        added = list(pool.map(lambda _: counters.add(name, 7, at_most=350), range(20)))
        assert sum(added) == 10
    assert counters.add(name, 5)  # a call that was dearer than expected is counted, cap or not
    key = {COUNTERS_KEY: {"S": name}}
    item = aws.client("dynamodb").get_item(TableName="counters", Key=key)["Item"]
    assert item[AMOUNT] == {"N": "355"}
    assert int(item[EXPIRES]["N"]) > 0


def test_time_is_booked_once_by_many_threads(aws: EmulatedAws, counters: DynamoCounters) -> None:
    """Forty slots of 50 ms from 16 threads make two seconds; the line begins a second ago.

    What would begin too late is not booked.
    """
    quota = str(uuid4())
    begun = time.time()
    with ThreadPoolExecutor(THREADS) as pool:
        delays = list(pool.map(lambda _: counters.book(quota, 0.05, None), range(40)))
    assert None not in delays
    assert begun - 1 + 2 <= booked_until(aws, quota) <= time.time() - 1 + 2
    assert counters.book(quota, 100, None) is not None
    before = booked_until(aws, quota)
    assert counters.book(quota, 0.05, 60) is None
    assert booked_until(aws, quota) == before
    late = counters.book(quota, 0.05, 110)
    assert late is not None
    assert late == pytest.approx(before - time.time(), abs=0.5)


def booked_until(aws: EmulatedAws, quota: str) -> float:
    """The end of the line, by the clock."""
    key = {COUNTERS_KEY: {"S": f"quota#{quota}"}}
    item = aws.client("dynamodb").get_item(TableName="counters", Key=key)["Item"]
    return int(item[UNTIL]["N"]) / 1e6


def test_three_instances_keep_to_one_quota(
    aws: EmulatedAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Built as the function builds them: 35 calls at 10 a second, 10 at once, whoever asks."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", aws.url)
    for name, value in aws.environment.items():
        monkeypatch.setenv(name, value)
    settings = Settings.model_construct(
        counters_table="counters", judge_requests_per_minute=600, judge_tokens_per_minute=0
    )
    paces = [build_pace(settings) for _ in range(3)]
    begun = time.monotonic()
    with ThreadPoolExecutor(THREADS) as pool:
        admitted = list(pool.map(lambda n: paces[n % 3].admit(1000, begun + 60), range(35)))
    assert all(admitted)
    assert time.monotonic() - begun == pytest.approx(2.5, abs=1)
    assert not paces[0].admit(1000, time.monotonic() - 1)


def test_ids_from_many_threads_fill_the_set_to_the_last(counters: DynamoCounters) -> None:
    """Of 40 ids 10 get in; each asks twice and is told the same, the whole set if it is out."""
    name = f"first#{uuid4()}"
    ids = [f"tr-{n % 40}" for n in range(80)]
    with ThreadPoolExecutor(THREADS) as pool:
        told = list(pool.map(lambda identity: counters.join(name, identity, 10), ids))
    let_in = {identity for identity, full in zip(ids, told, strict=True) if full is None}
    assert len(let_in) == 10
    assert {full for full in told if full} == {frozenset(let_in)}
    assert all((full is None) is (i in let_in) for i, full in zip(ids, told, strict=True))


def test_the_largest_set_there_may_be_fits_into_an_item(counters: DynamoCounters) -> None:
    """1,000 trace ids of 35 characters, by far the most that a rule may ask for."""
    name, ids = f"first#{uuid4()}", [f"tr-{n:032x}" for n in range(MOST_PER_HOUR + 1)]
    with ThreadPoolExecutor(THREADS) as pool:
        told = list(pool.map(lambda identity: counters.join(name, identity, MOST_PER_HOUR), ids))
    (left_out,) = (full for full in told if full is not None)
    assert len(left_out) == MOST_PER_HOUR
