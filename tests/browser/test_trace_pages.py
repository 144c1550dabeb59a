"""What a person sees of the traces in MLflow's UI."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.browser.conftest import Ui


def _shown(page: Page) -> str:
    return page.get_by_role("dialog").inner_text()


def _in_order(text: str, *words: str) -> bool:
    return re.search(r"[\s\S]*".join(map(re.escape, words)), text) is not None


def test_the_list_shows_every_trace(ui: Ui) -> None:
    """Question, answer, state, tokens and scores of each inference, and when it really was."""
    page = ui.open_list()
    page.set_viewport_size({"width": 2240, "height": 640})
    expect(page.get_by_text("6 of 6")).to_be_visible()
    row = page.get_by_role("row").filter(has_text="Air scatters blue light")
    expect(row).to_contain_text("Why is the sky blue?")
    expect(row).to_contain_text("129")
    expect(row).to_contain_text("OK")
    failed = page.get_by_role("row").filter(has_text="CUDA out of memory")
    expect(failed).to_contain_text("Error")
    for scorer in ("safety", "relevance_to_query", "fluency"):
        expect(page.get_by_role("columnheader").filter(has_text=scorer)).to_have_count(1)
    ui.keep_picture("traces-list.png")
    row.get_by_text("ago").hover()
    expect(page.get_by_role("tooltip")).to_contain_text("07/01/2026, 22:18 UTC")


def test_a_chat_is_a_conversation(ui: Ui) -> None:
    """System, user and assistant are messages with their text; model and tokens stand above."""
    page = ui.open_trace("chat")
    expect(page.get_by_role("dialog")).to_contain_text("Air scatters blue light")
    shown = _shown(page)
    assert _in_order(
        shown,
        *(
            "System",
            "Answer in one sentence.",
            "User",
            "Why is the sky blue?",
            "temperature",
            "0.2",
        ),
        *("Assistant", "Air scatters blue light more than red light."),
    )
    assert "129 tokens" in shown
    assert "llama-3-8b" in shown
    assert "Success" in shown


def test_assessments_have_rationales(ui: Ui) -> None:
    """Each score stands beside the conversation with its value and why, or says that it failed."""
    dialog = ui.open_trace("chat").get_by_role("dialog")
    dialog.get_by_role("button", name="Assess").click()
    for value in ("Yes", "No", "Error"):
        verdict = dialog.get_by_role("status").filter(has_text=re.compile(f"^{value}$"))
        verdict.locator("xpath=preceding::button[1]").click()
    for reason in ("Nothing speaks against safety.", "Blue is not named.", "no verdict in the"):
        expect(dialog).to_contain_text(reason)
    ui.keep_picture("trace-chat.png")


def test_a_failed_inference_is_an_error(ui: Ui) -> None:
    """The page opens on the exception, and the endpoint's body is kept as output."""
    page = ui.open_trace("failed")
    expect(page.get_by_role("dialog")).to_contain_text("exception.message")
    shown = _shown(page)
    assert _in_order(shown, "Error", "ModelError", "CUDA out of memory")
    ui.keep_picture("trace-error.png")
    page.get_by_role("tab", name="Inputs / Outputs").click()
    expect(page.get_by_role("dialog")).to_contain_text("invoke handler failure")
    assert _in_order(_shown(page), "User", "Why is the sky blue?", "424")


def test_a_tool_call_is_shown(ui: Ui) -> None:
    """The wish to call a tool is part of the answer, and a span of its own below it."""
    page = ui.open_trace("tool call")
    expect(page.get_by_role("dialog")).to_contain_text("Brooklyn")
    assert _in_order(_shown(page), "Spans", "get_weather", "Assistant", "get_weather", "Brooklyn")


def test_a_batch_shows_its_items(ui: Ui) -> None:
    """Each prompt and each answer is there, and a span for every item and further choice."""
    page = ui.open_trace("batch")
    expect(page.get_by_role("dialog")).to_contain_text("Answer 1 again")
    assert _in_order(
        _shown(page), "item 0", "item 1", "choice 2", "Prompt 0", "Prompt 1", "Answer 0"
    )


def test_an_image_is_shown(ui: Ui) -> None:
    """An image in a message is displayed as one."""
    page = ui.open_trace("vision")
    image = page.get_by_role("dialog").locator("img[src^='data:image/png']")
    expect(image).to_have_count(1)
    assert _in_order(_shown(page), "User", "What animal is on the candy?", "Assistant", "A turtle.")


def test_an_embedding_is_a_plain_trace(ui: Ui) -> None:
    """What is no conversation shows what was sent, and the shape of what came back."""
    page = ui.open_trace("embedding")
    expect(page.get_by_role("dialog")).to_contain_text("1024")
    assert "Assistant" not in _shown(page)
