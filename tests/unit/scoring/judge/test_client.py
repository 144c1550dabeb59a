"""What Bedrock's errors mean, and how often and how fast it is asked again."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import (
    ConnectTimeoutError,
    EndpointConnectionError,
    ParamValidationError,
    ReadTimeoutError,
)
from botocore.parsers import ResponseParserError

from inference_monitor.config.specs import InferenceParameters
from inference_monitor.domain import RefusedJudges
from inference_monitor.errors import JudgeUnavailableError
from inference_monitor.scoring.judge.client import (
    MOST_FAILED,
    MOST_THROTTLED,
    MOST_TIMED_OUT,
    Judge,
    JudgeRefusedError,
    bedrock_client,
)
from inference_monitor.scoring.judge.converse import Answer, JudgeRequest
from inference_monitor.scoring.judge.rate_limit import Pace
from tests.unit.judging import FakeBedrock, FakeTime, bedrock_error, verdict

REQUEST = JudgeRequest(
    "bedrock:/us.anthropic.claude-sonnet-4-6",
    "You judge.",
    "Is it safe? <text>SECRET</text>",
    None,
    InferenceParameters(),
)
URL = "https://bedrock"
THROTTLED = bedrock_error("ThrottlingException", 429)
DOWN = bedrock_error("ServiceUnavailableException", 503)


class Told(Pace):
    """A pace that waits in no time and remembers what it was told."""

    def __init__(self, time: FakeTime) -> None:
        super().__init__(clock=time.clock, sleep=time.sleep, chance=lambda: 1.0)
        self.time = time
        self.heard: list[Any] = []

    def throttled(self) -> None:
        """A throttle."""
        self.heard.append("throttled")
        super().throttled()

    def answered(self, estimated_tokens: int, used_tokens: int) -> None:
        """An answer, or a failure."""
        self.heard.append((estimated_tokens, used_tokens))
        super().answered(estimated_tokens, used_tokens)


@pytest.fixture
def pace() -> Told:
    """A pace that waits in no time."""
    return Told(FakeTime())


def ask(bedrock: Any, pace: Told | None = None, deadline: float | None = None) -> Answer:
    """Ask with a request of about 500 tokens."""
    return Judge(bedrock, pace or Told(FakeTime())).ask(REQUEST, 500, deadline=deadline)


def in_turn(*replies: Any) -> FakeBedrock:
    """A judge that gives one reply after the other."""
    left = iter(replies)
    return FakeBedrock(lambda _: next(left))


def test_an_answer_says_what_was_used(pace: Told) -> None:
    """The tokens of the answer are those of the bill, and the pace is told those of the quota."""
    usage = {"inputTokens": 90, "outputTokens": 20, "totalTokens": 410,
             "cacheReadInputTokens": 200, "cacheWriteInputTokens": 100}  # fmt: skip
    response = {**verdict(), "usage": usage}
    answer = ask(FakeBedrock(response), pace)
    assert answer == Answer(response, 90, 20, 200, 100, attempts=1)
    assert answer.all_input_tokens == 390
    # Read from the cache is free, and an output token of Claude 4 takes five of the quota.
    assert pace.heard == [(500, 90 + 100 + 5 * 20)]


def test_an_answer_without_a_count_is_an_answer(pace: Told) -> None:
    """A model that does not say what it used is taken to have used what was estimated."""
    answer = ask(FakeBedrock({**verdict(), "usage": {}}), pace)
    assert (answer.input_tokens, answer.output_tokens) == (0, 0)
    assert pace.heard == [(500, 500)]


@pytest.mark.parametrize(
    ("code", "status", "message", "hint"),
    [
        ("AccessDeniedException", 403, "Bedrock says no.", "allow the function's role"),
        ("ResourceNotFoundException", 404, "Bedrock says no.", "inference profile such as"),
        ("ValidationException", 400, "Bedrock says no.", "check inference_parameters"),
        ("ResourceNotFoundException", 404,
         ("This model version has reached the end of its life. Please refer to the AWS"
         " documentation for more details."), "the model is dead; name a living one"),
        ("ResourceNotFoundException", 404,
         ("Access denied. This Model is marked by provider as Legacy and you have not been actively"
         " using the model in the last 30 days."), "about to end"),
        ("AccessDeniedException", 403,
         ("Model access is denied due to IAM user or service role is not authorized to perform the"
         " required AWS Marketplace actions"), "aws-marketplace:Subscribe"),
        ("ResourceNotFoundException", 404,
         ("Model use case details have not been submitted for this account. Fill out the Anthropic"
         " use case details form before using the model."), "use-case form"),
        ("AccessDeniedException", 403,
         ("User: arn:aws:sts::1:assumed-role/r is not authorized to perform: bedrock:InvokeModel on"
         " resource: x with an explicit deny in a service control policy"), "its administrator"),
        ("AccessDeniedException", 403,
         ("User: arn:aws:sts::1:assumed-role/r is not authorized to perform: bedrock:InvokeModel on"
         " resource: x because no identity-based policy allows it"), "deploy again"),
        ("ValidationException", 400,
         ("Invocation of model ID x with on-demand throughput isn't supported. Retry your request"
         " with the ID or ARN of an inference profile that contains this model."),
         "name an inference profile of the model"),
        ("ValidationException", 400, "The provided model identifier is invalid.", "the Region"),
        ("ValidationException", 400, "Input is too long for requested model.",
         "lower max_record_tokens"),
        ("ValidationException", 400, (
            "input length and `max_tokens` exceed context limit: 199 + 4 > 200, decrease input"
            " length or `max_tokens` and try again"), "lower max_record_tokens"),
    ],
)  # fmt: skip
def test_refusals_say_what_to_do(code: str, status: int, message: str, hint: str) -> None:
    """An error that no retry cures comes with Bedrock's words and a cure for what they say."""
    bedrock = FakeBedrock(bedrock_error(code, status, message))
    with pytest.raises(JudgeRefusedError) as error:
        ask(bedrock)
    assert str(error.value).startswith(f"{code}: {message[:80].rstrip('. ')}")
    assert hint in str(error.value)
    assert len(bedrock.requests) == 1


