"""Tell a failed inference from an answer where it is no JSON: pages, error texts and tracebacks.

They come from servers, from frameworks, and from what stands in front of them.
"""

from __future__ import annotations

import html
import re

from inference_monitor.families.failure_words import (
    BEGINNINGS,
    SAID_BY_PEOPLE,
    SAID_BY_SERVERS,
    STATUS_OF_PHRASE,
    http_status,
    status_of_words,
)
from inference_monitor.inference import Failure

_TRACEBACK = re.compile(r'^Traceback \(most recent call last\):\n\n? +File "', re.MULTILINE)
_RAISED = re.compile(r"[\w.]*(?:Error|Exception|Exit|Interrupt)\b")
_STATUS_LINE = re.compile(
    r"(?:HTTP/[\d.]+ |Error:? )?([45]\d\d)[ :-]{1,3}(\w[\w '-]{2,40})\.?", re.I
)
_CLOUDFLARE = re.compile(r"error code: (\d{3,4})")
_SAGEMAKER = re.compile(
    r"(?:An error occurred \(ModelError\) .{,99})?"
    r"Received (?:server|client) error \((\d+)\) from \S+ with message"
)
_HTML = re.compile(
    r"\s*(?:<!--.*?-->\s*)?"
    r"(?P<page><!doctype html|<html|<head|<body)?(?(page)|<(?:title|h1|h2|center|pre)\b)",
    re.I | re.DOTALL,
)
_NO_ROUTE = re.compile(
    r"Cannot (?:GET|POST) /\S*\Z"  # Express
    r"|Path '?/\S* not found\. Please ping http://\S+/-/routes for rout\w+ table\.?\Z"  # Ray Serve
)
_TIMED_OUT = re.compile(r"Request \S+ timed out after [\d.]+ ?s\.?\Z")  # Ray Serve
# What is left of a program that died: in Java, JavaScript, Rust and Go.
_TRACE = re.compile(
    r"(?:Exception in thread \"[^\"\n]*\" )?[\w.$]{1,200}(?:Exception|Error)\b.*"
    r"(?:\n[ \t]+(?:at|\.\.\.) .*)+\s*\Z"
    r"|thread '[^'\n]*' panicked at |panic: .*\n(?:.*\n)?\ngoroutine \d+ \["
)
_JAVA = re.compile(r"java\.[\w.]+(?:Exception|Error)(?::[^\n]*)?(?:\n\s.*)?\Z", re.DOTALL)
_INVALID = re.compile(r"\d+ validation errors? for \w+\n(?:.*\n)+.*\[type=\w+, ")  # pydantic
_UNLOADABLE = re.compile(r"Loading \S+ data failed with Exception, please ensure data is in")
# Sentences with a name or a number in them.
_WORDED = (
    (_NO_ROUTE, 404),
    (_TIMED_OUT, 408),
    (_UNLOADABLE, 415),
    (_TRACE, 500),
    (_JAVA, 500),
    (_INVALID, 400),
)
_ASKED_FOR_PAGE = re.compile(r"\b(?:html|web ?(?:page|site)|svg|xml)\b", re.I)
_XML_ERROR = re.compile(
    r"\s*(?:<\?xml[^>]*>\s*)?<(?:(?:\w+:)?Error(?:Response)?[\s>]"
    r"|(?:\w+:)?Envelope\b.{0,999}?<(?:\w+:)?Fault>)",
    re.I | re.DOTALL,
)
_HEAD = 8192  # characters of a page that hold its title; looking for one takes their square
_TITLE = re.compile(
    r"<((?:\w+:)?faultstring|title|h1|h2|message|pre|p)\b[^>]*>(.*?)</\1\s*>", re.I | re.DOTALL
)
_TAG = re.compile(r"<[^>]*>")
_STATUS_IN_TITLE = re.compile(r"\b([45]\d\d)\b")
ERROR_IN_TITLE = re.compile(
    r"[45]\d\d|.*\b(?:error|http status|bad|not (?:found|allowed)|unavailable|time-?out|timed out"
    r"|forbidden|unauthorized|denied|too (?:large|many)|exception)\b.*",
    re.I,
)
Found = tuple[str, Failure]


