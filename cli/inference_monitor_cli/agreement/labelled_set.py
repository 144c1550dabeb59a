"""Answers that people have labelled, to hold a judge against: read from files, as captures."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import yaml
from pydantic import TypeAdapter, ValidationError

from inference_monitor.capture.reader import read_document
from inference_monitor.inference import Inference, Source
from inference_monitor_cli.agreement.labelled_format import (
    Difficulty,
    LabelledCriterion,
    LabelValue,
    WrittenRecord,
)
from inference_monitor_cli.problems import CommandError

SHIPPED = Path(__file__).parent / "labelled"
CRITERIA_FILE = "criteria.yaml"
Shape = TypeVar("Shape")

# Reads the same, faster, where PyYAML was built with it.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True)
class LabelledRecord:
    """One inference, and what people say about it by criterion; `whys` explains some of it.

    `criteria` are those it was written for: all that have a label, and those where people differ.
    """

    inference: Inference
    source: Source
    domain: str
    difficulty: Difficulty
    criteria: frozenset[str]
    labels: dict[str, LabelValue]
    whys: dict[str, str]

    @property
    def id(self) -> str:
        """Its event id."""
        return self.inference.event_id


@dataclass(frozen=True, slots=True)
class LabelledSet:
    """Records in the order of the files, and the criteria that they have labels for."""

    criteria: dict[str, LabelledCriterion]
    records: list[LabelledRecord]

    def written_for(self, criteria: Collection[str]) -> LabelledSet:
        """The records that are for at least one of some criteria."""
        wanted = frozenset(criteria)
        return LabelledSet(self.criteria, [r for r in self.records if r.criteria & wanted])

    def sample(self, count: int | None) -> LabelledSet:
        """So many of the records, always the same, each sample within all larger ones."""
        drawn = sorted(self.records, key=lambda r: hashlib.sha256(r.id.encode()).digest())[:count]
        ids = {record.id for record in drawn}
        return LabelledSet(self.criteria, [r for r in self.records if r.id in ids])


def load_labelled_set(folder: Path = SHIPPED) -> LabelledSet:
    """Read a labelled set.

    Raises:
        CommandError: If the folder holds none, or something in it cannot be used.
    """
    if not (folder / CRITERIA_FILE).is_file():
        raise CommandError(
            f"there is no labelled set in {folder}: it has no {CRITERIA_FILE}. The shipped one is "
            "in cli/inference_monitor_cli/agreement/labelled of the project; --set FOLDER takes "
            "another"
        )
    criteria = _read(folder / CRITERIA_FILE, dict[str, LabelledCriterion])
    records: dict[str, LabelledRecord] = {}
    for file in sorted(folder.glob("*.yaml")):
        if file.name == CRITERIA_FILE:
            continue
        for record in _records(file, criteria):
            if record.id in records:
                raise CommandError(f"{file}: there are two records with the id {record.id}")
            records[record.id] = record
    if not records:
        raise CommandError(f"the labelled set in {folder} has no records")
    return LabelledSet(criteria, list(records.values()))


def _records(file: Path, criteria: dict[str, LabelledCriterion]) -> Iterator[LabelledRecord]:
    for written in _read(file, list[WrittenRecord]):
        if unknown := sorted(set(written.labels) - set(criteria)):
            raise CommandError(
                f"{file}: record {written.id} has a label for {unknown[0]}, which {CRITERIA_FILE} "
                "does not know"
            )
        inference = read_document(written.capture()).record
        if not isinstance(inference, Inference):
            raise CommandError(f"{file}: record {written.id} is not readable: {inference.reason}")
        given = _usual(written, criteria)
        given |= {name: label.value for name, label in written.labels.items()}
        yield LabelledRecord(
            inference,
            Source("labelled", file.name, "labelled", file.stem),
            file.stem,
            written.difficulty,
            frozenset(given),
            {name: value for name, value in given.items() if value is not None},
            {name: label.why for name, label in written.labels.items()},
        )


def _usual(
    written: WrittenRecord, criteria: dict[str, LabelledCriterion]
) -> dict[str, LabelValue | None]:
    """The labels that go without saying; none if one of those given is for what has no such."""
    usual = {name: c.usually for name, c in criteria.items() if c.usually is not None}
    return {**usual} if usual.keys() >= written.labels.keys() else {}


def _read(file: Path, shape: type[Shape]) -> Shape:
    try:
        document = yaml.load(file.read_text("utf-8"), _LOADER)  # noqa: S506  # both are safe
        return TypeAdapter(shape).validate_python(document)
    except yaml.YAMLError as error:
        raise CommandError(f"{file} is no YAML: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = " → ".join(str(part) for part in first["loc"])
        raise CommandError(f"{file}: {where}: {first['msg']}") from error
