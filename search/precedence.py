"""Which of two statements about a PMID counts: the one of the later file, of the later version, of the later place in it."""

from dataclasses import dataclass
from typing import Self

# Above every version and place: within a file a deletion beats what the file says otherwise.
_AFTER_ALL = 2**31 - 1


@dataclass(frozen=True, slots=True, order=True)
class Precedence:
    """Where a statement about a PMID comes from; the greater one counts.

    `year` and `number` are those of NLM's file, from its name. Other files have the year 0 and are numbered as they come, so
    that they count less than NLM's.
    """

    year: int
    number: int
    version: int
    position: int

    @classmethod
    def of_deletion(cls, year: int, number: int) -> Self:
        """The precedence of a file's deletions."""
        return cls(year, number, _AFTER_ALL, _AFTER_ALL)
