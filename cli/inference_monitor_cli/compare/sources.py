"""Read the two sides from where they are: MLflow, or capture files."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from rich.console import Console

from inference_monitor_cli.captures import Hours, find_files
from inference_monitor_cli.compare.captured import read_captured
from inference_monitor_cli.compare.observations import Observation, Side
from inference_monitor_cli.deployment import locate_experiment
from inference_monitor_cli.problems import CommandError, needs_mlflow


class Stored(Protocol):
    """What reads observations out of MLflow."""

    def read(self, side: Side, hours: Hours | None) -> Iterable[Observation]:
        """Every inference of a side, within these hours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Where sides are read: capture files if any are named, else the experiment in MLflow."""

    captures: Sequence[str] = ()
    hours: Hours | None = None
    prefix: str | None = None
    tracking_uri: str | None = None
    experiment: str | None = None

    def read(self, sides: Sequence[Side]) -> list[list[Observation]]:
        """The inferences of each side.

        Raises:
            CommandError: If a side cannot be read, or has no inference.
        """
        if all(side.kind == "files" for side in sides):
            found = [list(read_captured(find_files([side.name]))) for side in sides]
        elif any(side.kind == "files" for side in sides):
            raise CommandError("files: is for both sides; read all files with --captures instead")
        elif self.captures:
            every = list(read_captured(find_files(self.captures)))
            found = [[one for one in every if self._has(side, one)] for side in sides]
        else:
            stored = self._open()
            with Console(stderr=True).status("reading traces"):
                found = [list(stored.read(side, self.hours)) for side in sides]
        for side, observations in zip(sides, found, strict=True):
            if not observations:
                raise CommandError(f"there is no inference of {side}{self._where()}")
        return found

    def _has(self, side: Side, observation: Observation) -> bool:
        within = self.hours is None or self.hours.has(observation.inference_time)
        return within and side.has(observation)

    def _where(self) -> str:
        place = "the capture files" if self.captures else "MLflow"
        return f" in {place}{f', {self.hours}' if self.hours else ''}"

    def _open(self) -> Stored:
        return open_stored(
            *locate_experiment(
                prefix=self.prefix,
                tracking_uri=self.tracking_uri,
                experiment=self.experiment,
                otherwise="capture files with --captures",
            )
        )


def open_stored(tracking_uri: str, experiment: str) -> Stored:
    """What reads MLflow.

    Raises:
        CommandError: If MLflow's client is not installed, or there is no such experiment.
    """
    with needs_mlflow("comparing traces reads MLflow"):
        from inference_monitor_cli.compare.stored import StoredObservations  # noqa: PLC0415
    return StoredObservations(tracking_uri, experiment)
