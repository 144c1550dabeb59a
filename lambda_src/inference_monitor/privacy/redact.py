"""Redact an inference: every text in it, wherever it stands, now and in fields to come."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import fields, is_dataclass, replace
from typing import Any

from inference_monitor.capture.reader import Entry, Quarantined
from inference_monitor.inference import Inference
from inference_monitor.privacy.patterns import SECRET, Finder, names_a_secret
from inference_monitor.privacy.text import redact_text
from inference_monitor.time_limit import cpu_limit

# Fields whose values are SageMaker's or ours. What is not named here is redacted.
_KEPT = frozenset({"event_id", "kind", "family", "redactions"})
_SHORTEST_NUMBER = 10**11  # no card number or the like has fewer digits


class Redactor:
    """Finds and replaces; `secret_keys` also replaces what a JSON object has as a `password`.

    `seconds` of CPU time are allowed for one inference.
    """

    def __init__(
        self, finders: Sequence[Finder], *, secret_keys: bool = True, seconds: float = 20
    ) -> None:
        self._finders = finders
        self._secret_keys = secret_keys
        self._seconds = seconds

    def redact(self, inference: Inference) -> Inference:
        """The same inference with `[KIND]` for all that is found, and how often in `redactions`.

        A text that stands in several places of the inference (the body, the messages) counts once.

        Raises:
            TimeoutError: If it takes too long.
            RecursionError: If a payload is nested more deeply than Python can follow.
        """
        run = _Run(self._finders, secret_keys=self._secret_keys)
        with cpu_limit(self._seconds):
            redacted: Inference = run.record(inference)
        return replace(redacted, redactions=dict(sorted(run.counts.items())))

    def redact_entry(self, entry: Entry) -> Entry:
        """An entry with its inference redacted; its line, which is kept if refused, stays whole.

        What cannot be redacted must not leave either: such an entry is quarantined, with a reason
        that quotes nothing.
        """
        if not isinstance(entry.record, Inference):
            return entry
        try:
            return replace(entry, record=self.redact(entry.record))
        except Exception as error:  # noqa: BLE001  # whatever it is, the record stays inside
            reason = f"could not be redacted: {type(error).__name__}"
            return replace(entry, record=Quarantined(reason, entry.record.event_id))


class _Run:
    """One pass over one inference, and what was replaced so far.

    Bodies and messages share their parts: each is worked on once, and stays shared. `_done` keeps
    the originals too, or the id of one could be given to another.
    """

    def __init__(self, finders: Sequence[Finder], *, secret_keys: bool) -> None:
        self.counts: Counter[str] = Counter()
        self._finders = finders
        self._secret_keys = secret_keys
        self._done: dict[int, tuple[Any, Any]] = {}

    def record(self, value: Any) -> Any:
        """A dataclass of `inference`, and those in it."""
        changed = {
            field.name: self._field(getattr(value, field.name))
            for field in fields(value)
            if field.name not in _KEPT
        }
        return replace(value, **changed)

    def _field(self, value: Any) -> Any:
        if is_dataclass(value):
            return self.record(value)
        if isinstance(value, tuple):
            return tuple(self._field(item) for item in value)
        return self._shared(value) if isinstance(value, str | list | dict) else value

    def _shared(self, value: Any) -> Any:
        if id(value) not in self._done:
            new = self._text(value) if isinstance(value, str) else self._container(value)
            self._done[id(value)] = (value, new)
        return self._done[id(value)][1]

    def _container(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self._item(item) for item in value]
        result: dict[str, Any] = {}
        for key, item in value.items():
            # Two keys that become the same must not swallow each other's value.
            name = base = self._shared(key)
            while name in result:
                name = f"{base}_{len(result)}"
            secret = self._secret_keys and isinstance(item, str) and names_a_secret(key)
            result[name] = self._secret() if secret else self._item(item)
        return result

    def _item(self, value: Any) -> Any:
        if isinstance(value, str | list | dict):
            return self._shared(value)
        if type(value) is int and value >= _SHORTEST_NUMBER:
            digits = str(value)
            replaced = self._plain(digits)
            return value if replaced == digits else replaced
        return value

    def _text(self, text: str) -> str:
        """A text; JSON in it (a tool call's arguments) is read first, for its escapes hide text."""
        if text.lstrip()[:1] in ("{", "["):
            before = self.counts.total()
            document = self._document(text)
            if self.counts.total() > before:
                return json.dumps(document, ensure_ascii=False)
        return self._plain(text)

    def _document(self, text: str) -> Any:
        try:
            return self._item(json.loads(text))
        except ValueError:
            return None

    def _plain(self, text: str) -> str:
        return redact_text(text, self._finders, self.counts)

    def _secret(self) -> str:
        self.counts[SECRET] += 1
        return f"[{SECRET}]"
