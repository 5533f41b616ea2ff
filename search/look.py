"""What is remembered of an answer that somebody looked at."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class IndexState:
    """What an index held: enough to tell later what has come to it since.

    `made` is when its generation was made, in ISO 8601; `files` are the first 16 hexadecimal digits of the SHA-256 of every
    file that it was made of, and `largest_pmid` is the largest of its PMIDs, local ids left out, 0 where it has none.
    """

    generation: str
    made: str
    files: tuple[str, ...]
    largest_pmid: int

    def is_before(self, other: "IndexState") -> bool:
        """Whether this generation was made before another one."""
        return (self.made, int(self.generation)) < (other.made, int(other.generation))


@dataclass(frozen=True, slots=True)
class Look:
    """The PMIDs that an answer ranked when somebody looked, 1,000 at most, and the index that gave it."""

    pmids: tuple[int, ...]
    index: IndexState
