"""Refusals in the words of users' reports change what they name, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from inference_monitor.config.specs import InferenceParameters
from inference_monitor.domain import RefusedJudges
from inference_monitor.scoring.judge.client import Judge, JudgeRefusedError
from inference_monitor.scoring.judge.converse import JudgeRequest, Terms, build_request
from inference_monitor.scoring.judge.refusal_words import changed_terms
from inference_monitor.scoring.judge.verdict import one_of
from tests.unit.judging import FakeBedrock, bedrock_error, patient_pace
from tests.unit.picky import PickyModel, config
from tests.unit.refusal_words import OF_MODEL, OF_RECORD, OF_REQUEST, OfModel, OfRequest

FORMAT = one_of(["yes", "no"])
EVERYTHING = {"temperature": 0.5, "top_p": 0.9, "stop_sequences": ["END"], "effort": "low",
              "additional": {"top_k": 5, "thinking": {"type": "disabled"}}}  # fmt: skip
WAYS_BEFORE = {"forced": ("json_schema",), "tools": ("json_schema",)}
"""What a model has to refuse before it is asked in some way."""
# Sonnet 4.6 is known to cache; nothing is known of the other.
MODEL = {"cache": "bedrock:/global.anthropic.claude-sonnet-4-6"}
UNKNOWN = "bedrock:/acme.judge-9-v1:0"


def asked(model: str, parameters: dict[str, Any]) -> JudgeRequest:
    """A question to a model, long enough to be cached."""
    given = InferenceParameters.model_validate(parameters)
    rules = "You judge. " * 3000
    return JudgeRequest(model, rules, "Is it safe?", FORMAT.tool, given, cache=True)


@pytest.mark.parametrize("row", OF_REQUEST, ids=lambda row: f"{row.named}: {row.source}")
def test_a_refusal_is_understood_in_the_words_that_users_report(row: OfRequest) -> None:
    """Asked again at once, without what was refused and with all the rest, there is a verdict."""
    before = WAYS_BEFORE.get(row.named, ())
    usual: dict[str, Any] = {"temperature": 0.5} if row.named == "temperature" else {}
    usual |= {"temperature": 0.5, "top_p": 0.9} if row.named == "both" else {}
    usual |= {"top_p": 0.9} if row.named == "top_p" else {}
    usual |= {"stop_sequences": ["END"]} if row.named == "stop_sequences" else {}
    parameters = {**usual, **row.parameters}
    model = PickyModel(refuses=(*before, row.named), says={row.named: row.words}, code=row.code)
    answered = Judge(model, patient_pace()).ask(
        asked(MODEL.get(row.named, UNKNOWN), parameters), 500
    )
    assert FORMAT.read(answered.response).result == "yes"
    assert model.refused == [*before, row.named]
    kept = _kept(model.requests[-1])
    for name in parameters.keys() - {"max_tokens", "additional"}:
        assert (name in kept) == (not _is_refused(name, row.named)), name
    for key in parameters.get("additional", {}):
        assert (key in kept) == (key != row.named)
    assert ("system" in kept) == (row.named != "system")


def _kept(sent: Any) -> set[str]:
    names = {"topP": "top_p", "stopSequences": "stop_sequences"}
    kept = {names.get(key, key) for key in config(sent)}
    kept |= set(sent.get("outputConfig", {})) | {"system"} & set(sent)
    return kept | set(sent.get("additionalModelRequestFields", {}))


def _is_refused(name: str, named: str) -> bool:
    return name == {"both": "top_p", "output_config": "effort"}.get(named, named)


@pytest.mark.parametrize("row", OF_MODEL, ids=lambda row: row.words[:60])
@pytest.mark.parametrize("ways", [(), ("json_schema",), ("json_schema", "forced")])
def test_what_is_about_the_model_is_no_matter_of_parameters(
    row: OfModel, ways: tuple[str, ...]
) -> None:
    """However a model is asked, it is final, and the hint says what a person can do."""
    model = PickyModel(refuses=ways)
    reply = model.reply

    def refuse(sent: Any) -> Any:
        given = reply(sent)
        return given if isinstance(given, Exception) else bedrock_error(row.code, 400, row.words)

    model.reply = refuse
    refused = RefusedJudges()
    request = asked(UNKNOWN, EVERYTHING)
    with pytest.raises(JudgeRefusedError) as error:
        Judge(model, patient_pace()).ask(request, 500, refused=refused)
    assert len(model.requests) == len(model.refused) + 1
    assert row.hint in str(error.value)
    assert refused.reason(request.model_id)


@pytest.mark.parametrize(("words", "source"), OF_RECORD, ids=lambda text: text[:50])
def test_what_is_about_the_record_leaves_the_model_to_others(words: str, source: str) -> None:
    """Nothing is left out for later records, which are judged; no value is repeated."""
    model = FakeBedrock(bedrock_error("ValidationException", 400, words))
    refused = RefusedJudges()
    request = asked(UNKNOWN, EVERYTHING)
    with pytest.raises(JudgeRefusedError) as error:
        Judge(model, patient_pace()).ask(request, 500, refused=refused)
    assert len(model.requests) == 1, source
    assert refused.reason(request.model_id) is None
    assert "SECRET" not in str(error.value)


@pytest.mark.parametrize(
    "key",
    ["anthropic_beta", "reasoningConfig", "inferenceConfig", "service_tier"],
)
@pytest.mark.parametrize("between", ["_", "-", " ", ""])
def test_a_key_of_the_models_own_is_found_in_any_spelling(key: str, between: str) -> None:
    """`reasoningConfig` is refused as "reasoning config" (inspect_ai 5301), others with hyphens."""
    given = InferenceParameters.model_validate({"additional": {key: {"topK": 5}, "seed": 1}})
    built = build_request(JudgeRequest(UNKNOWN, "", "?", FORMAT.tool, given), Terms())
    parts = {"reasoningConfig": ["reasoning", "config"], "inferenceConfig": ["top", "K"]}
    name = between.join(parts.get(key, key.split("_")))
    changed = changed_terms(built, f"Malformed input request: the provided {name} is invalid")
    assert changed is not None
    assert changed.refuses == {f"additional.{key}"}
