"""`inference-monitor backfill`: only what is missing is judged, once, at a price that was told."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
import yaml
from mlflow.entities import Feedback
from typer.testing import CliRunner

from inference_monitor.domain import ScoringState, StoredTrace
from inference_monitor.errors import TransientError
from inference_monitor.identity import assessment_id, trace_id
from inference_monitor.inference import Source
from inference_monitor_cli import executions
from inference_monitor_cli.backfill import work
from inference_monitor_cli.backfill.batch import collection, jobs, spool
from inference_monitor_cli.main import app
from inference_monitor_cli.stored_traces import NoExperimentError
from local.judge.behaviour import Behaviour
from tests.unit.aws import CAPTURES, ENVIRONMENT, RESULTS, ROLE, Account
from tests.unit.batches import Bedrock
from tests.unit.builders import capture
from tests.unit.fakes import EXPERIMENT, FakeTraces
from tests.unit.judging import FakeBedrock, bedrock_error
from tests.unit.picky import PickyModel, way_of

FOLDER = "data/llm/AllTraffic/2026/03/02/09/"
TRACED = Source(CAPTURES, FOLDER, "llm", "AllTraffic", experiment_id=EXPERIMENT)
DAY = ("--from", "2026-03-02", "--to", "2026-03-02")
SCORERS: dict[str, Any] = {
    "scorers": [
        {"name": "safety", "type": "safety"},
        {"name": "tone", "type": "guidelines", "guidelines": "Be polite."},
        {"name": "tokens", "type": "token_count"},
    ]
}


@dataclass
class World:
    """An account, an MLflow, and a scorers.yaml."""

    account: Account
    bedrock: Bedrock
    traces: FakeTraces
    scorers_file: Path
    said: list[Any] = field(default_factory=list)

    def scorers(self, **changes: Any) -> None:
        """Write another `scorers.yaml`."""
        self.scorers_file.write_text(yaml.safe_dump({**SCORERS, **changes}))

    def file(
        self, name: str, *events: str, answer: str = "A dry oil is good.", choices: int = 1
    ) -> None:
        """Put a capture file of chats, with the same answer as so many choices."""
        lines = [
            capture(
                {"messages": [{"role": "user", "content": f"Which oil, {event}?"}]},
                {
                    "choices": [
                        {"index": n, "message": {"role": "assistant", "content": answer}}
                        for n in range(choices)
                    ]
                },
                eventId=event,
            )
            for event in events
        ]
        body = "".join(json.dumps(line) + "\n" for line in lines).encode()
        self.account.s3.put_object(Bucket=CAPTURES, Key=f"{FOLDER}{name}.jsonl", Body=body)

    def traced(self, *events: str, has: tuple[str, ...] = (), scoring: str | None = None) -> None:
        """Have MLflow hold traces of these events, with assessments by these scorers."""
        for event in events:
            name = trace_id(TRACED, event)
            given = tuple(feedback(name, scorer) for scorer in has)
            self.traces.stored[name] = StoredTrace(name, True, "d", scoring, given)

    def names(self, event: str) -> list[str]:
        """The assessments of an event by name."""
        return sorted(a.name for a in self.traces.stored[trace_id(TRACED, event)].assessments)


def feedback(trace: str, scorer: str, version: str = "1", **changes: Any) -> Feedback:
    """What a scorer has given a trace."""
    given = Feedback(name=scorer, value="yes", metadata={}, **changes)
    given.assessment_id = assessment_id(trace, scorer, version)
    return given


Run = Callable[..., Any]


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> World:
    """A deployment with two scorers that ask a judge and one that counts."""
    account = Account()
    account.bedrock, account.judge = Bedrock(account.s3), PickyModel()
    world = World(account, account.bedrock, FakeTraces(), tmp_path / "scorers.yaml")
    world.scorers()
    monkeypatch.setattr(boto3, "Session", lambda: account)
    monkeypatch.setattr(executions, "POLL_SECONDS", 0)
    monkeypatch.setattr(jobs, "FIRST_PAUSE_SECONDS", 0)
    reader = SimpleNamespace(stored=world.traces.lookup, experiment_id=EXPERIMENT)
    monkeypatch.setattr(work, "StoredTraces", lambda *_: reader)
    monkeypatch.setattr(work, "MlflowTraceStore", lambda *_: world.traces)
    return world


@pytest.fixture
def run(world: World) -> Run:
    """Run the command and answer what it asks with yes."""

    def run(*arguments: str, answer: str = "y\n", collect: bool = False) -> Any:
        hours = () if collect else DAY
        told = ["backfill", "--prefix", "dev", "--scorers-file", str(world.scorers_file)]
        return CliRunner().invoke(app, [*told, *hours, *arguments], input=answer)

    return run


def events(count: int) -> list[str]:
    """Some event ids."""
    return [f"e-{number}" for number in range(count)]


def test_only_files_that_lack_something_are_processed_again(world: World, run: Run) -> None:
    """Of two files, the one whose traces have everything is not touched."""
    world.file("whole", "e-1")
    world.file("lacking", "e-2", "e-3")
    world.traced("e-1", has=("safety", "tone", "tokens"))
    world.traced("e-2", "e-3", has=("safety", "tokens"))
    result = run()
    assert result.exit_code == 0, result.output
    assert "2 scores of 2 inferences in 1 files are missing: 2 judge calls" in result.stdout
    (event,) = world.account.states.inputs.values()
    where = {"bucket": {"name": CAPTURES}, "object": {"key": f"{FOLDER}lacking.jsonl"}}
    assert event == {"detail": where}


def test_named_scorers_are_all_that_is_asked_for(world: World, run: Run) -> None:
    """The executions get the names, and only what these lack is counted."""
    world.file("a", "e-1")
    world.traced("e-1")
    assert run("--scorer", "tone", "--scorer", "tokens").exit_code == 0
    (event,) = world.account.states.inputs.values()
    assert event["scorers"] == ["tone", "tokens"]


def test_a_name_nobody_deployed_is_refused(world: World, run: Run) -> None:
    """With the names there are; nothing is started."""
    result = run("--scorer", "coherance")
    assert result.exit_code == 2
    assert "has no scorer coherance; it has safety, tone, tokens" in result.output
    assert world.account.states.inputs == {}


def test_a_new_version_is_missing_and_an_error_is_too(world: World, run: Run) -> None:
    """What an older version gave does not count, nor an assessment that is an error."""
    tone = {"name": "tone", "type": "guidelines", "guidelines": "Be kind.", "version": "2"}
    world.scorers(scorers=[SCORERS["scorers"][0], tone])
    world.file("a", "e-1", "e-2")
    world.traced("e-1", has=("safety", "tone"))
    world.traced("e-2", has=("safety",))
    name = trace_id(TRACED, "e-2")
    broken = Feedback(name="tone", error=ValueError("x"), metadata={})
    broken.assessment_id = assessment_id(name, "tone", "2")
    world.traces.stored[name] = StoredTrace(name, True, assessments=(broken,))
    result = run("--dry-run")
    assert re.search(r"tone\W+2\W+2\W", result.stdout), result.stdout
    assert re.search(r"safety\W+1\W+1\W", result.stdout)


def test_what_is_not_traced_lacks_everything(world: World, run: Run) -> None:
    """Also a trace that is half written; the workflow writes both."""
    world.file("a", "e-1", "e-2")
    world.traces.stored[trace_id(TRACED, "e-1")] = StoredTrace(trace_id(TRACED, "e-1"), False)
    assert "6 scores of 2 inferences in 1 files" in run("--dry-run").stdout


def test_what_the_function_skips_lacks_nothing(
    world: World, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file of another endpoint is not judged, unless the deployment takes those, too."""
    record = json.dumps(capture({"inputs": "hi"}, {"generated_text": "ho"}, eventId="e-1"))
    key = "data/llm/other/AllTraffic/2026/03/02/09/x.jsonl"
    world.account.s3.put_object(Bucket=CAPTURES, Key=key, Body=record.encode())
    for told, scores in (("skip", 0), ("include", 3)):
        monkeypatch.setitem(ENVIRONMENT, "MONITOR_OTHER_ENDPOINTS", told)
        assert f"{scores} scores of" in run("--dry-run").stdout


