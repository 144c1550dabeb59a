"""The catalog of Bedrock's models that the installed MLflow ships, and what it says otherwise.

Source of its format: `mlflow/utils/model_catalog/bedrock.json`, schema 1.0. An id there may begin
with a geography, as inference profiles do, or with a Region or a commitment and a slash; the latter
are left out.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from fnmatch import fnmatchcase
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from inference_monitor.config.models import Comparable, ModelFacts, ModelTable, without_geography
from inference_monitor_cli.problems import CommandError

_CATALOG = "utils/model_catalog/bedrock.json"
_ROUNDING = 0.01
"""Prices of geographies are rounded in the catalog, those of models.yaml are multiplied."""
_SIDES: tuple[Comparable, ...] = ("input", "output", "cache_read", "cache_write")


@dataclass(frozen=True, slots=True)
class Difference:
    """A fact about a model that the catalog and `models.yaml` have differently; None: has none.

    `fact` is a key of the file, or `model` for a row as a whole; `explained` is the row's own
    reason for the difference, if it has one.
    """

    model: str
    fact: str
    ours: str | None
    catalog: str | None
    explained: str | None = None


@dataclass(frozen=True, slots=True)
class Catalog:
    """Chat models by id, as the catalog describes them, and the version of MLflow it is from."""

    version: str
    models: Mapping[str, Mapping[str, Any]] = field(repr=False)

    @classmethod
    def installed(cls) -> Catalog:
        """Read the catalog of the installed MLflow, without importing it.

        Raises:
            CommandError: If MLflow is not installed, or is a version without a catalog.
        """
        spec = find_spec("mlflow")
        folders = [Path(folder) for folder in (spec and spec.submodule_search_locations) or ()]
        file = next((f for folder in folders if (f := folder / _CATALOG).is_file()), None)
        if file is None:
            raise CommandError(
                "the comparison needs an MLflow with a catalog of models, 3.17 or later, which"
                " mlflow-skinny does not have: pip install mlflow"
            )
        return cls(_mlflow_version(), json.loads(file.read_text(encoding="utf-8"))["models"])

    def compare(self, table: ModelTable) -> list[Difference]:
        """Everything that the catalog says otherwise: prices, ends of life, models."""
        return [*self._models_differ(table), *self._missing_here(table)]

    def _models_differ(self, table: ModelTable) -> Iterator[Difference]:
        for model, told in sorted(self._judges(table).items()):
            if (facts := table.facts(model)) is None:
                price = _told_price(told)
                yield Difference(model, "model", None, price or "no price")
                continue
            yield from _prices(model, told, table, facts)
            yield from _end_of_life(model, told, facts)

    def _missing_here(self, table: ModelTable) -> Iterator[Difference]:
        """Rows without a source of their own that nothing in the catalog supports."""
        for row in table.models:
            if row.source is None and not any(row.matches(model) for model in self.models):
                yield Difference(row.pattern, "model", "a row", None)

    def _judges(self, table: ModelTable) -> dict[str, Mapping[str, Any]]:
        return {
            model: told
            for model, told in self.models.items()
            if told.get("mode") == "chat" and "/" not in model and not _is_left_out(model, table)
        }


def _is_left_out(model: str, table: ModelTable) -> bool:
    ids = (model, without_geography(model))
    return any(fnmatchcase(text, pattern) for text in ids for pattern in table.left_out)


def _prices(
    model: str, told: Mapping[str, Any], table: ModelTable, facts: ModelFacts
) -> Iterator[Difference]:
    price, pricing = table.price(model), told.get("pricing") or {}
    for side in _SIDES:
        theirs = pricing.get(f"{side}_per_million_tokens")
        ours = getattr(price, side) if price else None
        if theirs is None or (ours is not None and abs(ours - theirs) <= _ROUNDING * theirs):
            continue
        mine = None if ours is None else f"{ours:.4g}"
        yield Difference(model, side, mine, f"{theirs:.4g}", facts.differs.get(side))


def _end_of_life(model: str, told: Mapping[str, Any], facts: ModelFacts) -> Iterator[Difference]:
    theirs = told.get("deprecation_date")
    if theirs and date.fromisoformat(theirs) != facts.end_of_life:
        ours = str(facts.end_of_life) if facts.end_of_life else None
        yield Difference(model, "end_of_life", ours, theirs, facts.differs.get("end_of_life"))


def _told_price(told: Mapping[str, Any]) -> str | None:
    pricing = told.get("pricing") or {}
    prices = [pricing.get(f"{side}_per_million_tokens") for side in _SIDES[:2]]
    return None if None in prices else "/".join(f"{price:g}" for price in prices) + " USD"


def _mlflow_version() -> str:
    for package in ("mlflow-skinny", "mlflow"):
        try:
            return version(package)
        except PackageNotFoundError:
            continue
    return "unknown"