def find_text_failure(text: str, media_type: str | None, prompt: str = "") -> Found | None:
    """The failure that a text tells of, which is no JSON: a page, an error text, a traceback.

    Args:
        text: What came in place of an answer, or as one.
        media_type: Its content type, in lower case.
        prompt: What was asked. Words that the prompt holds are an answer to it.
    """
    stripped = text.strip()
    if stripped.startswith("<") and media_type != "text/html" and _ASKED_FOR_PAGE.search(prompt):
        return None
    if document := _HTML.match(stripped):
        return _page(stripped, media_type, whole=bool(document["page"]))
    if _XML_ERROR.match(stripped):
        return "error_page", Failure(
            _first_title(stripped, ("message", "faultstring")) or "no message"
        )
    failure = stated_in_words(stripped) or _implied_by_words(stripped, prompt)
    return ("error_text", failure) if failure else None


def stated_in_words(text: str) -> Failure | None:
    """A failure whose status stands in the text, as in "502 Bad Gateway"."""
    if told := _SAGEMAKER.match(text):
        return Failure(text, status_code=http_status(told[1]))
    if told := _CLOUDFLARE.fullmatch(text):
        return Failure(text, status_code=http_status(told[1]))
    line = _STATUS_LINE.fullmatch(text)
    if line and line[2].lower() in STATUS_OF_PHRASE:
        return Failure(text, status_code=int(line[1]))
    return None


def _implied_by_words(text: str, prompt: str) -> Failure | None:
    if _TRACEBACK.search(text) and _RAISED.match(_last_line(text)) and "Traceback" not in prompt:
        return implied_failure(_last_line(text), 500)
    begun = next((b for b in BEGINNINGS if text.startswith(b[0])), None)
    if begun and begun[0] not in prompt:
        return implied_failure(_last_line(text), begun[1])
    told = next((status for words, status in _WORDED if words.match(text)), None)
    status = told or status_of_words(text)
    known = told is not None or text in SAID_BY_SERVERS or text.startswith("Invalid HTTP")
    spoken = status in SAID_BY_PEOPLE and not known
    return None if status is None or spoken or text in prompt else implied_failure(text, status)


def implied_failure(message: str, status: int | None) -> Failure:
    """A failure whose status, if there is one, follows from words and was not stated."""
    return Failure(message, status_code=status, status_is_implied=status is not None)


def _page(text: str, media_type: str | None, *, whole: bool) -> Found | None:
    """An HTML page, or a part of one: a failure if it speaks of an error, or is declared as a page.

    Text that is declared as such may be a page that a model was to write.
    """
    title = _first_title(text, ("title", "h1", "h2", "pre")) or ""
    headings = [t for tag in ("title", "h1", "h2") if (t := _first_title(text, (tag,)))]
    headings = [h for h in headings if ERROR_IN_TITLE.fullmatch(h)]
    stated = next((found for h in headings if (found := _STATUS_IN_TITLE.search(h))), None)
    status = int(stated[1]) if stated else None
    implied = None if stated else status_of_words(title)
    if status is None and implied is None and _NO_ROUTE.match(_first_title(text, ("pre",)) or ""):
        implied = 404
    if status is None and implied is None:
        erring = ERROR_IN_TITLE.fullmatch(title) and media_type == "text/html"
        if not erring and not (whole and media_type in (None, "text/html")):
            return None
    message = title or _first_title(text, ("p",)) or "an HTML page in place of an answer"
    if implied is not None:
        return "error_page", implied_failure(message, implied)
    return "error_page", Failure(message, status_code=status)


def _first_title(text: str, tags: tuple[str, ...]) -> str | None:
    """The text of the first of these elements that has any."""
    found = {
        m[1].lower().rpartition(":")[2]: m[2] for m in reversed(list(_TITLE.finditer(text[:_HEAD])))
    }
    texts = (" ".join(html.unescape(_TAG.sub(" ", found.get(tag, ""))).split()) for tag in tags)
    return next((text for text in texts if text), None)


def _last_line(text: str) -> str:
    """The text, or of a traceback its last line, which says what was raised."""
    if "raceback" in text:
        return text.rstrip().rpartition("\n")[2].strip() or text
    return text
