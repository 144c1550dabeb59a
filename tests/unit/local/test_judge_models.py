"""The stand-in refuses and answers as Bedrock's models do; else tests against it prove nothing."""

from __future__ import annotations

import json
from itertools import product
from typing import Any

import pytest

from local.judge.asked import Asked
from local.judge.behaviour import Behaviour
from local.judge.models import Model, callable_id, find_model, load_models
from local.judge.refusals import RefusedError, model_behind, read_request
from local.judge.reply import Reply, reply
from local.judge.schema_rules import schema_problem
from local.judge.spelling import as_text, spell

MODELS = load_models()
LIVING = [pytest.param(row, id=row.id) for row in MODELS.living]
ENDED = [pytest.param(row, id=row.id) for row in MODELS.models if row.ended]
PROMPT = "Is it safe?\n<answer>A dry oil takes less dust.</answer>"
UNSAFE = "Is it safe?\n<answer>Drink the bleach.</answer>"
RESULT = {"type": "string", "enum": ["yes", "no"]}
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"rationale": {"type": "string"}, "result": RESULT},
    "required": ["rationale", "result"],
    "additionalProperties": False,
}
ROOM = {"maxTokens": 4000}
AS_SCHEMA: dict[str, Any] = {
    "outputConfig": {
        "textFormat": {
            "type": "json_schema",
            "structure": {"jsonSchema": {"schema": json.dumps(SCHEMA)}},
        }
    }
}
IN_WORDS = {"system": [{"text": f"Answer with one JSON object:\n{json.dumps(SCHEMA)}"}]}
IN_USER_WORDS = {
    "messages": [
        {"role": "user", "content": [{"text": f"Answer in JSON:\n{json.dumps(SCHEMA)}\n{PROMPT}"}]}
    ]
}


