"""Multibase (W3C Controlled Identifiers 2.4), in its one base that keys use: base58btc, prefix z.

A number in base 58, digits without 0, O, I and l; each leading zero byte is a leading 1.
"""

from __future__ import annotations

from apserver.errors import BadInput

_DIGITS = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_VALUES = {digit: value for value, digit in enumerate(_DIGITS)}


def encode(data: bytes) -> str:
    """Bytes as multibase text."""
    zeros = len(data) - len(data.lstrip(b"\0"))
    number = int.from_bytes(data, "big")
    digits: list[str] = []
    while number:
        number, digit = divmod(number, 58)
        digits.append(_DIGITS[digit])
    return "z" + "1" * zeros + "".join(reversed(digits))


def decode(text: str) -> bytes:
    """Multibase text as bytes; the caller bounds its length, for the work grows with its square.

    Raises BadInput when it has another prefix than z or a character that is no digit.
    """
    if not text.startswith("z"):
        raise BadInput("Only multibase of base58btc is read here. Begin it with 'z'.")
    number = 0
    for digit in text[1:]:
        value = _VALUES.get(digit)
        if value is None:
            raise BadInput(f"{digit!r} is no digit of base58btc.")
        number = number * 58 + value
    significant = text[1:].lstrip("1")
    zeros = len(text) - 1 - len(significant)
    return bytes(zeros) + number.to_bytes((number.bit_length() + 7) // 8, "big")
