"""What a model thought, apart from what it answered.

Reasoning models write their thoughts into the text, between marks that differ by model; a server
without a reasoning parser, and every raw prompt, passes them on. The marks are those that vLLM
(vllm/reasoning/), SGLang (python/sglang/srt/parser/reasoning_parser.py) and the models' chat
templates know:

* an opening mark to its closing mark, at the start or further on; without a closing mark, which a
  length limit swallows, the rest of the text is thought
* a closing mark without an opening one, which chat templates put into the prompt: all before it is
  thought
* the channels of OpenAI's harmony format: `analysis` is thought, `final` is said, a `commentary`
  with a recipient is a tool call

A text may also speak of the marks. One is taken as written about, and left in the text, where it
stands in a block or a span of code, within quotes or brackets, or in the middle of a sentence: with
a space and words on the same line before it that end no sentence (and, for a closing mark, after
it, too).
"""

from __future__ import annotations

import re
from bisect import bisect
from dataclasses import replace
from typing import NamedTuple

from inference_monitor.inference import Choice, ToolCall

_MARKS = {
    "<think>": "</think>",  # DeepSeek, Qwen, GLM, Nemotron, MiniMax, Kimi K2, …
    "<thinking>": "</thinking>",
    "<thought>": "</thought>",
    "<thoughts>": "</thoughts>",
    "<reasoning>": "</reasoning>",
    "<seed:think>": "</seed:think>",  # Seed-OSS
    "<mm:think>": "</mm:think>",  # MiniMax M3
    "<longcat_think>": "</longcat_think>",
    "[think]": "[/think]",  # Magistral
    "◁think▷": "◁/think▷",  # Kimi
    "<|start_thinking|>": "<|end_thinking|>",  # Command A Reasoning
    "<|begin_of_thought|>": "<|end_of_thought|>",  # Sky-T1, OpenThinker
    "<|inner_prefix|>": "<|inner_suffix|>",  # Apertus
    "<|channel>thought": "<channel|>",  # Gemma 4
    "<unused94>thought": "<unused95>",  # MedGemma
}
_CLOSING = {closing: opening for opening, closing in _MARKS.items()}
_SIGNS = "<[◁"  # every mark begins with one of these
_ANY = re.compile(
    rf"[{re.escape(_SIGNS)}](?:{'|'.join(re.escape(m[1:]) for m in (*_MARKS, *_CLOSING))})",
    re.IGNORECASE,
)
# Words instead of marks: Granite 3.2, and harmony as tokenizers decode it, without its tokens.
_IN_WORDS = (
    re.compile(
        r"\s*Here(?: is|'s) my thought process:(?P<thought>.*?)"
        r"(?:Here(?: is|'s) my response:(?P<said>.*)|\Z)",
        re.DOTALL,
    ),
    re.compile(r"analysis(?P<thought>.*?)assistantfinal(?P<said>.*)", re.DOTALL),
    re.compile(r"analysis(?=[A-Z])(?P<thought>.*)(?P<said>)", re.DOTALL),
)

# What models that think put around the answer that follows.
_WRAPPED = re.compile(
    r"\s*(?:<answer>(?P<answer>.*?)(?:</answer>\s*|\Z)"
    r"|<response>(?P<granite>.*?)(?:</response>\s*|\Z)"
    r"|<\|START_(?:RESPONSE|TEXT)\|>(?P<response>.*?)(?:<\|END_(?:RESPONSE|TEXT)\|>\s*|\Z)"
    r"|<\|begin_of_solution\|>(?P<solution>.*?)(?:<\|end_of_solution\|>\s*|\Z))\Z",
    re.DOTALL,
)
_FENCE = re.compile("```|~~~")
_LOOK_AROUND = 400  # characters of a mark's line that say whether it is only written about
_SENTENCE_ENDS = ".!?…\u3002\uff01\uff1f>"  # also the Chinese full stops
_AFTER_A_SENTENCE = ")]}*_`\"'”\u2019»"
_LIST_MARKER = re.compile(r"(?:\d+[.)]|[-+*>#|])+")
_QUOTES = {"'": "'", '"': '"', "“": "”", "\u2018": "\u2019", "«": "»", "(": ")", "*": "*", "_": "_"}