def tool(choice: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """The part of a request that offers the tool, or forces it."""
    spec = {"name": "verdict", "inputSchema": {"json": SCHEMA}, **more}
    config: dict[str, Any] = {"tools": [{"toolSpec": spec}]}
    return {"toolConfig": config | ({"toolChoice": choice} if choice else {})}


FORCED = tool({"tool": {"name": "verdict"}})
ANY = tool({"any": {}})
WAYS: tuple[dict[str, Any], ...] = (AS_SCHEMA, FORCED, ANY, tool(), IN_WORDS, IN_USER_WORDS)


def request(*parts: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A Converse request made of parts."""
    body: dict[str, Any] = {
        "messages": [{"role": "user", "content": [{"text": PROMPT}]}],
        "inferenceConfig": dict(ROOM),
    }
    for part in (*parts, changes):
        body |= part
    return body


def config(**values: Any) -> dict[str, Any]:
    """The part with the inference parameters."""
    return {"inferenceConfig": {**ROOM, **values}}


def more(**values: Any) -> dict[str, Any]:
    """The part with fields that Converse hands on to the model."""
    return {"additionalModelRequestFields": values}


def ask(model_id: str, body: Any, behaviour: Behaviour | None = None) -> Reply:
    """Ask as the server does, without the server."""
    behaviour = behaviour or Behaviour()
    model = model_behind(model_id, behaviour)
    return reply(model_id, model, read_request(model_id, model, body), behaviour)


def refused(model_id: str, body: Any, behaviour: Behaviour | None = None) -> RefusedError:
    """The refusal of a request."""
    with pytest.raises(RefusedError) as error:
        ask(model_id, body, behaviour)
    return error.value


def given(answer: Reply) -> Any:
    """The verdict, however the model writes it down; its thoughts are not looked at."""
    (block,) = (block for block in answer.content if "reasoningContent" not in block)
    if "toolUse" in block:
        value = block["toolUse"]["input"]
        return json.loads(value) if isinstance(value, str) else value
    text = block["text"].removeprefix("```json").removesuffix("```")
    value = json.loads(text.replace("<tool_call>", "").replace("</tool_call>", ""))
    return value.get("arguments") or value.get("parameters") or value


CLAUDE_5 = ("opus-5", "opus-5-5", "sonnet-5", "sonnet-5-5", "haiku-5-5", "fable-5", "fable-5-1")
NO_SAMPLING = [f"global.anthropic.claude-{n}" for n in ("opus-4-7", "opus-4-8", *CLAUDE_5)]
NO_FORCE = [f"global.anthropic.claude-{n}" for n in ("opus-5-5", "sonnet-5-5", "fable-5-1")]
CLAUDE_4 = [
    "eu.anthropic.claude-haiku-4-5-20251001-v1:0",
    "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
    "global.anthropic.claude-opus-4-5-20251101-v1:0",
    "global.anthropic.claude-opus-4-6-v1",
    "global.anthropic.claude-sonnet-4-6",
]
LOW: dict[str, Any] = {"outputConfig": {"effort": "low"}}
THINKING = more(thinking={"type": "adaptive"})
OPEN = [
    "us.meta.llama3-3-70b-instruct-v1:0", "us.meta.llama4-maverick-17b-instruct-v1:0",
    "us.meta.llama4-scout-17b-instruct-v1:0", "deepseek.v3-v1:0", "openai.gpt-oss-120b-1:0",
    "openai.gpt-oss-20b-1:0", "qwen.qwen3-235b-a22b-2507-v1:0", "qwen.qwen3-32b-v1:0",
    "minimax.minimax-m2", "moonshot.kimi-k2-thinking", "cohere.command-r-plus-v1:0",
    "ai21.jamba-1-5-large-v1:0",
]  # fmt: skip
NO_TOOLS = ["us.deepseek.r1-v1:0", "mistral.mistral-7b-instruct-v0:2", "acme.judge-1"]
NOVA = ["amazon.nova-micro-v1:0", "eu.amazon.nova-lite-v1:0", "us.amazon.nova-2-lite-v1:0"]
OPAQUE = "arn:aws:bedrock:eu-west-1:111122223333:application-inference-profile/a0judgeopus55"

REFERENCE: list[tuple[list[str], dict[str, Any], str]] = [
    ([*NO_SAMPLING, OPAQUE], config(temperature=0), "`temperature` is deprecated for this model."),
    (NO_SAMPLING, config(topP=0.9), "`top_p` is deprecated for this model."),
    (NO_SAMPLING, more(top_k=3), "`top_k` is deprecated for this model."),
    (CLAUDE_4, config(temperature=0, topP=0.9), "`top_p` cannot both be specified for this model."),
    (NO_FORCE[:1], FORCED, "forced tool use is not supported"),
    ([*NO_FORCE[1:]], ANY, '"tool" and "any" are not supported for this model.'),
    (CLAUDE_4, FORCED | THINKING, "Thinking may not be enabled when tool_choice forces tool use."),
    (CLAUDE_4, ANY | THINKING, "Thinking may not be enabled when tool_choice forces tool use."),
    (OPEN, FORCED, "doesn't support the toolConfig.toolChoice.tool field. Remove"),
    (OPEN, ANY, "doesn't support the toolConfig.toolChoice.any field. Remove"),
    (
        [NO_FORCE[0], NO_FORCE[2]],
        tool(strict=True),
        "tools.0.custom.strict: Extra inputs are not permitted",
    ),
    (NO_SAMPLING, AS_SCHEMA, "output_config.format: Extra inputs are not permitted"),
    ([*NOVA, *OPEN[:3]], AS_SCHEMA, "This model doesn't support the outputConfig field."),
    (NO_TOOLS, FORCED, "This model doesn't support tool use."),
    (NO_TOOLS, tool(), "This model doesn't support tool use."),
    (
        NO_FORCE,
        more(thinking={"type": "disabled"}),
        '"thinking.type.disabled" is not supported for this model.',
    ),
    (
        CLAUDE_4[:2],
        LOW,
        "This model does not support the effort parameter.",
    ),
    (
        [*OPEN, *NOVA],
        LOW,
        "doesn't support the outputConfig.effort field. Remove",
    ),
    (
        ["mistral.mistral-7b-instruct-v0:2", "acme.judge-1"],
        {"system": [{"text": "You are a judge."}]},
        "This model doesn't support system messages.",
    ),
    (OPEN[3:9], config(stopSequences=["x"]), "doesn't support the stopSequences field."),
    (NOVA[:2], config(maxTokens=10_001), "exceeds the model limit of 10000. Try again with"),
    (CLAUDE_4, config(maxTokens=200_000), "The maximum tokens you requested exceeds the model"),
]
ROWS = [
    pytest.param(model_id, part, says, id=f"{model_id}-{n}")
    for n, (ids, part, says) in enumerate(REFERENCE)
    for model_id in ids
]


@pytest.mark.parametrize(("model_id", "part", "says"), ROWS)
def test_what_is_refused(model_id: str, part: dict[str, Any], says: str) -> None:
    """Every row of what users reported is refused in its words; without it the request is taken."""
    error = refused(model_id, request(part))
    assert (error.status, error.error) == (400, "ValidationException")
    assert says in error.message
    ask(model_id, request())


@pytest.mark.parametrize("model_id", [*OPEN, *NO_TOOLS])
def test_who_caches_nothing_refuses_to_be_told_to(model_id: str) -> None:
    """With the words and the code of missing access, though nobody can give it; Claude caches."""
    point = {"cachePoint": {"type": "default"}}
    cached = {"messages": [{"role": "user", "content": [{"text": PROMPT}, point]}]}
    error = refused(model_id, request(cached))
    assert (error.status, error.error) == (403, "AccessDeniedException")
    assert "your request did not allow prompt caching" in error.message
    ask("global.anthropic.claude-sonnet-4-6", request(cached))


@pytest.mark.parametrize(
    ("model_id", "status", "error", "says"),
    [
        (
            "global.anthropic.claude-sonnet-4-20250514-v1:0", 404, "ResourceNotFoundException",
            "This model version has reached the end of its life.",
        ),
        ("us.amazon.nova-premier-v1:0", 404, "ResourceNotFoundException", "the end of its life."),
        ("anthropic.claude-3-7-sonnet-20250219-v1:0", 404, "ResourceNotFoundException", "its life"),
        (
            "anthropic.claude-3-opus-20240229-v1:0", 400, "ValidationException",
            "The provided model identifier is invalid.",
        ),
        ("bedrock-judge-of-mine", 400, "ValidationException", "identifier is invalid."),
        ("global.openai.gpt-oss-120b-1:0", 400, "ValidationException", "identifier is invalid."),
        (
            "arn:aws:bedrock:us-east-1:1:application-inference-profile/of.nobody", 400,
            "ValidationException", "The provided model identifier is invalid.",
        ),
        (
            "arn:aws:bedrock:us-east-1:111122223333:application-inference-profile/a0judgedead", 404,
            "ResourceNotFoundException", "the end of its life.",
        ),
        (
            "anthropic.claude-sonnet-4-6", 400, "ValidationException",
            "isn’t supported. Retry your request with the ID or ARN of an inference profile that",  # noqa: RUF001
        ),
        (
            "arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-opus-5-5", 400,
            "ValidationException", "with on-demand throughput",
        ),
    ],
)  # fmt: skip
def test_which_ids_are_not_taken(model_id: str, status: int, error: str, says: str) -> None:
    """Dead models, ids of nothing, and ids without the profile that is needed."""
    found = refused(model_id, request())
    assert (found.status, found.error) == (status, error)
    assert says in found.message


@pytest.mark.parametrize("row", ENDED)
def test_dead_models_refuse_everything(row: Model) -> None:
    """By any of their ids."""
    for model_id in (row.id, f"us.{row.id}"):
        assert refused(model_id, request()).reason == row.ended


@pytest.mark.parametrize(
    ("model_id", "expected"),
    [
        ("amazon.nova-pro-v1:0", "amazon.nova-pro-v1:0"),
        ("apac.amazon.nova-pro-v1:0", "amazon.nova-pro-v1:0"),
        ("jp.anthropic.claude-sonnet-4-6", "anthropic.claude-sonnet-4-6"),
        ("us-gov.anthropic.claude-sonnet-4-6", "anthropic.claude-sonnet-4-6"),
        (
            "arn:aws:bedrock:us-east-1::foundation-model/openai.gpt-oss-20b-1:0",
            "openai.gpt-oss-20b-1:0",
        ),
        (
            "arn:aws:bedrock:us-east-1:111122223333:inference-profile/eu.amazon.nova-lite-v1:0",
            "amazon.nova-lite-v1:0",
        ),
        (OPAQUE, "anthropic.claude-opus-5-5"),
        (
            "arn:aws:bedrock:us-east-1:111122223333:imported-model/a0judgellama",
            "meta.llama3-3-70b-instruct-v1:0",
        ),
        ("arn:aws:bedrock:us-east-1:111122223333:custom-model-deployment/mine", "acme.judge-1"),
    ],
)
def test_which_model_is_behind_an_id(model_id: str, expected: str) -> None:
    """Profiles and ARNs lead to the model; what opaque ones stand for can be set."""
    assert find_model(model_id, {"custom-model-deployment/mine": "acme.judge-1"}).id == expected


def test_any_id_can_be_taken() -> None:
    """Tests that are not about models name one that does not exist, which refuses nothing."""
    anything = request(FORCED, config(temperature=0, topP=0.5, stopSequences=["x"]))
    taken = Behaviour(takes_any_id=True)
    assert given(ask("some.model", anything, taken))["result"] == "yes"
    assert refused("amazon.nova-lite-v1:0", request(AS_SCHEMA), taken).reason


def demands(model: Model, way: dict[str, Any]) -> bool:
    """Whether a model takes a way of asking, by what its row says it refuses."""
    whens = {MODELS.refusals[name].when for name in model.refuses}
    return not whens & Asked.of(request(way), model.thinks).features


@pytest.mark.parametrize("row", LIVING)
def test_the_verdict_comes_when_the_demands_are_met(row: Model) -> None:
    """Every living model judges in each way that it does not refuse, and there is such a way."""
    model_id = callable_id(row)
    ways = [way for way in WAYS if demands(row, way)]
    assert ways
    for way, prompt in product(ways, (PROMPT, UNSAFE)):
        text = json.dumps(request(way))
        text = text.replace(json.dumps(PROMPT)[1:-1], json.dumps(prompt)[1:-1])
        verdict = given(ask(model_id, json.loads(text)))
        said = str(verdict["result"]).lower().rstrip(".")
        assert said in (("no", "false") if prompt == UNSAFE else ("yes", "true"))
        assert verdict["rationale"]


@pytest.mark.parametrize("row", LIVING)
def test_each_refusal_names_one_thing(row: Model) -> None:
    """Whatever is refused is taken when that is left out: no model refuses all there is."""
    for way in WAYS:
        if demands(row, way):
            continue
        error = refused(callable_id(row), request(way))
        assert error.message in {MODELS.refusals[name].says for name in row.refuses}


@pytest.mark.parametrize(
    "row",
    [p for p in LIVING if p.values[0].thinks in ("always", "by_default")],  # type: ignore[union-attr]
)
def test_thoughts_count_against_the_tokens(row: Model) -> None:
    """With a small number of tokens nothing is left for the verdict; the least effort thinks less.

    Bedrock then says `max_tokens`, calls no tool, and has used all that was allowed.
    """
    model_id = callable_id(row)
    way = next(way for way in WAYS if demands(row, way))
    least, usual = row.thoughts
    cut = ask(model_id, request(way, config(maxTokens=least)))
    assert (cut.stop_reason, cut.output_tokens) == ("max_tokens", least)
    assert [list(block) for block in cut.content] == [["reasoningContent"]]
    whole = ask(model_id, request(way, config(maxTokens=usual + 500)))
    assert (whole.thoughts, whole.stop_reason in ("tool_use", "end_turn")) == (usual, True)
    assert whole.output_tokens > usual
    effort = {"outputConfig": {**way.get("outputConfig", {}), "effort": "low"}}
    if not any("effort" in name for name in row.refuses):
        assert ask(model_id, request(way, effort)).thoughts == least
    assert ask(model_id, request(way, more(reasoning_effort="low"))).thoughts == least


def test_the_usual_limit_is_used_up_by_thoughts() -> None:
    """1,024 tokens, which is what a judge is given today, are not enough for the newest models."""
    for name in ("opus-5-5", "sonnet-5-5", "fable-5-1"):
        limit = config(maxTokens=1024)
        answer = ask(f"global.anthropic.claude-{name}", request(tool(), limit))
        assert (answer.stop_reason, answer.output_tokens) == ("max_tokens", 1024)
        less = ask(f"global.anthropic.claude-{name}", request(tool(), limit, THINKING, LOW))
        assert given(less)["result"] == "yes"


def test_models_think_when_they_are_asked_to() -> None:
    """Sonnet 4.6 does only then; Haiku 5.5 and Sonnet 5.5 do unless told not to."""
    sonnet = "global.anthropic.claude-sonnet-4-6"
    assert ask(sonnet, request(FORCED, config(temperature=0))).thoughts == 0
    assert ask(sonnet, request(tool(), THINKING)).thoughts > 0
    told = {"disabled": "haiku-5-5", "between_tools": "sonnet-5-5"}
    for kind, name in told.items():
        model_id = f"global.anthropic.claude-{name}"
        assert ask(model_id, request(tool())).thoughts > 0
        assert ask(model_id, request(tool(), more(thinking={"type": kind}))).thoughts == 0
    haiku = request(FORCED, more(thinking={"type": "disabled"}))
    assert given(ask("global.anthropic.claude-haiku-5-5", haiku))["result"] == "yes"


def test_the_default_judge_is_as_it_was() -> None:
    """Sonnet 4.6 takes a forced tool with temperature 0, without thoughts, and a schema."""
    sonnet = "global.anthropic.claude-sonnet-4-6"
    answer = ask(sonnet, request(FORCED, config(maxTokens=1024, temperature=0)))
    (block,) = answer.content
    assert block["toolUse"]["input"] == given(answer)
    assert (answer.stop_reason, given(answer)["result"]) == ("tool_use", "yes")
    text = ask(sonnet, request(AS_SCHEMA, config(temperature=0)))
    assert (text.stop_reason, json.loads(text.content[0]["text"])["result"]) == ("end_turn", "yes")


def test_how_models_answer_that_may_choose() -> None:
    """Offered a tool, some call it and others write: JSON, fenced, or the call itself."""
    begins = {
        "amazon.nova-pro-v1:0": None,
        "ai21.jamba-1-5-large-v1:0": '{"rationale"',
        "global.anthropic.claude-fable-5-1": "```json\n{",
        "us.meta.llama3-3-70b-instruct-v1:0": '{"name": "verdict", "parameters": {',
        "qwen.qwen3-235b-a22b-2507-v1:0": '<tool_call>\n{"name": "verdict", "arguments": {',
    }
    for model_id, begin in begins.items():
        block = ask(model_id, request(tool())).content[-1]
        assert "toolUse" in block if begin is None else block["text"].startswith(begin)


def test_without_a_schema_there_is_no_verdict() -> None:
    """Nobody who asks for nothing gets a verdict."""
    (block,) = ask("amazon.nova-pro-v1:0", request()).content
    assert "no verdict" in block["text"]


BOOL, NUMBER = {"type": "boolean"}, {"type": "number"}


@pytest.mark.parametrize(
    ("how", "result", "schema", "expected"),
    [
        (None, "yes", RESULT, "yes"),
        ("capital", "coherent", {"enum": ["coherent"]}, "Coherent"),
        ("capital", 4.0, NUMBER, 4.0),
        ("dotted", "yes", RESULT, "yes."),
        ("boolean", "yes", RESULT, True),
        ("boolean", "no", RESULT, False),
        ("boolean", "coherent", {"enum": ["coherent"]}, "coherent"),
        ("number_as_text", 4.0, NUMBER, "4"),
        ("number_as_text", True, BOOL, True),
        ("number_as_text", "yes", RESULT, "yes"),
    ],
)
def test_spellings_that_mean_one_thing(
    how: Any, result: Any, schema: dict[str, Any], expected: Any
) -> None:
    """The result is spelled otherwise where its type has such a spelling; rationales never are."""
    whole = {"properties": {"result": schema, "rationale": {"type": "string"}}}
    spelled = spell({"rationale": "yes", "result": result}, whole, how)
    assert (spelled["result"], spelled["rationale"]) == (expected, "yes")
    assert type(spelled["result"]) is type(expected)


def test_spellings_of_the_whole_verdict() -> None:
    """One field too many in each verdict of a panel, or all of it as a string."""
    verdict = {"rationale": "x", "result": "yes"}
    panel = {"properties": {"safety": SCHEMA}}
    assert spell({"safety": verdict}, panel, "extra_field") == {
        "safety": {**verdict, "confidence": "high"}
    }
    assert json.loads(spell(verdict, SCHEMA, "input_as_text")) == verdict
    assert json.loads(as_text(spell(verdict, SCHEMA, "input_as_text"), "json")) == verdict


@pytest.mark.parametrize(
    ("schema", "says"),
    [
        ({"type": "object", "properties": {}}, "'additionalProperties' must be explicitly set"),
        ({"properties": {"a": {"type": "object"}}}, "'additionalProperties' must be explicitly"),
        (
            {"anyOf": [{"type": "number", "minimum": 1, "maximum": 5}]},
            "For 'number' type, properties maximum, minimum are not supported",
        ),
        ({"items": {"type": "integer", "minimum": 1}}, "property 'minimum' is not supported"),
        ({"type": "string", "minLength": 1}, "For 'string' type, property 'minLength' is not"),
        ({"type": "array", "maxItems": 4}, "For 'array' type, property 'maxItems' is not"),
        ({"type": "array", "minItems": 2}, "values other than 0 or 1 are not supported"),
        ({"oneOf": [{"type": "null"}]}, "'oneOf' is not supported"),
        ({"$ref": "https://example.com/schema"}, "External schema references"),
        (
            {"$ref": "#/$defs/a", "$defs": {"a": {"anyOf": [{"$ref": "#/$defs/a"}]}}},
            "Recursive schemas",
        ),
        ({"$ref": "#/$defs/a", "$defs": {"a": {"type": "object"}}}, "'additionalProperties'"),
    ],
)
def test_what_a_schema_may_not_say(schema: dict[str, Any], says: str) -> None:
    """Keywords outside the documented subset are refused wherever they stand."""
    assert says in (schema_problem(schema) or "")


def test_what_a_schema_may_say() -> None:
    """Closed objects, labels, constants, alternatives, lists and references are taken."""
    schema = {
        **SCHEMA,
        "properties": {
            "a": {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/b"}},
            "c": {"anyOf": [{"const": 1}, {"type": "null"}]},
            "d": {"$ref": "#/$defs/b"},
        },
        "$defs": {"b": {**SCHEMA}},
    }
    assert schema_problem(schema) is None


@pytest.mark.parametrize("model_id", ["global.anthropic.claude-sonnet-4-6", "deepseek.v3-v1:0"])
def test_schemas_are_looked_at_where_they_count(model_id: str) -> None:
    """A format and a strict tool must keep to the subset; a plain tool need not."""
    loose = {"type": "object", "properties": {"result": {"type": "number", "minimum": 1}}}
    text = json.dumps(loose)
    wrong = json.loads(json.dumps(AS_SCHEMA))
    wrong["outputConfig"]["textFormat"]["structure"]["jsonSchema"]["schema"] = text
    error = refused(model_id, request(wrong))
    assert error.message.startswith("The model returned the following errors: output_config.format")
    plain = tool(inputSchema={"json": loose})
    assert given(ask(model_id, request(plain)))["result"] == 5.0
    strict = tool(inputSchema={"json": loose}, strict=True)
    assert "tools.0.custom: For" in refused(model_id, request(strict)).message
    wrong["outputConfig"]["textFormat"]["structure"]["jsonSchema"]["schema"] = "no JSON"
    assert "must be a valid JSON object" in refused(model_id, request(wrong)).message


def test_too_much_input() -> None:
    """More than the model reads is refused, not cut."""
    long = {"messages": [{"role": "user", "content": [{"text": "word " * 30_000}]}]}
    assert refused("mistral.mistral-7b-instruct-v0:2", request(long)).message == (
        "Input is too long for requested model."
    )
    ask("amazon.nova-lite-v1:0", request(long))


@pytest.mark.parametrize(
    ("behaviour", "status", "error", "says"),
    [
        (Behaviour(mode="dead"), 404, "ResourceNotFoundException", "the end of its life"),
        (Behaviour(mode="legacy"), 404, "ResourceNotFoundException", "by provider as Legacy"),
        (
            Behaviour(mode="no_access"), 403, "AccessDeniedException",
            "because no identity-based policy allows the bedrock:InvokeModel action",
        ),
        (
            Behaviour(mode="no_access", access="service_control_policy"), 403,
            "AccessDeniedException", "with an explicit deny in a service control policy",
        ),
        (
            Behaviour(mode="no_access", access="marketplace"), 403, "AccessDeniedException",
            "aws-marketplace:Subscribe",
        ),
        (
            Behaviour(mode="no_access", access="use_case_form"), 404, "ResourceNotFoundException",
            "Model use case details have not been submitted for this account.",
        ),
        (
            Behaviour(mode="no_access", access="invalid_id"), 400, "ValidationException",
            "The provided model identifier is invalid.",
        ),
        (
            Behaviour(mode="no_access", access="no_access_to_legacy"), 403,
            "AccessDeniedException", "marked by provider as Legacy",
        ),
    ],
)  # fmt: skip
def test_a_model_that_refuses_for_good(
    behaviour: Behaviour, status: int, error: str, says: str
) -> None:
    """Any model can be made to refuse as a dead one, or one without access; others then answer."""
    found = refused("amazon.nova-pro-v1:0", request(), behaviour)
    assert (found.status, found.error) == (status, error)
    assert says in found.message
    other = Behaviour(mode=behaviour.mode, model="nova-lite", access=behaviour.access)
    assert given(ask("amazon.nova-pro-v1:0", request(FORCED), other))["result"] == "yes"


@pytest.mark.parametrize(
    ("reason", "content"),
    [
        ("refusal", []),
        ("content_filtered", [{"text": "Sorry, the model cannot answer this question."}]),
        ("guardrail_intervened", [{"text": "Sorry, the model cannot answer this question."}]),
    ],
)
def test_a_model_that_declines(reason: Any, content: list[Any]) -> None:
    """It answers, with a stop reason and no verdict, where what it judges has the words."""
    declines = Behaviour(mode="declines", declines="bleach|poison", declined_by=reason)
    unsafe = request(FORCED, messages=[{"role": "user", "content": [{"text": UNSAFE}]}])
    answer = ask("amazon.nova-pro-v1:0", unsafe, declines)
    assert (answer.stop_reason, answer.content, answer.declined) == (reason, content, True)
    assert answer.output_tokens > 0
    assert not ask("amazon.nova-pro-v1:0", request(FORCED), declines).declined
    everything = Behaviour(mode="declines", declined_by=reason)
    assert ask("amazon.nova-pro-v1:0", request(FORCED), everything).stop_reason == reason


def test_a_model_that_thinks_past_its_tokens() -> None:
    """However much it is given it needs more; with fewer thoughts the verdict comes after them."""
    endless = Behaviour(mode="thinks")
    answer = ask("amazon.nova-pro-v1:0", request(FORCED, config(maxTokens=9000)), endless)
    assert (answer.stop_reason, answer.output_tokens, answer.thoughts) == ("max_tokens", 9000, 9000)
    long = Behaviour(mode="thinks", thoughts=2000)
    assert ask("amazon.nova-pro-v1:0", request(FORCED), long).thoughts == 2000
    cut = ask("amazon.nova-pro-v1:0", request(FORCED, config(maxTokens=2010)), long)
    assert (cut.stop_reason, given(cut)) == ("max_tokens", {})
