"""Amounts as people read them."""

from __future__ import annotations


def dollars(usd: float | None) -> str:
    """USD with as many digits as say something; a question mark where it is not known."""
    if usd is None:
        return "?"
    if usd >= 100:
        return f"${usd:,.0f}"
    if usd >= 0.0995 or not usd:
        return f"${usd:.2f}"
    return f"${usd:.2g}" if usd >= 0.0001 else "<$0.0001"


def count(number: float) -> str:
    """A number of things, rounded."""
    # Shares of a whole add up to it but for the last digits.
    whole = number >= 10 or abs(number - round(number)) < 1e-6
    return f"{number:,.0f}" if whole else f"{number:,.1f}"


def things(number: float, noun: str) -> str:
    """A number of things by their name, which takes an s."""
    told = count(number)
    return f"{told} {noun}" if told == "1" else f"{told} {noun}s"
