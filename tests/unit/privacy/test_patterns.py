"""What redaction finds, what it leaves alone, and how long it takes over hostile text."""

from __future__ import annotations

import re
import time
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference_monitor.config.privacy import KINDS
from inference_monitor.privacy.patterns import PATTERNS, Pattern
from inference_monitor.privacy.text import redact_text

IMAGE = "data:image/png;base64," + "iVBORw0KGgo4111" * 20
AWS_SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"


def redacted(text: str) -> str:
    """A text without what the built-in patterns find."""
    return redact_text(text, PATTERNS, Counter())


FOUND = [
    ("write to alice.b+x@mail.example.co.uk, please", "write to [EMAIL], please"),
    ("bob%40example.com or 'jos\u00e9@example.com'", "[EMAIL] or '[EMAIL]'"),
    ("call +49 (0)30 1234567 or (555) 234-5678", "call [PHONE] or [PHONE]"),
    ("030 12345678 0171/1234567 06 12 34 56 78", "[PHONE] [PHONE]"),
    ("tel.212.555.1234, 1-800-555-0199", "tel.[PHONE], [PHONE]"),
    ("card 4111 1111 1111 1111 123", "card [CREDIT_CARD] 123"),
    ("1234 4111-1111-1111-1111", "1234 [CREDIT_CARD]"),
    ("1234 5678 4111 1111 1111 1111", "1234 5678 [CREDIT_CARD]"),
    ("378282246310005/3782 822463 10005", "[CREDIT_CARD]/[CREDIT_CARD]"),
    ("No.4111111111111111", "No.[CREDIT_CARD]"),
    ("DE89 3704 0044 0532 0130 00 thanks", "[IBAN] thanks"),
    ("BE68 5390 0754 7034 and so on", "[IBAN] and so on"),
    ("gb82west12345698765432", "[IBAN]"),
    ("ssn 123-45-6789.", "ssn [US_SSN]."),
    ("from 10.0.0.1, fe80::1.", "from [IP_ADDRESS], [IP_ADDRESS]."),
    ("ip:2001:db8::1 [::ffff:1.2.3.4]:80", "ip:[IP_ADDRESS] [[IP_ADDRESS]]:80"),
    ("AKIAIOSFODNN7EXAMPLE", "[AWS_ACCESS_KEY]"),
    (f"it is {AWS_SECRET}", "it is [AWS_SECRET_KEY]"),
    ("Authorization: Bearer abc123def456ghi7", "Authorization: Bearer [BEARER_TOKEN]"),
    ("Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.a-b_c", "Bearer [JWT]"),
    ("use sk-proj-abcdefghijklmnopqrstuv", "use [API_KEY]"),
    ("token ghp_0123456789abcdefghijklmnopqrstuvwxyz", "token [API_KEY]"),
    ("postgres://me:p@ss@db/x", "postgres://[URL_CREDENTIALS]@db/x"),
    ("https://api?api_key=s3cr3t&x=1", "https://api?api_key=[SECRET]&x=1"),
    ('{\\"password\\": \\"hunter2\\"}', '{\\"password\\": \\"[SECRET]\\"}'),
    ("MY_SECRET_ACCESS_KEY = abcd", "MY_SECRET_ACCESS_KEY = [SECRET]"),
    ("my password is Tr0ub4dor.", "my password is [SECRET]."),
    ("-----BEGIN RSA PRIVATE KEY-----\nMII/+\n-----END RSA PRIVATE KEY-----\n", "[PRIVATE_KEY]\n"),
    ("-----BEGIN PRIVATE KEY-----\nMII, cut off", "[PRIVATE_KEY]"),
]


@pytest.mark.parametrize(("text", "without"), FOUND)
def test_what_is_found_is_replaced_by_its_kind(text: str, without: str) -> None:
    """All of it goes and nothing else does."""
    assert redacted(text) == without


def test_every_kind_is_shown_by_an_example() -> None:
    """No built-in pattern is without a proof that it finds something."""
    shown = set(re.findall(r"\[([A-Z_]+)\]", "".join(without for _, without in FOUND)))
    assert shown == set(KINDS)


@pytest.mark.parametrize(
    "text",
    [
        "2026-03-02T09:00:00Z, 2026-03-02 09:00, 03.02.2026 09:00, 03/02/2026",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "7c9e6679-7425-40de-944b-e07fc1f90ae7",
        "0.4111111111111111,-0.0123456789,1e-10",
        "4111 1111 1111 1112",  # Luhn's checksum is wrong
        "GB82 WEST 1234 5698 7654 33",  # and this IBAN's
        "900-12-3456 and 666-12-3456",
        "version 300.1.1.1, std::vector, 12:34:56, dead::beef",
        "da39a3ee5e6b4b0d3255bfef95601890afd80709",
        "/usr/local/lib/python/site/packages/abcd",
        "a basic responsibilities list; the password is incorrect",
        "https://example.com/@me/x, @me, a @ b",
        "0 1 2 3 4 5 6 7 8 9 10 11 12",
        IMAGE,
        "Ab1+" * 63 + "Ab1=",  # nothing but base64
    ],
)
def test_what_only_looks_alike_is_left(text: str) -> None:
    """Times, ids, numbers, code and data stay as they are."""
    assert redacted(text) == text


def test_text_beside_inline_data_is_redacted() -> None:
    """An image hides nothing but itself."""
    assert redacted(f"a@b.de {IMAGE} c@d.de") == f"[EMAIL] {IMAGE} [EMAIL]"


def test_overlapping_finds_leave_nothing_between() -> None:
    """Where two patterns find parts of each other, all that either found is replaced, once."""
    one = Pattern("ONE", re.compile("abc"))
    two = Pattern("TWO", re.compile("cd+"))
    counts: Counter[str] = Counter()
    assert redact_text("xabcddx abc", [two, one], counts) == "x[ONE]x [ONE]"
    assert counts == {"ONE": 2}


@given(st.text(alphabet="a1@.:/-+ =\n[]A", max_size=60))
def test_a_placeholder_is_not_found_again(text: str) -> None:
    """What is redacted twice is what is redacted once."""
    assert redacted(redacted(text)) == redacted(text)


UNITS = ["a", "1", "-", " ", "@", "a@", "a.", "1 ", "1-", "+1", "0 ", "01 ", "1111 ", "4111-"]
UNITS += ["AB12 ", "://", "a://b", "eyJ", "eyJaaaaaa.", "-----BEGIN PRIVATE KEY-----", "password "]
UNITS += ["password=", "secret is ", "bearer ", "data:", "data:a;", ":", "1:", "1.", "Ab1/", "sk-"]
UNITS += ["{", "[", "(", "\u200b", "A" * 40 + " ", "%40", "x@a.", '{"a":', "\\", '"']


def seconds_for(text: str) -> float:
    """CPU time of redacting a text."""
    started = time.process_time()
    redacted(text)
    return time.process_time() - started


@pytest.mark.parametrize("unit", UNITS)
def test_no_hostile_text_takes_more_than_linear_time(unit: str) -> None:
    """Whatever is repeated; quadratic time would be a minute for these."""
    text = unit * (50_000 // len(unit))
    assert seconds_for(text) + seconds_for(f"x://{text}@") < 5


@pytest.mark.parametrize("unit", ["4111-", "01 ", "a@", "{"])
def test_a_megabyte_takes_seconds(unit: str) -> None:
    """Text of the costliest kinds, as much as an endpoint may answer."""
    assert seconds_for(unit * (1_000_000 // len(unit))) < 20
