"""Which articles have come to an index since somebody looked at an answer."""

from collections.abc import Sequence
from dataclasses import dataclass

from search.article import LARGEST_PMID
from search.columns import Selection
from search.look import IndexState, Look
from search.manifest import AppliedSource, Manifest
from search.open_generation import OpenGeneration
from search.results import SORTED_BY_DATE

# 64 bits: among 1,400 files two that begin alike have a chance of 1 in 10 trillion.
_DIGITS = 16
_BYTES_OF_PMIDS = 8 * (LARGEST_PMID // 64 + 1)


@dataclass(frozen=True, slots=True)
class Arrivals:
    """Tells what is new in one generation. Safe to share between threads."""

    files: OpenGeneration
    manifest: Manifest
    generation: str

    def state(self) -> IndexState:
        """What is to be remembered of this generation, to tell later what has come since."""
        of_pubmed = Selection(self.files.columns.everything().bitmap[:_BYTES_OF_PMIDS], 0)
        largest = of_pubmed.newest(1).tolist()
        files = tuple(map(_beginning, self.manifest.sources))
        return IndexState(self.generation, self.manifest.created, files, largest[0] if largest else 0)

    def since(self, look: Look, ranked: Sequence[int]) -> tuple[int, ...]:
        """Those of the PMIDs that an answer ranks now that are news to who looked at it then, in their order.

        News was not in the answer then, and its record comes from a file that the index had not read then. So an article that
        only rose, because others were deleted or revised or because ranking changed, is none, however far down it stood. An
        article that was in the index and not in the answer is news where a later file states it anew: for the most part that
        is a revision that made it answer, such as an abstract that was missing; new and revised are not told apart. Files are
        known by their content, not by their place in NLM's series: it makes no difference whether an index is updated, built
        again from the same files and more, or rolled back, nor in which order files came.

        Where none of the files of then is left, as when a new year's baseline replaces all of them, every record comes from
        another file. Then news must also have a greater PMID than any article of then; PMIDs are given as records come, so
        that this misses a few that came late, where a long answer would else bring all that the ranking changed. An answer
        that was shorter than 200 held all there was, and needs no such help.
        """
        known, seen = frozenset(look.index.files), frozenset(look.pmids)
        added = [source for source in self.manifest.sources if _beginning(source) not in known]
        is_replaced = len(added) == len(self.manifest.sources) and len(look.pmids) >= SORTED_BY_DATE
        above = look.index.largest_pmid if is_replaced else 0
        unseen = [pmid for pmid in ranked if pmid not in seen and pmid > above]
        places = {(source.year, source.number) for source in added}
        stated = self.files.catalogue.precedences(unseen) if places else {}
        return tuple(pmid for pmid in unseen if pmid in stated and (stated[pmid].year, stated[pmid].number) in places)


def _beginning(source: AppliedSource) -> str:
    return source.sha256[:_DIGITS]
