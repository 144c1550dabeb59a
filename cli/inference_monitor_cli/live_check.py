"""Ask every configured judge once: whether it answers, what it takes, how long and for how much.

Needs MLflow's client.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from rich.table import Table

from inference_monitor.config.models import ModelTable
from inference_monitor.config.scorers import ScorersConfig
from inference_monitor.config.specs import InferenceParameters, JudgedSpec, MlflowSpec
from inference_monitor.scoring.judge.client import ConverseClient, Judge
from inference_monitor.scoring.judge.probe import Probed, probe
from inference_monitor_cli.terminal import dollars, printable


@dataclass(frozen=True, slots=True)
class Checked:
    """A judge with the parameters of some scorers, and what came of asking it."""

    scorers: list[str]
    probed: Probed
    cost_usd: float | None

    def document(self) -> dict[str, Any]:
        """It as JSON; `by` is how a verdict was got, `left_out` what the model does not take."""
        answer = self.probed.answer
        return {
            "model": self.probed.model,
            "scorers": self.scorers,
            "ok": self.probed.problem is None,
            "problem": self.probed.problem,
            "by": answer.way if answer else None,
            "left_out": self.probed.left_out,
            "refusals": self.probed.refusals,
            "seconds": round(self.probed.seconds, 2),
            "input_tokens": answer.all_input_tokens if answer else 0,
            "output_tokens": answer.output_tokens if answer else 0,
            "thinks": self.probed.thinks,
            "cost_usd": self.cost_usd,
        }


def check_live(
    config: ScorersConfig, default_model: str, client: ConverseClient, models: ModelTable
) -> Iterator[Checked]:
    """Ask each model with each set of `inference_parameters` that scorers send it.

    Args:
        config: The scorers.
        default_model: The judge of those that name none, as `bedrock:/…`.
        client: Bedrock's runtime.
        models: What is known of models, with the deployment's own prices.
    """
    judge = Judge(client, models=models)
    for (model, _), (parameters, scorers) in _asked(config, default_model).items():
        probed = probe(judge, model, parameters)
        answer = probed.answer
        cost = answer.cost(models, probed.model_id) if answer else None
        yield Checked(scorers, probed, cost)


def _asked(
    config: ScorersConfig, default_model: str
) -> dict[tuple[str, str], tuple[InferenceParameters, list[str]]]:
    asked: dict[tuple[str, str], tuple[InferenceParameters, list[str]]] = {}
    for spec in config.scorers:
        if isinstance(spec, JudgedSpec | MlflowSpec) and spec.asks_judge:
            parameters = spec.inference_parameters
            key = (spec.model or default_model, parameters.model_dump_json())
            asked.setdefault(key, (parameters, []))[1].append(spec.name)
    return asked


def live_table(checked: Sequence[Checked]) -> Table:
    """What came of it, a row for each judge and set of parameters."""
    table = Table(title="Judges, asked once")
    for column in ("judge", "verdict by", "does not take", "seconds", "USD", "scorers"):
        table.add_column(column, overflow="fold")
    for one in checked:
        by = one.probed.answer.way if one.probed.answer else None
        table.add_row(
            printable(one.probed.model_id),
            printable(str(by)) if one.probed.problem is None else "[red]no verdict[/red]",
            ", ".join(one.probed.left_out),
            f"{one.probed.seconds:.1f}",
            "not known" if one.cost_usd is None else dollars(one.cost_usd),
            printable(", ".join(one.scorers)),
        )
    return table