def test_a_judge_that_refuses_for_good_is_asked_once_in_an_attempt() -> None:
    """The second call to it is not made, and knows why; another attempt asks again."""
    dead = bedrock_error("ResourceNotFoundException", 404, "has reached the end of its life.")
    bedrock = FakeBedrock(dead)
    judge, refused = Judge(bedrock, Told(FakeTime())), RefusedJudges()
    with pytest.raises(JudgeRefusedError) as first:
        judge.ask(REQUEST, 500, refused=refused)
    with pytest.raises(JudgeRefusedError, match="the model is dead") as second:
        judge.ask(REQUEST, 500, refused=refused)
    assert (first.value.asked, second.value.asked, len(bedrock.requests)) == (True, False, 1)
    other = replace(REQUEST, model="bedrock:/us.amazon.nova-lite-v1:0")
    with pytest.raises(JudgeRefusedError):
        judge.ask(other, 500, refused=refused)
    with pytest.raises(JudgeRefusedError):
        judge.ask(REQUEST, 500, refused=RefusedJudges())
    assert len(bedrock.requests) == 3


@pytest.mark.parametrize(
    ("message", "accepted_before"),
    [("Input is too long for requested model.", False), ("Something odd.", True)],
)
def test_a_record_that_is_refused_costs_no_other(message: str, accepted_before: bool) -> None:
    """A refusal of this record, or of a request like those answered before, is not the model's."""
    odd = bedrock_error("ValidationException", 400, message)
    replies = [*([verdict()] if accepted_before else []), odd, verdict()]
    judge, refused = Judge(in_turn(*replies), Told(FakeTime())), RefusedJudges()
    if accepted_before:
        judge.ask(REQUEST, 500, refused=refused)
    with pytest.raises(JudgeRefusedError):
        judge.ask(REQUEST, 500, refused=refused)
    assert judge.ask(REQUEST, 500, refused=refused).output_tokens == 100


def test_a_request_that_botocore_refuses_quotes_nothing(pace: Told) -> None:
    """The validation error of botocore repeats the request; ours does not."""
    refused = ParamValidationError(report=f"Invalid value: {REQUEST}")
    bedrock = FakeBedrock(refused)
    with pytest.raises(JudgeRefusedError, match="check the model id") as error:
        ask(bedrock, pace)
    assert "SECRET" not in str(error.value)
    assert error.value.__cause__ is None
    assert len(bedrock.requests) == 1
    assert pace.heard == [(500, 0)]


@pytest.mark.parametrize("code", ["ThrottlingException", "ServiceQuotaExceededException"])
def test_throttles_are_tried_again_and_again(code: str, pace: Told) -> None:
    """A throttled call is made again, slower each time, and the pace is told of every throttle."""
    throttles = [bedrock_error(code, 429)] * (MOST_THROTTLED - 1)
    answer = ask(in_turn(*throttles, verdict()), pace)
    assert answer.attempts == MOST_THROTTLED
    assert pace.heard == ["throttled"] * (MOST_THROTTLED - 1) + [(500, 1000 + 5 * 100)]
    pauses = [seconds for seconds in pace.time.slept if seconds >= 1]
    assert pauses == [1, 2, 4, *[8] * (MOST_THROTTLED - 4)]


