"""Which characters a text may hold: upstream's texts are made so, and those of a caller are refused when they are not.

People cannot type what is left out here, but interfaces let it through: PostgreSQL stores no NUL, and no database
stores half of a surrogate pair.
"""

from __future__ import annotations

__all__ = ["cleaned", "is_storable"]


def cleaned(text: str) -> str:
    """The text without the characters that databases refuse."""
    # True of nearly every text, and this is asked for each of every member.
    if text.isprintable():
        return text
    return text.replace("\0", "").encode("utf-8", "ignore").decode()


def is_storable(text: str) -> bool:
    """Whether every database takes the text as it is."""
    return cleaned(text) == text
