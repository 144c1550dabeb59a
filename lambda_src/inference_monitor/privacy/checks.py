"""What tells a card number, an IBAN, an address or a secret from text that only looks like one.

Each check takes a candidate and says how many characters from its start are the real thing, 0 for
none: a number may be followed by words or digits that a pattern cannot tell from its last group.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from ipaddress import AddressValueError, IPv6Address

Check = Callable[[str], int]

_NO_WORD = re.compile(r"\W")


def card_number(candidate: str) -> int:
    """ISO/IEC 7812: 13 to 19 digits, of a payment network (2 to 6 first), with Luhn's checksum."""
    return _longest(candidate, _is_card_number)


def iban(candidate: str) -> int:
    """ISO 13616: country, two check digits (modulo 97), 15 to 34 characters in all."""
    return _longest(candidate, _is_iban)


def ipv4(candidate: str) -> int:
    """Four numbers up to 255."""
    return len(candidate) if all(int(part) < 256 for part in candidate.split(".")) else 0


def ipv6(candidate: str) -> int:
    """An address as RFC 4291 writes it, perhaps at the end of a sentence.

    It must have a digit: `dead::beef` is more often code.
    """
    ends = (candidate, candidate.rstrip("."), candidate.rstrip(".:"))
    return next((len(text) for text in ends if _is_ipv6(text)), 0)


def phone(candidate: str) -> int:
    """ITU-T E.164 has up to 15 digits; fewer than 8 are too common to be taken for a phone."""
    return len(candidate) if 8 <= sum(map(str.isdecimal, candidate)) <= 15 else 0


def aws_secret(candidate: str) -> int:
    """40 characters that look drawn at random: a path or a hex digest has fewer different ones."""
    return len(candidate) if _is_mixed(candidate) and len(set(candidate)) >= 20 else 0


def token(candidate: str) -> int:
    """Letters and digits together; words are no tokens."""
    text = candidate.rstrip(".,:;!?)")
    return len(text) if any(map(str.isdecimal, text)) and any(map(str.isalpha, text)) else 0


def _longest(candidate: str, is_valid: Callable[[str], bool]) -> int:
    """The longest valid start of a candidate that ends where one of its groups ends."""
    ends = [match.start() for match in _NO_WORD.finditer(candidate)] + [len(candidate)]
    return next((end for end in reversed(ends) if is_valid(candidate[:end])), 0)


def _is_card_number(text: str) -> bool:
    digits = [int(character) for character in text if character.isdecimal()]
    if not 13 <= len(digits) <= 19 or not 2 <= digits[0] <= 6:
        return False
    doubled = [sum(divmod(2 * digit, 10)) for digit in digits[-2::-2]]
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


def _is_iban(text: str) -> bool:
    plain = _NO_WORD.sub("", text)
    if not 15 <= len(plain) <= 34:
        return False
    return int("".join(str(int(c, 36)) for c in plain[4:] + plain[:4])) % 97 == 1


def _is_ipv6(text: str) -> bool:
    try:
        IPv6Address(text)
    except AddressValueError:
        return False
    return any(map(str.isdecimal, text))


def _is_mixed(text: str) -> bool:
    return all(any(map(kind, text)) for kind in (str.isupper, str.islower, str.isdecimal))
