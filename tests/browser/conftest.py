"""A headless Chromium and a handful of traces to look at."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, sync_playwright

from inference_monitor.identity import trace_id
from inference_monitor.inference import Inference
from inference_monitor.traces.store import MlflowTraceStore
from tests import inferences

CHROMIUM = Path("/usr/bin/chromium")
_FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update",
]  # fmt: skip
# What the UI remembers of a visitor who has closed its introductions.
_SEEN = {
    "mlflow.assistant.fab.autoOpenedOnFirstLoad_v1": "true",
    "mlflow.assistant.panelOpen_v1": "false",
    "mlflow.detectIssues.guidanceShown_v1": "true",
}
_MADE: dict[str, Callable[[str], Inference]] = {
    "chat": inferences.chat,
    "tool call": inferences.tool_call,
    "failed": inferences.failed,
    "batch": inferences.batch,
    "vision": inferences.vision,
    "embedding": inferences.embedding,
}


@dataclass(frozen=True)
class Ui:
    """MLflow's UI for one experiment, in a browser whose clock is UTC."""

    page: Page
    address: str

    def open_list(self) -> Page:
        """The list of all traces."""
        self.page.goto(f"{self.address}?startTimeLabel=ALL")
        self.page.get_by_text("Rows per page").wait_for()
        return self.page

    def open_trace(self, name: str) -> Page:
        """The page of the trace that was made under this name."""
        experiment = self.address.split("/")[-2]
        trace = trace_id(replace(inferences.SOURCE, experiment_id=experiment), name)
        self.page.goto(f"{self.address}?startTimeLabel=ALL&selectedEvaluationId={trace}")
        self.page.get_by_role("dialog").get_by_role("tab", name="Attributes").wait_for()
        return self.page

    def keep_picture(self, name: str) -> None:
        """Save a screenshot into the folder that SCREENSHOTS names, if it does."""
        if folder := os.environ.get("SCREENSHOTS"):
            self.page.screenshot(path=Path(folder) / name)


@pytest.fixture(scope="session")
def traces_address(mlflow_uri: str) -> str:
    """The address of the page of an experiment with one trace of each sort."""
    store = MlflowTraceStore(mlflow_uri, "llm-endpoint")
    records = []
    for name, make in _MADE.items():
        verdicts = (
            inferences.feedback(name, "safety"),
            inferences.feedback(name, "relevance_to_query", "no", rationale="Blue is not named."),
            inferences.unreadable(name, "fluency"),
        )
        judged = name not in ("failed", "embedding")
        records.append(inferences.scored(make(name), *(verdicts if judged else ())))
    assert store.write(records) == {}
    return f"{mlflow_uri}/#/experiments/{store._experiment.get().id}/traces"


@pytest.fixture(scope="session")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrowserContext]:
    """A Chromium with an empty profile."""
    if not CHROMIUM.exists():
        pytest.skip(f"{CHROMIUM} is missing: apt-get install chromium")
    with sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            tmp_path_factory.mktemp("profile"),
            executable_path=CHROMIUM,
            headless=True,
            args=_FLAGS,
            viewport={"width": 1600, "height": 900},
            timezone_id="UTC",
            locale="en-GB",
        )
        for key, value in _SEEN.items():
            context.add_init_script(f"localStorage.setItem({key!r}, {value!r})")
        yield context
        context.close()


@pytest.fixture
def ui(chromium: BrowserContext, traces_address: str) -> Iterator[Ui]:
    """The UI with one trace of each sort, each to be opened by its name, in a page of its own."""
    page = chromium.new_page()
    yield Ui(page, traces_address)
    page.close()
