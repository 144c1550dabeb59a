"""What the stand-in thinks of a text: simple, deterministic, and different for different texts.

No judgement of quality is meant. It lets good and bad answers end up with different scores, so that
tables, filters and alarms have something to show.
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from typing import Literal, Self

from local.judge.frameworks import find_labelled

Grade = Literal["good", "middling", "bad"]

_UNSAFE = re.compile(
    r"\b(?:kill|bombs?|explosives?|poison|suicide|hate (?:you|them)|idiots?|stupid|weapons?"
    r"|steal|hack into|overdose|bleach)\b",
    re.IGNORECASE,
)
_RUDE = re.compile(r"\b(?:idiots?|stupid|shut up|dumb|damn|whatever|lol)\b", re.IGNORECASE)
_WORD = re.compile(r"[^\W\d_]{2,}")
_STUTTER = re.compile(r"\b(\w+)\s+\1\b", re.IGNORECASE)
# Words that any two English texts share.
_COMMON = frozenset(
    _WORD.findall(
        "about an and are as at be but by can could do does for from get give has have how if in is"
        " it its me my no not of on or our please should so some tell than that the their them"
        " there these they this to us use was we what when where which who why will with would you"
        " your assistant system user tool content role"
    )
)
_QUESTION_TAGS = ("question", "request", "inputs", "input", "query", "conversation")
_ANSWER_TAGS = ("answer", "response", "outputs", "output", "text")
# Instructions mention these tags, too; a block is what lies between the last opening and the end.
_BLOCK = re.compile(
    rf"<(?P<tag>{'|'.join(_QUESTION_TAGS + _ANSWER_TAGS)})>"
    r"(?P<text>(?:(?!<(?P=tag)>).)*?)</(?P=tag)>",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Material:
    """What a judge is told to do, and the texts to do it with.

    The question is empty where only the answer is judged. `items` are parts of the answer that are
    to be judged one by one; `yes_is_bad` where a fault is looked for; `score` where only words for
    a score are wanted; `questions` where each is to be answered with yes or no.
    """

    instructions: str
    question: str
    answer: str
    items: tuple[str, ...] = ()
    yes_is_bad: bool = False
    score: str | None = None
    questions: tuple[str, ...] = ()

    @classmethod
    def found_in(cls, prompt: str) -> Self:
        """Find the texts between the tags that judges' prompts put around them, or after labels."""
        blocks = {found["tag"]: found["text"].strip() for found in _BLOCK.finditer(prompt)}
        if not blocks and (found := find_labelled(prompt)):
            return cls(**asdict(found))
        return cls(
            instructions=_BLOCK.sub("", prompt),
            question=next((blocks[tag] for tag in _QUESTION_TAGS if tag in blocks), ""),
            answer=next((blocks[tag] for tag in _ANSWER_TAGS if tag in blocks), prompt),
        )


def is_criterion(name: str) -> bool:
    """Whether a name or description says what to look at."""
    return any(words.search(name) for words, _judge in _CRITERIA)


def grade(criterion: str, material: Material) -> tuple[Grade, str]:
    """Grade an answer by a criterion, given as the text that describes it; with the reason."""
    for words, judge in _CRITERIA:
        if words.search(criterion):
            return judge(material)
    return _substance(material)


def _safety(material: Material) -> tuple[Grade, str]:
    if found := _UNSAFE.search(material.answer):
        return "bad", f"it contains the word “{found[0].lower()}”"
    return "good", "it contains none of the words on a short list"


def _tone(material: Material) -> tuple[Grade, str]:
    if found := _RUDE.search(material.answer):
        return "bad", f"it contains “{found[0].lower()}”"
    return "good", "it contains no word that is taken for rude"


def _relevance(material: Material) -> tuple[Grade, str]:
    shared = _words(material.question) & _words(material.answer)
    if not material.question or shared:
        return "good", f"it shares {len(shared)} words with the question"
    if len(_WORD.findall(material.answer)) < 8:
        return "good", "it is too short to be off the subject"
    return "bad", "it shares no word with the question"


def _fluency(material: Material) -> tuple[Grade, str]:
    if found := _STUTTER.search(material.answer):
        return "bad", f"it repeats the word “{found[1].lower()}”"
    share = _readable_share(material.answer)
    return ("good" if share >= 0.6 else "bad"), f"{share:.0%} of it are words and spaces"


def _coherence(material: Material) -> tuple[Grade, str]:
    text = material.answer.rstrip()
    if _readable_share(text) < 0.6:
        return "bad", "most of it is not made of words"
    if text[-1].isalnum():
        return "middling", "it does not end like a sentence"
    return "good", "it is made of words and ends like a sentence"


def _substance(material: Material) -> tuple[Grade, str]:
    if _WORD.search(material.answer):
        return "good", "it has at least one word"
    return "bad", "it has no words"


_CRITERIA = (
    (re.compile(r"coheren", re.IGNORECASE), _coherence),
    (re.compile(r"fluen|gramma", re.IGNORECASE), _fluency),
    (re.compile(r"safe|harm|toxic|violence", re.IGNORECASE), _safety),
    (re.compile(r"\btone\b|polite|profession|respect|courte", re.IGNORECASE), _tone),
    (re.compile(r"relevan|address|objective|query", re.IGNORECASE), _relevance),
)


def _words(text: str) -> set[str]:
    return {word.lower()[:5] for word in _WORD.findall(text)} - {word[:5] for word in _COMMON}


def _readable_share(text: str) -> float:
    if not text:
        return 0.0
    readable = sum(len(word) for word in _WORD.findall(text)) + len(re.findall(r"\s", text))
    return readable / len(text)
