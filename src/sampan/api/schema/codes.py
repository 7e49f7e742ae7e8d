"""Numbers with a check digit: credit cards and books."""

import re
from typing import Final

_CARD = re.compile(
    r"4[0-9]{12}(?:[0-9]{3})?|5[1-5][0-9]{14}|6(?:011|5[0-9][0-9])[0-9]{12}|3[47][0-9]{13}"
    r"|3(?:0[0-5]|[68][0-9])[0-9]{11}|(?:2131|1800|35[0-9]{3})[0-9]{11}"
)
_NO_DIGIT, _GAP = re.compile("[^0-9]+"), re.compile(r"[\s-]+")
_ISBN10, _ISBN13 = re.compile("[0-9]{9}[0-9X]"), re.compile("[0-9]{13}")
_DOUBLED: Final = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)


def credit_card(text: str) -> bool:
    """A card's number (ISO/IEC 7812, Luhn), whatever stands between the digits."""
    digits = _NO_DIGIT.sub("", text)
    if _CARD.fullmatch(digits) is None:
        return False
    values = [int(digit) for digit in reversed(digits)]
    return (sum(values[::2]) + sum(_DOUBLED[value] for value in values[1::2])) % 10 == 0


def isbn10(text: str) -> bool:
    """A book's number of ten digits."""
    code = _GAP.sub("", text)
    if _ISBN10.fullmatch(code) is None:
        return False
    values = [10 if char == "X" else int(char) for char in code]
    return sum(place * value for place, value in enumerate(values, 1)) % 11 == 0


def isbn13(text: str) -> bool:
    """A book's number of thirteen digits."""
    code = _GAP.sub("", text)
    if _ISBN13.fullmatch(code) is None:
        return False
    values = [int(char) for char in code]
    return (sum(values[::2]) + 3 * sum(values[1::2])) % 10 == 0