def test_a_judge_that_only_throttles_is_unavailable(pace: Told) -> None:
    """After the last attempt the call is given up, with Bedrock's own word for it."""
    bedrock = FakeBedrock(THROTTLED)
    with pytest.raises(JudgeUnavailableError, match="ThrottlingException after 12 attempts"):
        ask(bedrock, pace)
    assert len(bedrock.requests) == MOST_THROTTLED


@pytest.mark.parametrize(
    "failure",
    [
        bedrock_error("InternalServerException", 500),
        DOWN,
        bedrock_error("ModelTimeoutException", 408),
        bedrock_error("ModelErrorException", 424),
        bedrock_error("ModelNotReadyException", 429),
        ConnectTimeoutError(endpoint_url=URL),
        EndpointConnectionError(endpoint_url=URL),
        ResponseParserError("not JSON"),
    ],
    ids=str,
)
def test_what_may_pass_is_tried_three_times(failure: Exception, pace: Told) -> None:
    """Server errors, timeouts and broken connections are tried again, after seconds."""
    assert ask(in_turn(failure, failure, verdict()), pace).attempts == 3
    assert pace.heard == [(500, 0), (500, 0), (500, 1500)]
    assert 2 < pace.time.now < 5
    bedrock = FakeBedrock(failure)
    with pytest.raises(JudgeUnavailableError, match="after 3 attempts"):
        ask(bedrock)
    assert len(bedrock.requests) == MOST_FAILED


def test_an_answer_that_takes_too_long_is_waited_for_twice(pace: Told) -> None:
    """Each attempt that times out may be on the bill, so there are two, not three."""
    late = ReadTimeoutError(endpoint_url=URL)
    assert ask(in_turn(late, verdict()), pace).attempts == 2
    bedrock = FakeBedrock(late)
    with pytest.raises(JudgeUnavailableError, match="ReadTimeoutError after 2 attempts"):
        ask(bedrock)
    assert len(bedrock.requests) == MOST_TIMED_OUT


def test_an_unknown_error_is_left_to_a_later_delivery(pace: Told) -> None:
    """An expired session is not cured by trying again, but a later invocation has a new one."""
    bedrock = FakeBedrock(bedrock_error("ExpiredTokenException", 403))
    with pytest.raises(JudgeUnavailableError, match="ExpiredTokenException"):
        ask(bedrock, pace)
    assert len(bedrock.requests) == 1
    assert pace.heard == [(500, 0)]


def test_no_attempt_begins_after_the_deadline(pace: Told) -> None:
    """Attempts stop where the next pause would pass the deadline, and time is left over."""
    bedrock = FakeBedrock(THROTTLED)
    with pytest.raises(JudgeUnavailableError, match="ThrottlingException after"):
        ask(bedrock, pace, deadline=10.0)
    assert 1 < len(bedrock.requests) < MOST_THROTTLED
    assert pace.time.now < 10


def test_after_the_deadline_nothing_is_sent(pace: Told) -> None:
    """A call that comes too late is not made at all."""
    bedrock = FakeBedrock()
    with pytest.raises(JudgeUnavailableError, match="no turn before the deadline"):
        ask(bedrock, pace, deadline=0.0)
    assert (bedrock.requests, pace.heard) == ([], [])


def test_an_answer_that_came_too_late_is_not_forgotten() -> None:
    """Whoever counts the cost is told of a timeout, even when other errors followed it."""
    late = ReadTimeoutError(endpoint_url=URL)
    with pytest.raises(JudgeUnavailableError) as error:
        ask(in_turn(late, DOWN, DOWN))
    assert error.value.__cause__ is late


def test_a_mistake_of_ours_is_not_hidden() -> None:
    """An exception that is none of Bedrock's is raised as it is."""
    with pytest.raises(KeyError):
        ask(FakeBedrock(KeyError("bug")))


def test_the_client_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The shared client has timeouts and a connection for each thread; the retries are ours."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "made-up")  # or botocore asks the network for one
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "made-up")
    client: Any = bedrock_client(48)
    settings = client.meta.config
    assert (settings.connect_timeout, settings.read_timeout) == (5, 120)
    assert settings.max_pool_connections == 48
    assert settings.retries == {"mode": "standard", "total_max_attempts": 1}
