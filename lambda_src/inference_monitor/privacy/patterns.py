"""The built-in patterns: what they find, in which order, and why each takes linear time.

Every repetition is bounded, or possessive (`++`) and begun only where the character before it could
not belong to it: then no character is looked at more than a fixed number of times.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from inference_monitor.privacy import checks
from inference_monitor.privacy.checks import Check


class Found(NamedTuple):
    """A place in a text, and what is there."""

    start: int
    end: int
    kind: str


Finder = Callable[[str], Iterable[Found]]


@dataclass(frozen=True, slots=True)
class Pattern:
    """A `Finder` by regular expression: its `group`, as far as `check` says it is the thing."""

    kind: str
    regex: re.Pattern[str]
    check: Check = len
    group: int = 0

    def __call__(self, text: str) -> Iterator[Found]:
        """Every match, left to right."""
        for match in self.regex.finditer(text):
            start = match.start(self.group)
            if length := self.check(match[self.group]):
                yield Found(start, start + length, self.kind)


def _pattern(kind: str, *regex: str, check: Check = len, group: int = 0) -> Pattern:
    return Pattern(kind, re.compile("".join(regex)), check, group)


# What people put between the groups of a number: space, dot, hyphens and dashes.
_GAP = r"[ .\u00a0\u2010-\u2015-]"
_NAMED = (
    r"(?:api[ _-]?key|(?:private|secret(?:[ _-]?access)?)[ _-]?key|client[ _-]?secret|secret"
    r"|(?:access|auth|refresh|session)[ _-]?token|password|passwd|passphrase|pwd)"
)
_KEY_OF_SECRET = re.compile(rf"(?:.*[_-])?(?:{_NAMED}|authorization)", re.IGNORECASE)

PATTERNS = (
    _pattern("URL_CREDENTIALS", r"(?<=://)([^\s/?#\"'<>\\]{1,512})@", group=1),
    _pattern("EMAIL", r"(?<![\w.+-])[\w.+-]++(?:@|%40)[\w-]++(?:\.[\w-]++)++"),
    _pattern(
        "IBAN",
        r"(?<!\w)[A-Za-z]{2}\d{2}(?:[A-Za-z0-9]{11,30}",
        rf"|(?:{_GAP}[A-Za-z0-9]{{4}}){{2,7}}(?:{_GAP}[A-Za-z0-9]{{1,4}})?)(?!\w)",
        check=checks.iban,
    ),
    _pattern(
        # Looked for at every digit: the number before a card's may look like its first group.
        "CREDIT_CARD",
        rf"(?<!\w)(?<!\d\.)(?=(\d{{4}}({_GAP})\d{{4}}\2\d{{4}}\2\d{{4}}(?:\2\d{{1,3}})?",
        rf"|3\d{{3}}({_GAP})\d{{6}}\3\d{{4,5}}|\d{{13,19}})(?!\w))",
        check=checks.card_number,
        group=1,
    ),
    _pattern("US_SSN", r"(?<![\w-])(?!000|666|9)\d{3}([ -])(?!00)\d{2}\1(?!0000)\d{4}(?![\w-])"),
    _pattern(
        "PHONE",
        r"(?<![\w+])\+\d{1,3}(?:[ ./()\u00a0\u2010-\u2015-]{0,3}\d){6,14}(?!\w)",
        check=checks.phone,
    ),
    _pattern(
        "PHONE",  # North America
        rf"(?<![\w+])(?<!\d[.-])(?:1{_GAP})?(?:\([2-9]\d\d\) ?|[2-9]\d\d{_GAP})",
        rf"\d{{3}}{_GAP}\d{{4}}(?!\w|[.-]\d)",
    ),
    _pattern(
        # With the 0 that most other countries dial first. Looked for at every digit: of two numbers
        # in a row, the first may look as if it went on.
        "PHONE",
        r"(?<![\w+])(?<!\d[.,:/-])(?=(0",
        r"(?:[1-9]\d{8,10}|\d{2,4}/\d{5,8}|\d{1,4}\)?(?:[ -]\d{2,8}){1,5})(?!\w|[.:-]\d)))",
        check=checks.phone,
        group=1,
    ),
    _pattern("IP_ADDRESS", r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?!\w|\.\d)", check=checks.ipv4),
    _pattern(
        "IP_ADDRESS",
        r"(?<![\w.])(?<!::)(?<![0-9A-Fa-f]:)[0-9A-Fa-f]{0,4}:[0-9A-Fa-f:.]{1,41}(?!\w)",
        check=checks.ipv6,
    ),
    _pattern(
        "AWS_ACCESS_KEY",
        r"(?<![A-Za-z0-9])A(?:KIA|SIA|BIA|CCA|GPA|IDA|IPA|NPA|NVA|ROA|PKA|SCA)[A-Z0-9]{16}",
        r"(?![A-Za-z0-9])",
    ),
    _pattern(
        "AWS_SECRET_KEY",
        r"(?<![A-Za-z0-9/+])[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=])",
        check=checks.aws_secret,
    ),
    _pattern("JWT", r"(?<![\w-])eyJ[\w-]{6,}+(?:\.[\w-]*+){1,4}"),
    _pattern(
        "API_KEY",  # by the prefixes that vendors document for secret scanners
        r"(?<![\w-])(?:sk-[\w-]{20,}+|[spr]k_(?:live|test)_\w{10,}+|gh[opsur]_\w{36,}+",
        r"|github_pat_\w{22,}+|glpat-[\w-]{20,}+|xox[abeprs]-[\w-]{10,}+|AIza[\w-]{35}",
        r"|hf_\w{30,}+|npm_\w{36}|SG\.[\w-]{16,}+\.[\w-]{16,}+|nvapi-[\w-]{40,}+)",
    ),
    _pattern(
        "BEARER_TOKEN",
        r"(?i)\b(?:bearer|basic)\s{1,3}([A-Za-z0-9._~+/-]{12,}+=*+)",
        check=checks.token,
        group=1,
    ),
    _pattern(
        "PRIVATE_KEY",  # up to its end, or to the end of the text where it is cut off
        r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----(?:[^-]|-(?!----))*+",
        r"(?:-----END [A-Z ]{0,30}PRIVATE KEY-----)?",
    ),
    _pattern(
        "SECRET",
        rf"(?i)(?<![a-z0-9]){_NAMED}[\\\"'\]]{{0,3}}\s{{0,3}}[:=]{{1,2}}>?\s{{0,3}}",
        r"[\\\"'`]{0,3}([^\s\\\"'`,;&<>{}\[\]]{4,}+)",
        group=1,
    ),
    _pattern(
        "SECRET",
        rf"(?i)(?<![a-z0-9]){_NAMED}\s{{1,3}}is\s{{1,3}}[\"'`]?([^\s\"'`,;<>]{{6,}}+)",
        check=checks.token,
        group=1,
    ),
)
"""In order of precedence, where two find the same place."""

SECRET = PATTERNS[-1].kind


def names_a_secret(key: str) -> bool:
    """Whether the value under this key of a JSON object is a secret, whatever it looks like."""
    return len(key) <= 100 and _KEY_OF_SECRET.fullmatch(key) is not None
