"""The calls a judge needs for a record: what is sent, and what its answer says."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, NamedTuple

from mlflow.entities import AssessmentError, AssessmentSource, AssessmentSourceType, Feedback
from mlflow.tracing.constant import AssessmentMetadataKey

from inference_monitor.config.specs import Judging, bedrock_model_id
from inference_monitor.domain import Material, Record
from inference_monitor.scoring.error_codes import (
    JUDGE_DECLINED,
    JUDGE_REFUSED,
    UNREADABLE_VERDICT,
)
from inference_monitor.scoring.judge.converse import Answer, JudgeRequest
from inference_monitor.scoring.judge.output import repeats
from inference_monitor.scoring.judge.panel import (
    in_balanced_order,
    panel_prompt,
    panel_tool,
    panel_version,
    read_panel,
)
from inference_monitor.scoring.judge.prompts import BACKGROUND, Criterion, Prompt
from inference_monitor.scoring.judge.verdict import UnreadableVerdictError, Verdict
from inference_monitor.scoring.record import attach, split_answers
from inference_monitor.text import estimate_tokens

# A panel's answer has room for all its verdicts, up to what every judge model can say at once.
_MOST_OUTPUT_TOKENS = 4096
# Anthropic's documentation of tool use: what a forced tool adds to the prompt of a Claude model.
_FORCED_TOOL_TOKENS = {"anthropic": 313}


class _Lost(NamedTuple):
    """Why there is no verdict: one of `error_codes`, and what an assessment says."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class JudgeCall:
    """One Converse call about one answer, for one criterion or for several.

    `record` holds this answer alone, see `split_answers`.
    """

    record: Record
    criteria: tuple[Criterion, ...]
    judging: Judging
    prompt: Prompt
    tool: dict[str, Any]

    @property
    def model(self) -> str:
        """`bedrock:/…`."""
        return self.criteria[0].model

    @property
    def names(self) -> list[str]:
        """The scorers that wait for it."""
        return [criterion.spec.name for criterion in self.criteria]

    @property
    def request(self) -> JudgeRequest:
        """What is asked, whatever way the judge takes to be asked."""
        parameters = self.criteria[0].parameters.model_copy(
            update={"max_tokens": self.max_output_tokens}
        )
        return JudgeRequest(
            self.model,
            self.prompt.system,
            self.prompt.user,
            self.tool,
            parameters,
            cache=self.judging == "panel",
        )

    @property
    def max_output_tokens(self) -> int:
        """The most that the judge may answer."""
        wanted = self.criteria[0].parameters.max_tokens
        return max(wanted, min(wanted * len(self.criteria), _MOST_OUTPUT_TOKENS))

    @property
    def estimated_input_tokens(self) -> int:
        """About how many tokens are sent."""
        extra = sum(n for vendor, n in _FORCED_TOOL_TOKENS.items() if vendor in self.model)
        sent = (self.prompt.system, self.prompt.user, json.dumps(self.tool))
        return sum(map(estimate_tokens, sent)) + extra

    def read(self, answer: Answer, cost_usd: float | None) -> list[Feedback]:
        """The assessments that an answer gives, one for each criterion, with its share of the call.

        A verdict that cannot be read, or that the judge will not give, is an assessment with an
        error.
        """
        verdicts = self._verdicts(answer)
        return [
            self._feedback(criterion, verdict, _share(answer, cost_usd, place, len(verdicts)))
            for place, (criterion, verdict) in enumerate(zip(self.criteria, verdicts, strict=True))
        ]

    def refused(self, reason: str) -> list[Feedback]:
        """The assessments when Bedrock will not take the call at all."""
        return [self._feedback(one, _Lost(JUDGE_REFUSED, reason), {}) for one in self.criteria]

    def _verdicts(self, answer: Answer) -> Sequence[Verdict | _Lost]:
        if declined := answer.declined:
            return [_Lost(JUDGE_DECLINED, declined_message(declined))] * len(self.criteria)
        if repeats(answer.response, self.prompt.user):
            repeated = _Lost(UNREADABLE_VERDICT, "the judge repeated what it was shown")
            return [repeated] * len(self.criteria)
        read: Sequence[Verdict | UnreadableVerdictError]
        if self.judging == "panel":
            read = read_panel(self.criteria, answer.response)
        else:
            try:
                read = [self.criteria[0].format.read(answer.response)]
            except UnreadableVerdictError as error:
                read = [error]
        return [
            one if isinstance(one, Verdict) else _Lost(UNREADABLE_VERDICT, str(one)) for one in read
        ]

    def _feedback(
        self, criterion: Criterion, found: Verdict | _Lost, accounts: dict[str, str]
    ) -> Feedback:
        shortened = self.record.material.shortened if self.record.material else None
        verdict = found if isinstance(found, Verdict) else None
        feedback = Feedback(
            name=criterion.spec.name,
            value=verdict.result if verdict else None,
            rationale=verdict.rationale if verdict else None,
            error=AssessmentError(*found) if isinstance(found, _Lost) else None,
            source=AssessmentSource(AssessmentSourceType.LLM_JUDGE, self.model),
            metadata={
                "judging": self.judging,
                "judge_model": bedrock_model_id(self.model),
                "prompt_version": prompt_version(criterion, self.judging),
                **accounts,
                **({"shortened": shortened} if shortened else {}),
            },
        )
        return attach(feedback, self.record, criterion.spec)