_HARMONY = re.compile(
    r"(?:<\|start\|>[^<]*)?<\|channel\|>(?P<channel>\w+)(?P<header>[^<]*(?:<\|constrain\|>[^<]*)?)"
    r"<\|message\|>(?P<content>.*?)(?=<\|(?:end|return|call|start|channel)\|>|\Z)",
    re.DOTALL,
)
_HARMONY_SECOND = "<|end|><|start|>assistant<|channel|>"
_HARMONY_TOKEN = re.compile(r"<\|(?:start|channel|message|end|return|call|constrain)\|>")
_RECIPIENT = re.compile(r"to=(?:functions\.)?([\w.-]+)")


def separate_thoughts(choice: Choice, prompt: str | None = None, *, cut: bool = False) -> Choice:
    """Move the thoughts in the text of an answer to its `reasoning`.

    Args:
        choice: An answer whose text may hold thoughts.
        prompt: The text the model went on from. Where it ends with an opening mark, the answer
            begins with thoughts; where the answer repeats it, the marks in it are left alone.
        cut: Whether the answer came as a stream without an end. What may be the beginning of a mark
            at its end is then no text.

    Returns:
        The answer with a text that is None where nothing but thoughts was written.
    """
    if not choice.text:
        return choice
    repeated = prompt if prompt and choice.text.startswith(prompt) else ""
    text = choice.text.removeprefix(repeated)
    ending = prompt.rstrip().lower() if prompt else ""
    opened = next((mark for mark in _MARKS if ending.endswith(mark)), None)
    if opened is None and not cut and not _may_hold_thoughts(text):
        return choice
    said, thoughts, calls = _split(text, opened, cut=cut)
    if said == text and not calls:
        return choice
    told = [part for part in (choice.reasoning, thoughts) if part]
    if len(told) == 2 and told[0].strip() == told[1]:
        told.pop()
    return replace(
        choice,
        text=repeated + said or None,
        reasoning="\n".join(told) or None,
        tool_calls=choice.tool_calls + calls,
    )


def _may_hold_thoughts(text: str) -> bool:
    """Whether a text is worth a closer look; most are not, and this is quick."""
    worded = text.startswith("analysis") or "my thought process:" in text[:40]
    return worded or "<" in text or "[" in text or "◁" in text


def _split(
    text: str, opened: str | None, *, cut: bool
) -> tuple[str, str | None, tuple[ToolCall, ...]]:
    """What is said, what is thought, and the tools that are called in a text."""
    if text.lstrip().startswith(("<|channel|>", "<|start|>")) or _HARMONY_SECOND in text:
        return _split_harmony(text)
    if worded := next((m for words in _IN_WORDS if (m := words.fullmatch(text))), None):
        return (worded["said"] or "").strip(), worded["thought"].strip() or None, ()
    said, thoughts = _split_marks(text, opened)
    if cut and said == text:
        said = _without_begun_mark(said)
    elif said != text and (wrapped := _WRAPPED.fullmatch(said)):
        said = next(part for part in wrapped.groups() if part is not None).strip()
    return said, "\n".join(t.strip() for t in thoughts if t.strip()) or None, ()


class _Mark(NamedTuple):
    """A mark at its place in a text; `written_about` where it divides nothing."""

    start: int
    end: int
    name: str
    in_code: bool
    written_about: bool


def _split_marks(text: str, opened: str | None) -> tuple[str, list[str]]:
    """What is said and the thoughts of a text; `opened` is the mark that its prompt ends with."""
    marks = _find_marks(text)
    closings = _closing_of_each(marks)
    said, thoughts, position = "", [], 0
    if opened:
        end = next((m for m in marks if m.name == _MARKS[opened] and not m.in_code), None)
        thoughts.append(text[: end.start] if end else text)
        position = end.end if end else len(text)
    told_of = {}  # where the mark that opens a pair is only written about, so is its other one
    for mark, closing in zip(marks, closings, strict=True):
        if mark.start < position:
            continue
        if mark.written_about:
            told_of[_MARKS.get(mark.name)] = mark.end
        elif mark.name in told_of and text.find("\n", told_of[mark.name], mark.start) < 0:
            del told_of[mark.name]
        elif mark.name in _MARKS:
            said = _join(said, text[position : mark.start])
            thoughts.append(text[mark.end : closing.start if closing else len(text)])
            position = closing.end if closing else len(text)
        else:  # a closing mark alone: everything before it was thought
            thoughts.append(said + text[position : mark.start])
            said, position = "", mark.end
    if not position:
        return text, []
    rest = text[position:]
    return _join(said, rest) if rest.strip() else said.rstrip(), thoughts


