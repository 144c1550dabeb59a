"""What a bucket's capture files hold against what MLflow holds, hour by hour."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

from inference_monitor.capture.reader import Skipped
from inference_monitor.capture.s3 import read_entries
from inference_monitor.identity import trace_id
from inference_monitor.inference import Inference, Source
from inference_monitor_cli.captures import DatedFile
from inference_monitor_cli.results_bucket import ROOT, quarantine_objects, quarantined_lines

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

LOOKED_UP_AT_ONCE = 400


class Traces(Protocol):
    """An experiment of MLflow."""

    @property
    def experiment_id(self) -> str:
        """What MLflow calls it."""

    def lookup(self, trace_ids: Sequence[str], /) -> Mapping[str, bool]:
        """For each of these traces that exists, whether it is complete."""


@dataclass(slots=True)
class HourCounts:
    """What became of the lines of an hour's files.

    lines = inferences + duplicates + skipped + quarantined, and inferences = in_mlflow + missing.
    An inference that MLflow has refused is quarantined; one that occurs twice in the range is a
    duplicate where it occurs again. The lines of other endpoints' files are skipped.
    """

    hour: str
    lines: int = 0
    inferences: int = 0
    in_mlflow: int = 0
    missing: int = 0
    duplicates: int = 0
    quarantined: int = 0
    skipped: int = 0


@dataclass(frozen=True, slots=True)
class Missing:
    """An inference that the bucket holds and MLflow does not."""

    event_id: str
    trace_id: str
    file: str
    line: int | None
    why: str


@dataclass(slots=True)
class Reconciliation:
    """The counts of each hour, in the order of time, and everything that is missing.

    `nothing` says where capture files were looked for, when there was none.
    """

    hours: dict[str, HourCounts] = field(default_factory=dict)
    missing: list[Missing] = field(default_factory=list)
    files: int = 0
    undated: list[str] = field(default_factory=list)
    nothing: str | None = None

    def total(self) -> HourCounts:
        """The sums of all hours."""
        total = HourCounts("total")
        for counts in self.hours.values():
            for name in HourCounts.__slots__:
                if name != "hour":
                    setattr(total, name, getattr(total, name) + getattr(counts, name))
        return total


class Reconciler:
    """Reads capture files line by line and asks MLflow for what they hold."""

    def __init__(
        self,
        s3: S3Client,
        captures: str,
        results: str,
        source_of: Callable[[str], Source],
        traces: Traces,
    ) -> None:
        self._s3 = s3
        self._captures = captures
        self._results = results
        self._source_of = source_of
        self._traces = traces
        self._seen: set[bytes] = set()

    def reconcile(
        self, files: Iterable[DatedFile], show: Callable[[Reconciliation], None]
    ) -> Reconciliation:
        """Compare these files; `show` is called after each.

        Raises:
            MonitorError: If S3 or MLflow fails: nothing can be said then.
        """
        result = Reconciliation()
        for file in files:
            if file.hour is None:
                result.undated.append(file.key)
                continue
            counts = result.hours.setdefault(file.hour, HourCounts(file.hour))
            missing = self._compare(file.key, counts)
            result.missing += self._without_refused(file.key, missing, counts)
            result.files += 1
            show(result)
        result.hours = dict(sorted(result.hours.items()))
        return result

    def _compare(self, key: str, counts: HourCounts) -> list[Missing]:
        source = replace(self._source_of(key), experiment_id=self._traces.experiment_id)
        missing: list[Missing] = []
        pending: list[Missing] = []
        for entry in read_entries(self._s3, self._captures, key):
            counts.lines += 1
            record = entry.record
            if source.foreign:
                counts.skipped += 1
                continue
            if not isinstance(record, Inference):
                counts.skipped += isinstance(record, Skipped)
                counts.quarantined += not isinstance(record, Skipped)
                continue
            trace = trace_id(source, record.event_id)
            identity = bytes.fromhex(trace.removeprefix("tr-"))
            if identity in self._seen:
                counts.duplicates += 1
                continue
            self._seen.add(identity)
            counts.inferences += 1
            pending.append(Missing(record.event_id, trace, source.uri, entry.number, ""))
            if len(pending) == LOOKED_UP_AT_ONCE:
                missing += self._absent(pending, counts)
                pending = []
        return missing + self._absent(pending, counts)

    def _absent(self, candidates: Sequence[Missing], counts: HourCounts) -> list[Missing]:
        found = self._traces.lookup([c.trace_id for c in candidates]) if candidates else {}
        absent = [
            Missing(
                c.event_id, c.trace_id, c.file, c.line,
                "its trace is half-written" if c.trace_id in found else "no trace",
            )
            for c in candidates
            if not found.get(c.trace_id)
        ]  # fmt: skip
        counts.in_mlflow += len(candidates) - len(absent)
        counts.missing += len(absent)
        return absent

    def _without_refused(
        self, key: str, missing: Sequence[Missing], counts: HourCounts
    ) -> list[Missing]:
        """Leave out what is kept in quarantine; looked at only where something is missing."""
        if not missing:
            return []
        folder = f"{ROOT}{self._captures}/{key}/"
        kept = {
            line.entry.record.event_id
            for of in quarantine_objects(self._s3, self._results, folder)
            for line in quarantined_lines(self._s3, self._results, of.name) or ()
        }
        left = [m for m in missing if m.event_id not in kept]
        refused = len(missing) - len(left)
        counts.missing -= refused
        counts.inferences -= refused
        counts.quarantined += refused
        return left