def plan_calls(record: Record, criteria: Sequence[Criterion]) -> list[JudgeCall]:
    """The calls for criteria of a record, answer by answer.

    Those of an answer are in the order of the criteria; a panel stands where its first one does.
    Nothing is asked about what was not captured, or what an answer does not have.
    """
    return [call for one in split_answers(record) for call in _calls_for(one, criteria)]


def _calls_for(answer: Record, criteria: Sequence[Criterion]) -> list[JudgeCall]:
    material = answer.material
    if material is None:
        return []
    askable = [criterion for criterion in criteria if criterion.can_be_asked(material)]
    return [_call(answer, material, together) for together in _panels(askable)]


def declined_message(stop_reason: str) -> str:
    """What an assessment says of a judge that will not judge the content."""
    return (
        f"the judge will not judge this content (stop reason: {stop_reason}): it may be unsafe,"
        " look at it yourself"
    )


def _panels(criteria: Sequence[Criterion]) -> Iterator[list[Criterion]]:
    """Criteria that share a call: those of a panel with the same model and parameters."""
    place = {criterion.spec.name: index for index, criterion in enumerate(criteria)}

    def together(criterion: Criterion) -> tuple[str, str]:
        alone = criterion.spec.name if criterion.judging == "each" else ""
        return alone, f"{criterion.model} {criterion.parameters.model_dump_json()}"

    groups = [list(group) for _, group in groupby(sorted(criteria, key=together), key=together)]
    yield from sorted(groups, key=lambda group: place[group[0].spec.name])


def _call(record: Record, material: Material, criteria: list[Criterion]) -> JudgeCall:
    if criteria[0].judging == "panel":
        ordered = in_balanced_order(criteria, record.trace_id)
        prompt, tool = panel_prompt(ordered, material), panel_tool(ordered)
        return JudgeCall(record, tuple(ordered), "panel", prompt=prompt, tool=tool)
    (criterion,) = criteria
    prompt = criterion.question.prompt(material)
    return JudgeCall(record, (criterion,), "each", prompt=prompt, tool=criterion.format.tool)


def prompt_version(criterion: Criterion, judging: Judging) -> str:
    """A digest of what the judge is told about a criterion; changes with the words."""
    if judging == "panel":
        return panel_version(criterion)
    question = criterion.question
    told = [question.system, BACKGROUND, question.template, criterion.format.tool]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()[:8]


def _share(answer: Answer, cost: float | None, place: int, of: int) -> dict[str, str]:
    """A criterion's part of a call, under the keys MLflow has for it; all parts make the whole."""
    tokens = {
        AssessmentMetadataKey.JUDGE_INPUT_TOKENS: answer.all_input_tokens,
        AssessmentMetadataKey.JUDGE_OUTPUT_TOKENS: answer.output_tokens,
    }
    accounts = {key: str((count + place) // of) for key, count in tokens.items()}
    if cost is not None:
        accounts[AssessmentMetadataKey.JUDGE_COST] = f"{cost / of:.8f}"
    if answer.thought_tokens:
        accounts["judge_thought_tokens"] = str((answer.thought_tokens + place) // of)
    if answer.way:
        accounts["verdict_by"] = answer.way
    return accounts | ({"judged_together": str(of)} if of > 1 else {})