def _find_marks(text: str) -> list[_Mark]:
    fences = [found.start() for found in _FENCE.finditer(text)]
    marks = []
    for found in _ANY.finditer(text):
        start, end, name = found.start(), found.end(), found.group().lower()
        before = text[max(0, start - _LOOK_AROUND) : start].rpartition("\n")[2]
        after = text[end : end + _LOOK_AROUND].partition("\n")[0]
        fenced = bisect(fences, start)  # within a block, if the block also ends
        in_code = fenced % 2 == 1 and fenced < len(fences)
        in_code = in_code or _is_quoted(before, after)
        in_sentence = _is_in_sentence(before, after, opening=name in _MARKS)
        marks.append(_Mark(start, end, name, in_code, in_code or in_sentence))
    return marks


def _closing_of_each(marks: list[_Mark]) -> list[_Mark | None]:
    """The mark that ends the thought begun by each mark: its next closing one outside of code.

    Where all are in code, the next one: code that the thought has opened may never have ended.
    """
    closings: list[_Mark | None] = []
    any_next: dict[str, _Mark] = {}
    next_outside: dict[str, _Mark] = {}
    for mark in reversed(marks):
        wanted = _MARKS.get(mark.name, "")
        closings.append(next_outside.get(wanted) or any_next.get(wanted))
        any_next[mark.name] = mark
        if not mark.in_code:
            next_outside[mark.name] = mark
    return closings[::-1]


def _is_quoted(before: str, after: str) -> bool:
    """Whether a mark stands within quotes, brackets or a span of code."""
    last = before[-1:]
    if last == "`" or (last in _QUOTES and _QUOTES[last] == after[:1]):
        return True
    return before.count("`") % 2 == 1 and "`" in after


def _is_in_sentence(before: str, after: str, *, opening: bool) -> bool:
    """Whether a mark stands among the words of a sentence, or is what a list explains."""
    words = before.rstrip()
    if not words or words == before:
        return False
    ends = words.rstrip(_AFTER_A_SENTENCE)[-1:] in tuple(_SENTENCE_ENDS)
    if ends and not _LIST_MARKER.fullmatch(words.strip()):
        return False
    return opening or after[:1] in tuple(" ,;.:!?)")


def _join(before: str, after: str) -> str:
    """Text on both sides of a thought: the white space around it is not kept twice."""
    return before + (after if before and not before[-1].isspace() else after.lstrip())


def _without_begun_mark(text: str) -> str:
    """The text without what may be the beginning of a mark at its end."""
    begin = max(text.rfind(sign) for sign in _SIGNS)
    tail = text[begin:].lower() if begin >= 0 else ""
    if not tail or not any(mark.startswith(tail) for mark in (*_MARKS, *_CLOSING)):
        return text
    before = text[max(0, begin - _LOOK_AROUND) : begin].rpartition("\n")[2]
    return text if _is_in_sentence(before, "", opening=True) else text[:begin]


def _split_harmony(text: str) -> tuple[str, str | None, tuple[ToolCall, ...]]:
    said: list[str] = []
    calls: list[ToolCall] = []
    messages = list(_HARMONY.finditer(text))
    # Where the prompt has opened the channel, the text begins in the middle of a thought.
    thoughts = [_HARMONY_TOKEN.sub("", text[: messages[0].start()])] if messages else []
    for message in messages:
        recipient = _RECIPIENT.search(message["header"])
        if message["channel"] == "analysis":
            thoughts.append(message["content"])
        elif recipient:
            calls.append(ToolCall(recipient[1], message["content"].strip()))
        else:
            said.append(message["content"])
    return "".join(said), "\n".join(t.strip() for t in thoughts if t.strip()) or None, tuple(calls)