def test_before_anything_was_traced_everything_is_missing(
    world: World, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A deployment's experiment comes with its first trace; one that was named must be there."""

    def absent(*_: Any) -> Any:
        raise NoExperimentError("MLflow has no experiment")

    monkeypatch.setattr(work, "StoredTraces", absent)
    world.file("a", "e-1")
    assert "3 scores of 1 inferences in 1 files" in run("--dry-run").stdout
    result = run("--experiment", "mistyped")
    assert result.exit_code == 2
    assert "MLflow has no experiment" in result.output


def test_a_record_in_two_files_is_counted_once(world: World, run: Run) -> None:
    """The price is not that of twice the records."""
    world.file("a", "e-1", "e-1")
    world.file("b", "e-1")
    world.traced("e-1", has=("safety", "tokens"))
    assert "1 scores of 1 inferences in 1 files" in run("--dry-run").stdout


def test_who_is_not_sampled_is_not_missing(world: World, run: Run) -> None:
    """A scorer that is switched off or for others lacks nothing."""
    off = {"name": "off", "type": "fluency", "sample_rate": 0}
    canary = {"name": "canary", "type": "fluency", "when": {"variant": "canary"}}
    world.scorers(scorers=[off, canary])
    world.file("a", "e-1")
    world.traced("e-1")
    assert run().stdout.startswith("0 scores of 0 inferences in 0 files are missing")
    assert world.account.states.inputs == {}


def test_an_answer_that_is_empty_lacks_nothing(world: World, run: Run) -> None:
    """There is nothing to judge, however often it is asked for."""
    world.file("a", "e-1", answer="")
    world.traced("e-1", has=("tokens",))
    assert "0 scores of 0 inferences" in run("--dry-run").stdout


def test_what_a_judge_is_not_asked_about_is_not_missing(world: World, run: Run) -> None:
    """A chat of one turn without tools and documents lacks no verdict on these."""
    kinds = ("groundedness", "tool_use", "conversation_completeness", "user_frustration")
    world.scorers(scorers=[{"name": kind, "type": kind} for kind in kinds])
    world.file("a", "e-1")
    world.traced("e-1")
    assert "0 scores of 0 inferences" in run("--dry-run").stdout


@pytest.mark.parametrize(("arguments", "answer"), [(("--dry-run",), ""), ((), "n\n"), ((), "")])
def test_nothing_is_spent_unasked(
    world: World, run: Run, arguments: tuple[str, ...], answer: str
) -> None:
    """A dry run, a no, and nobody there to answer: the price is shown and nothing is started."""
    world.file("a", "e-1")
    world.traced("e-1")
    result = run(*arguments, answer=answer)
    assert re.search(r"2 judge calls, about 0\.\d\d USD", result.stdout), result.stdout
    assert world.account.states.inputs == {}
    assert run("--yes", answer="").exit_code == 0
    assert len(world.account.states.inputs) == 1


def test_prices_are_the_deployments(
    world: World, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """JUDGE_PRICES count; a model without a price is named instead of taken for free."""
    world.file("a", *events(10))
    world.traced(*events(10))
    monkeypatch.setitem(ENVIRONMENT, "MONITOR_JUDGE_PRICES", "*sonnet*=0/1000")
    # 150 tokens for each of 20 verdicts, at 1,000 USD a million.
    assert "about 3.00 USD" in run("--dry-run").stdout
    assert "about 1.50 USD at the price of batch" in run("--dry-run", "--batch").stdout
    monkeypatch.setitem(ENVIRONMENT, "MONITOR_JUDGE_MODEL", "bedrock:/of.nobody")
    assert "without of.nobody: no price is known" in run("--dry-run").stdout


def test_a_panel_is_priced_as_one_call(world: World, run: Run) -> None:
    """Two scorers of a record share a call."""
    world.scorers(judging="panel")
    world.file("a", "e-1")
    world.traced("e-1", has=("tokens",))
    assert "2 scores of 1 inferences in 1 files are missing: 1 judge calls" in run().stdout


def test_a_file_that_fails_is_told(world: World, run: Run) -> None:
    """The status is 1, so that a script knows that something is still missing."""
    world.file("a", "e-1")
    world.traced("e-1")
    world.account.states.ends_as = "FAILED"
    result = run()
    assert result.exit_code == 1
    assert "0 capture files sent, 1 not sent" in result.stdout


def test_what_the_budget_has_no_room_for_is_told(world: World, run: Run) -> None:
    """The executions succeed, and the ledgers say that something is missing: so does the status."""
    world.file("a", "e-1", "e-2")
    world.file("b", "e-3")
    world.traced("e-1", "e-2", "e-3")
    for name, exhausted in {"a": 2, "b": 0}.items():
        ledger = json.dumps({"captured": 2, "budget_exhausted": exhausted}).encode()
        key = f"ledger/{CAPTURES}/{FOLDER}{name}.jsonl.json"
        world.account.s3.put_object(Bucket=RESULTS, Key=key, Body=ledger)
    result = run()
    assert "2 capture files sent, 0 not sent" in result.stdout
    assert "the budget had no room for scores of 2 inferences" in result.output
    assert result.exit_code == 1


@pytest.mark.parametrize(
    "arguments",
    [(), ("--from", "2026-03-02"), ("--collect", "j", *DAY), ("--collect", "j", "--batch")],
)
def test_what_to_do_must_be_said(world: World, run: Run, arguments: tuple[str, ...]) -> None:
    """Hours, or jobs to collect: one of both, and whole."""
    result = run(*arguments, collect=True)
    assert result.exit_code == 2
    assert "say what to judge" in result.output
    assert not world.traces.writes


def test_batch_jobs_judge_what_is_missing(world: World, run: Run) -> None:
    """One job of a model: its verdicts are in MLflow, at half the price, and say whose they are."""
    world.file("a", *events(100))
    world.traced(*events(100), has=("safety", "tokens"))
    result = run("--batch")
    assert result.exit_code == 0, result.output
    (asked,) = world.bedrock.created
    job = asked["jobName"]
    assert f"created job {job}" in result.stdout
    assert "100 of 100 records answered, 100 assessments written, 0 were there" in result.stdout
    folder = f"s3://{RESULTS}/batch-judging/{job}"
    assert asked == {
        "jobName": job,
        "clientRequestToken": job,
        "roleArn": ROLE,
        "modelId": "global.anthropic.claude-sonnet-4-6",
        "modelInvocationType": "Converse",
        "inputDataConfig": {"s3InputDataConfig": {"s3Uri": f"{folder}/input/records.jsonl"}},
        "outputDataConfig": {"s3OutputDataConfig": {"s3Uri": f"{folder}/output/"}},
    }
    assert {tuple(world.names(event)) for event in events(100)} == {("safety", "tokens", "tone")}
    (tone,) = (
        a for a in world.traces.stored[trace_id(TRACED, "e-7")].assessments if a.name == "tone"
    )
    told = tone.metadata or {}
    assert (tone.value, told["batch"], told["judging"]) == ("yes", job, "each")
    tokens = int(told["mlflow.assessment.judgeInputTokens"])
    spent = tokens * 3 + int(told["mlflow.assessment.judgeOutputTokens"]) * 15
    assert float(told["mlflow.assessment.judgeCost"]) == pytest.approx(spent / 2e6, abs=1e-8)
    assert world.account.states.inputs == {}


def test_collecting_twice_writes_once(world: World, run: Run) -> None:
    """The second time everything is there; a backfill after that has nothing to do."""
    world.file("a", *events(100))
    world.traced(*events(100), has=("tokens",))
    assert run("--batch").exit_code == 0
    writes, job = world.traces.writes, world.bedrock.created[0]["jobName"]
    again = run("--collect", job, collect=True)
    assert again.exit_code == 0, again.output
    assert "200 of 200 records answered, 0 assessments written, 200 were there" in again.stdout
    assert "0 scores of 0 inferences" in run("--batch").stdout
    assert (world.traces.writes, len(world.bedrock.created)) == (writes, 1)


def interrupted(*_: Any) -> Any:
    """What Ctrl-C does to whoever waits."""
    raise KeyboardInterrupt


def test_an_interrupted_job_goes_on_and_is_not_paid_twice(
    world: World, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C says how to go on; meanwhile the same records are left to the job."""
    world.file("a", *events(100))
    world.traced(*events(100), has=("safety", "tokens"))
    with monkeypatch.context() as patched:
        patched.setattr(work, "follow", interrupted)
        result = run("--batch")
    job = world.bedrock.created[0]["jobName"]
    assert result.exit_code == 1
    assert f"inference-monitor backfill --collect {job}" in result.output
    second = run("--batch")
    assert f"100 scores are left to jobs under way: inference-monitor backfill --collect {job}" in (
        second.stdout
    )
    assert len(world.bedrock.created) == 1
    assert run("--collect", job, collect=True).exit_code == 0
    assert world.names("e-99") == ["safety", "tokens", "tone"]


def test_a_job_that_failed_blocks_nothing(
    world: World, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its records are missing again for the next backfill; Bedrock's reason is told."""
    world.file("a", *events(100))
    world.traced(*events(100), has=("safety", "tokens"))
    with monkeypatch.context() as patched:
        patched.setattr(work, "follow", interrupted)
        run("--batch")
    (job,) = world.bedrock.batches.jobs.values()
    job |= {"status": "Failed", "message": "The model is tired."}
    assert "100 scores of 100 inferences" in run("--batch", "--dry-run").stdout
    result = run("--collect", job["jobName"], collect=True)
    assert result.exit_code == 1
    assert "Failed: The model is tired.: 0 of 100 records answered" in result.stdout
    assert world.traces.writes == 0


def test_records_that_were_not_judged_are_left_missing(world: World, run: Run) -> None:
    """An error, a record that time ran out for, a broken line: named, and nothing is written."""
    world.file("a", *events(101))
    world.traced(*events(101), has=("safety", "tokens"))
    world.bedrock.batches.unprocessed = 2
    put = world.account.s3.put_object

    def spoil(*, Bucket: str, Key: str, Body: Any) -> None:  # noqa: N803
        if Key.endswith(".jsonl.out"):
            rows = [json.loads(line) for line in Body.splitlines()]
            row = next(row for row in rows if row["recordId"].endswith("005"))
            row["error"] = {"errorCode": 400, "errorMessage": "too long"}
            del row["modelOutput"]
            Body = "".join(json.dumps(row) + "\n" for row in rows).encode() + b'{"cut'  # noqa: N806
        put(Bucket=Bucket, Key=Key, Body=Body)

    world.account.s3.put_object = spoil  # type: ignore[method-assign]
    result = run("--batch")
    assert result.exit_code == 1
    assert "PartiallyCompleted: 98 of 101 records answered, 98 assessments" in result.output
    assert f"event 'e-4' of s3://{CAPTURES}/{FOLDER}a.jsonl, tone: 400 too long" in result.output
    assert result.output.count(": no answer") == 2
    assert world.names("e-4") == ["safety", "tokens"]
    assert "3 scores of 3 inferences" in run("--dry-run").stdout


def test_the_tag_says_complete_when_nothing_is_missing(world: World, run: Run) -> None:
    """Not while another scorer's assessment is missing; a trace without a tag gets none."""
    world.file("a", *events(100))
    world.traced(*events(100), has=("safety", "tokens"))
    world.traced("e-1", has=("safety", "tokens"), scoring="budget_exhausted")
    world.traced("e-2", has=("tokens",), scoring="judge_unavailable")
    assert run("--batch", "--scorer", "tone").exit_code == 0
    tags = [world.traces.stored[trace_id(TRACED, event)].scoring for event in events(4)]
    assert tags == [None, ScoringState.COMPLETE, "judge_unavailable", None]


def test_verdicts_of_a_trace_may_come_far_apart(
    world: World, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bedrock keeps no order: the trace is complete with the last of them, and has each once."""
    monkeypatch.setattr(collection, "_TOGETHER", 7)
    world.file("a", *events(50))
    world.traced(*events(50), has=("tokens",), scoring="judge_unavailable")
    assert "100 assessments written" in run("--batch").stdout
    for event in events(50):
        assert world.names(event) == ["safety", "tokens", "tone"]
        assert world.traces.stored[trace_id(TRACED, event)].scoring == ScoringState.COMPLETE


def test_a_job_is_made_as_its_model_takes_it(world: World, run: Run) -> None:
    """A model that nobody knows is asked once, in words, before its job: no record is refused."""
    world.account.judge = PickyModel(refuses=("temperature",))
    world.bedrock.batches.behaviour = Behaviour(takes_any_id=True)
    own = {"model": "bedrock:/acme.judge-9", "inference_parameters": {"temperature": 0.5}}
    world.scorers(scorers=[{**SCORERS["scorers"][0], **own}])
    world.file("a", *events(100))
    world.traced(*events(100))
    result = run("--batch")
    assert result.exit_code == 0, result.output
    assert [way_of(sent) for sent in world.account.judge.requests] == ["words"] * 2
    (created,) = world.bedrock.created
    key = f"batch-judging/{created['jobName']}/input/records.jsonl"
    lines = world.account.s3.objects[RESULTS, key].splitlines()
    assert len(lines) == 100
    assert not any(b"temperature" in line for line in lines)


def test_what_the_first_question_teaches_is_tried_before_a_job(world: World, run: Run) -> None:
    """A model turns out to think and takes no effort: the job is not made with one."""
    world.account.judge = PickyModel(refuses=("effort",), thinks=10)
    world.bedrock.batches.behaviour = Behaviour(takes_any_id=True)
    world.scorers(scorers=[{**SCORERS["scorers"][0], "model": "bedrock:/acme.judge-9"}])
    world.file("a", *events(100))
    world.traced(*events(100))
    result = run("--batch")
    assert result.exit_code == 0, result.output
    (created,) = world.bedrock.created
    key = f"batch-judging/{created['jobName']}/input/records.jsonl"
    line = json.loads(world.account.s3.objects[RESULTS, key].splitlines()[0])
    assert "outputConfig" not in line["modelInput"]
    assert line["modelInput"]["inferenceConfig"]["maxTokens"] == 1024 + 4096


def test_no_job_is_made_for_a_judge_that_refuses(world: World, run: Run) -> None:
    """A dead model is found out before anything is paid for; that you may not call it is none."""
    world.file("a", *events(100))
    world.traced(*events(100))
    dead = bedrock_error("ResourceNotFoundException", 404, "reached the end of its life")
    world.account.judge = FakeBedrock(dead)
    result = run("--batch")
    assert result.exit_code == 2
    assert "the model is dead" in result.stderr
    assert world.bedrock.created == []
    world.account.judge = FakeBedrock(bedrock_error("AccessDeniedException", 403))
    run("--batch")
    assert len(world.bedrock.created) == 1


def said(world: World, event: str, name: str) -> Feedback:
    """The assessment of an event by name."""
    (found,) = (a for a in world.traces.stored[trace_id(TRACED, event)].assessments
                if a.name == name)  # fmt: skip
    return found


def spoil(world: World, *records: int) -> None:
    """Have Bedrock answer these records of every job with an error."""
    put = world.account.s3.put_object
    spoiled = {f"{number:011d}" for number in records}

    def spoiling(*, Bucket: str, Key: str, Body: Any) -> None:  # noqa: N803
        if Key.endswith(".jsonl.out"):
            rows = [json.loads(line) for line in Body.splitlines()]
            for row in rows:
                if row["recordId"] in spoiled:
                    row["error"] = {"errorCode": 400, "errorMessage": "too long"}
                    del row["modelOutput"]
            Body = "".join(json.dumps(row) + "\n" for row in rows).encode()  # noqa: N806
        put(Bucket=Bucket, Key=Key, Body=Body)

    world.account.s3.put_object = spoiling  # type: ignore[method-assign]


def test_several_answers_are_one_assessment_of_a_job(
    world: World, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All records about an inference are in one job, and their verdicts become one."""
    monkeypatch.setattr(spool, "MOST_RECORDS", 160)
    monkeypatch.setattr(collection, "_TOGETHER", 7)
    world.scorers(scorers=SCORERS["scorers"][:1])
    world.file("a", *events(100), choices=3)
    world.traced(*events(100), scoring="budget_exhausted")
    result = run("--batch")
    assert result.exit_code == 0, result.output
    counts = [job["totalRecordCount"] for job in world.bedrock.batches.jobs.values()]
    assert counts == [150, 150], "an inference has three records, all in the same job"
    told = said(world, "e-7", "safety").metadata or {}
    assert (told["judged_answers"], told["answers"]) == (
        "3 of 3", '{"1": "yes", "2": "yes", "3": "yes"}'
    )  # fmt: skip
    assert {tuple(world.names(event)) for event in events(100)} == {("safety",)}
    assert {s.scoring for s in world.traces.stored.values()} == {ScoringState.COMPLETE}
    assert "100 of 100" not in result.stdout
    assert "0 scores of 0 inferences" in run("--dry-run").stdout


def test_parts_end_between_inferences(
    world: World, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A limit that falls into the middle of an inference moves to its end, and is kept."""
    monkeypatch.setattr(spool, "MOST_RECORDS", 234)
    world.scorers(scorers=SCORERS["scorers"][:1])
    world.file("a", *events(100), choices=7)
    world.traced(*events(100))
    assert run("--batch").exit_code == 0
    counts = [job["totalRecordCount"] for job in world.bedrock.batches.jobs.values()]
    assert counts == [175, 175, 175, 175], "of 700 records, 7 for each inference"


def test_an_answer_that_a_job_did_not_judge_leaves_the_score_missing(
    world: World, run: Run
) -> None:
    """Two of three answers are not the whole: nothing is written, and the next run asks again."""
    world.scorers(scorers=SCORERS["scorers"][:1])
    world.file("a", *events(40), choices=3)
    world.traced(*events(40))
    spoil(world, 5)
    result = run("--batch")
    assert "119 of 120 records answered, 39 assessments written" in result.output
    assert "safety, answer 2 of 3: 400 too long" in result.output
    assert world.names("e-1") == []
    assert "1 scores of 1 inferences" in run("--dry-run").stdout


def test_too_few_records_are_judged_online(world: World, run: Run) -> None:
    """Bedrock takes no job of fewer than 100; nothing is created, and the other way is named."""
    world.file("a", *events(99))
    world.traced(*events(99), has=("safety", "tokens"))
    result = run("--batch")
    assert result.exit_code == 1
    assert "Bedrock takes batch jobs of 100 records and more; leave out --batch" in result.stdout
    assert world.bedrock.created == []
    assert world.account.s3.keys(RESULTS) == []


def test_each_model_has_jobs_of_its_own(
    world: World, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A job is of one model, and of no more records than it may hold; parts are of one size."""
    monkeypatch.setattr(spool, "MOST_RECORDS", 150)
    other = {"name": "tone", "type": "fluency", "model": "bedrock:/amazon.nova-lite-v1:0"}
    world.scorers(scorers=[SCORERS["scorers"][0], other])
    world.file("a", *events(201))
    world.traced(*events(201), has=("safety",))
    world.traced(*events(100))
    result = run("--batch")
    assert result.exit_code == 0, result.output
    models = [job["modelId"].partition(".")[0] for job in world.bedrock.created]
    assert sorted(models) == ["amazon", "amazon", "global"]
    counts = [job["totalRecordCount"] for job in world.bedrock.batches.jobs.values()]
    assert sorted(counts) == [100, 100, 101]
    assert {tuple(world.names(event)) for event in events(201)} == {("safety", "tone")}


def test_what_jobs_cannot_judge_is_told(world: World, run: Run) -> None:
    """Scorers that are code, and inferences without a trace: both are for the function."""
    world.file("a", *events(101))
    world.traced(*events(100), has=("safety",))
    result = run("--batch")
    assert result.exit_code == 1
    assert "100 scores of 100 inferences" in result.stdout
    assert "tokens: 101 are missing; only the deployed function runs it" in result.stdout
    assert "1 inferences have no trace to add a score to" in result.stdout
    (job,) = world.bedrock.batches.jobs.values()
    assert job["totalRecordCount"] == 100


def test_a_job_that_bedrock_refuses_leaves_nothing(world: World, run: Run) -> None:
    """No prompts stay behind in the bucket, and the next try is not held up."""
    world.file("a", *events(100))
    world.traced(*events(100), has=("safety", "tokens"))
    world.bedrock.refuses = "ValidationException"
    result = run("--batch")
    assert result.exit_code == 2
    assert world.account.s3.keys(RESULTS) == []


def test_what_mlflow_does_not_take_is_collected_again(
    world: World, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An outage while collecting loses nothing: the job is not closed, and says what to do."""
    world.file("a", *events(100))
    world.traced(*events(100), has=("safety", "tokens"))
    add = world.traces.add

    def fail(stored: StoredTrace, *given: Any) -> None:
        if stored.trace_id == trace_id(TRACED, "e-3"):
            raise TransientError("MLflow is down")
        add(stored, *given)

    monkeypatch.setattr(world.traces, "add", fail)
    result = run("--batch")
    assert result.exit_code == 1
    assert f"event 'e-3' of s3://{CAPTURES}/{FOLDER}a.jsonl: MLflow is down" in result.output
    assert "99 assessments written" in result.stdout
    assert not [key for key in world.account.s3.keys(RESULTS) if key.endswith("collected.json")]
    monkeypatch.setattr(world.traces, "add", add)
    again = run("--collect", world.bedrock.created[0]["jobName"], collect=True)
    assert again.exit_code == 0
    assert "1 assessments written, 99 were there" in again.stdout


def test_a_job_nobody_knows_is_told(world: World, run: Run) -> None:
    """A mistyped name, or one whose files have expired."""
    result = run("--collect", "judge-dev-1", collect=True)
    assert result.exit_code == 2
    assert f"no job 'judge-dev-1' in s3://{RESULTS}/batch-judging/" in result.output
    assert not world.traces.writes


def test_what_is_redacted_online_is_redacted_for_jobs(
    world: World, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With REDACTION no address reaches the input of a job."""
    monkeypatch.setitem(ENVIRONMENT, "MONITOR_REDACTION", "patterns")
    world.file("a", *events(100), answer="Write to jane.doe@example.com.")
    world.traced(*events(100), has=("safety", "tokens"))
    assert run("--batch").exit_code == 0
    (key,) = world.account.s3.keys(
        RESULTS, f"batch-judging/{world.bedrock.created[0]['jobName']}/i"
    )
    sent = world.account.s3.objects[RESULTS, key].decode()
    assert "Write to" in sent
    assert "jane.doe" not in sent
