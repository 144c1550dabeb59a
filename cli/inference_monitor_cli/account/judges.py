"""Whether Bedrock lets this account ask a judge model: its lifecycle, its access, its Region.

Nothing here asks the model, so nothing here costs money. The calls and the names of their answers
are those of botocore 1.44.5's service models.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from inference_monitor.config.models import ARN, GEOGRAPHIES, ModelState, ModelTable, model_of
from inference_monitor_cli.account.lookups import found_or_none

_OPAQUE = ("provisioned-model", "custom-model", "custom-model-deployment", "imported-model")


@dataclass(frozen=True, slots=True)
class JudgeState:
    """A judge model's lifecycle.

    `state` is Bedrock's own where it says one, else that of `models.yaml`; `end` is the first day
    on which requests fail.
    """

    uri: str
    state: ModelState
    end: date | None = None

    @property
    def told(self) -> str:
        """The state in a few words."""
        until = f" (end of life {self.end})" if self.end else ""
        return f"{self.state}{until}"


def judge_state(bedrock: Any, uri: str, table: ModelTable, today: date) -> JudgeState:
    """The lifecycle of a model, by Bedrock and by `models.yaml`.

    Raises:
        ClientError: If Bedrock may not be asked.
    """
    facts = table.facts(model_of(uri))
    known = facts.state(today) if facts else ModelState.UNKNOWN
    end = facts.end_of_life if facts else None
    lifecycle = _lifecycle(bedrock, uri)
    if lifecycle is None:
        return JudgeState(uri, known, end)
    if "endOfLifeTime" in lifecycle:
        end = lifecycle["endOfLifeTime"].date()
    if end and end <= today:
        return JudgeState(uri, ModelState.ENDED, end)
    legacy = lifecycle.get("status") == "LEGACY" or known is ModelState.LEGACY
    return JudgeState(uri, ModelState.LEGACY if legacy else ModelState.ACTIVE, end)


def refusal(bedrock: Any, uri: str) -> str | None:
    """Why this account may not ask a model here; None if nothing is known that stands in the way.

    Raises:
        ClientError: If Bedrock may not be asked.
    """
    model = model_of(uri)
    models = _models_behind(bedrock, uri)
    if models is None:
        return "there is no such inference profile in this Region"
    for name in models:
        found = found_or_none(bedrock.get_foundation_model_availability, modelId=name)
        if found is None and model == name:
            return "there is no such model in this Region"
        # A profile is called here, and answered where its models are.
        if found and (why := _refusal(found, here=model == name)):
            return why
    return None


def _refusal(found: Mapping[str, Any], *, here: bool) -> str | None:
    """What GetFoundationModelAvailability says against a model; `here`: it is asked by its id."""
    if found["authorizationStatus"] != "AUTHORIZED":
        return "this account is not authorized to use the model"
    if found["entitlementAvailability"] != "AVAILABLE":
        return "this account is not entitled to the model"
    if (agreement := found["agreementAvailability"]["status"]) != "AVAILABLE":
        return f"the agreement about the model is {agreement.lower().replace('_', ' ')}"
    if here and found["regionAvailability"] != "AVAILABLE":
        return "the model is not offered in this Region"
    return None


def _lifecycle(bedrock: Any, uri: str) -> dict[str, Any] | None:
    for name in _models_behind(bedrock, uri) or ():
        if found := found_or_none(bedrock.get_foundation_model, modelIdentifier=name):
            return dict(found["modelDetails"].get("modelLifecycle") or {})
    return None


def _models_behind(bedrock: Any, uri: str) -> list[str] | None:
    """The foundation models that a name stands for; none for opaque ARNs, None: no such profile."""
    model = model_of(uri)
    arn = ARN.fullmatch(model)
    if arn and arn["kind"] in _OPAQUE:
        return []
    if arn and arn["kind"] == "foundation-model":
        return [arn["id"]]
    if not arn and model.partition(".")[0] not in GEOGRAPHIES:
        return [model]
    profile = found_or_none(bedrock.get_inference_profile, inferenceProfileIdentifier=model)
    if profile is None:
        return None
    return sorted({found["modelArn"].rpartition("/")[2] for found in profile["models"]})
