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
_ANSWER_TAGS = (
    "answer", "response", "outputs", "output", "text", "summary", "actual_tool_calls",
    "tools_called",
)  # fmt: skip
_DOCUMENT_TAGS = ("document", "contexts")
_TOOL_TAGS = ("available_tools", "tools")
_TAGS = (*_QUESTION_TAGS, *_ANSWER_TAGS, *_DOCUMENT_TAGS, *_TOOL_TAGS, "date")
# Instructions mention these tags, too; a block is what lies between the last opening and the end.
_BLOCK = re.compile(
    rf"<(?P<tag>{'|'.join(_TAGS)})>"
    r"(?P<text>(?:(?!<(?P=tag)>).)*?)</(?P=tag)>",
    re.DOTALL,
)

_TURN = re.compile(r'<message role="(\w+)">\n(.*?)\n</message>', re.DOTALL)
_CALLED = re.compile(r"\[calls the tool (\S+) with ")
_AT_MOST = re.compile(r"\b(?:at most|no more than|under|in|within) (\d+) words\b", re.IGNORECASE)
_NOTHING = re.compile(r"\bI (?:cannot|can't|could not|don't know)\b", re.IGNORECASE)
_FRUSTRATED = re.compile(
    r"\bfrustrat|\buseless\b|\bridiculous\b|\bannoy|\bstill (?:not|does|do|no)\b"
    r"|\balready (?:told|said)|\b(?:third|second) time\b|!!",
    re.IGNORECASE,
)
_CONTENT = re.compile(r"\b(?:thanks?|thank you|great|perfect|that works)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Material:
    """What a judge is told to do, and the texts to do it with.

    The question is empty where only the answer is judged, and a whole conversation where its last
    turn is the answer. `documents` are what the answer should be true to, or a summary of, `tools`
    what it could call. `items` are parts of the answer that are
    to be judged one by one; `yes_is_bad` where a fault is looked for; `score` where only words for
    a score are wanted; `questions` where each is to be answered with yes or no.
    """

    instructions: str
    question: str
    answer: str
    documents: str = ""
    tools: str = ""
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
        question, documents = _first(blocks, _QUESTION_TAGS), _first(blocks, _DOCUMENT_TAGS)
        last_said = "".join(_turns(blocks.get("conversation", ""), "assistant")[-1:])
        return cls(
            instructions=_BLOCK.sub("", prompt),
            question=question or documents,
            answer=_first(blocks, _ANSWER_TAGS) or last_said or prompt,
            documents=documents,
            tools=_first(blocks, _TOOL_TAGS),
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


def _groundedness(material: Material) -> tuple[Grade, str]:
    said = _words(material.answer)
    foreign = said - _words(material.documents) - _words(material.question)
    share = 1 - len(foreign) / len(said) if said else 1.0
    told = f"{share:.0%} of its words stand in the documents or the question"
    return ("good" if share >= 0.5 else "bad"), told


def _tool_use(material: Material) -> tuple[Grade, str]:
    called = _CALLED.findall(material.answer)
    if unknown := [name for name in called if f'"{name}"' not in material.tools]:
        return "bad", f"it calls {unknown[0]}, which is not among the tools"
    if repeated := [call for call in called if called.count(call) > 3]:
        return "bad", f"it calls {repeated[0]} again and again"
    return "good", f"the {len(called)} tools that it calls are there"


def _instructions(material: Material) -> tuple[Grade, str]:
    limits = [int(number) for number in _AT_MOST.findall(material.question)]
    words = len(material.answer.split())
    if limits and words > limits[-1]:
        return "bad", f"it has {words} words where {limits[-1]} were allowed"
    if re.search(r"\bJSON\b", material.question) and material.answer[:1] not in "{[`":
        return "bad", "it is no JSON"
    return "good", "no limit of words or format is broken"


def _completeness(material: Material) -> tuple[Grade, str]:
    if found := _NOTHING.search(material.answer):
        return "bad", f"it ends with “{found[0].lower()}”"
    return "good", "its last answer does not say that it has none"


def _frustration(material: Material) -> tuple[Grade, str]:
    said = _turns(material.question, "user")
    if not any(map(_FRUSTRATED.search, said)):
        return "good", "the user says none of a few angry words"
    if _CONTENT.search(said[-1]):
        return "middling", "the user says an angry word, and is content in the end"
    return "bad", "the user says an angry word, and is not content in the end"


def _summary(material: Material) -> tuple[Grade, str]:
    if len(material.answer) > 0.6 * len(material.question):
        return "bad", "it is hardly shorter than the text"
    return _groundedness(material)


def _substance(material: Material) -> tuple[Grade, str]:
    if _WORD.search(material.answer):
        return "good", "it has at least one word"
    return "bad", "it has no words"


# What is looked for here has words of its own, and its instructions speak of relevance and safety.
_CRITERIA = (
    (re.compile(r"tool[_ ](?:use|usage|calls?)\b", re.IGNORECASE), _tool_use),
    (re.compile(r"\bsummarization\b|acceptable summary of the document"), _summary),
    (re.compile(r"groundedness|supported by the document", re.IGNORECASE), _groundedness),
    (re.compile(r"instruction_following|the instructions it was given"), _instructions),
    (re.compile(r"conversation_completeness|throughout the conversation in"), _completeness),
    (re.compile(r"frustrat", re.IGNORECASE), _frustration),
    (re.compile(r"coheren", re.IGNORECASE), _coherence),
    (re.compile(r"fluen|gramma", re.IGNORECASE), _fluency),
    (re.compile(r"safe|harm|toxic|violence", re.IGNORECASE), _safety),
    (re.compile(r"\btone\b|polite|profession|respect|courte", re.IGNORECASE), _tone),
    (re.compile(r"relevan|address|objective|query", re.IGNORECASE), _relevance),
)


def _first(blocks: dict[str, str], tags: tuple[str, ...]) -> str:
    return next((blocks[tag] for tag in tags if tag in blocks), "")


def _turns(conversation: str, role: str) -> list[str]:
    return [text for by, text in _TURN.findall(conversation) if by == role]


def _words(text: str) -> set[str]:
    return {word.lower()[:5] for word in _WORD.findall(text)} - {word[:5] for word in _COMMON}


def _readable_share(text: str) -> float:
    if not text:
        return 0.0
    readable = sum(len(word) for word in _WORD.findall(text)) + len(re.findall(r"\s", text))
    return readable / len(text)
