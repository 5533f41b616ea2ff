"""Facets: the years, journals, publication types, headings and languages of the articles that a search ranked, counted."""

import functools
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from operator import itemgetter

import msgspec
import numpy as np

from search.article import LARGEST_ID, Flag
from search.condition import Term, TermField
from search.errors import BrokenIndex
from search.filter_terms import normalised
from search.live_catalogue import LiveCatalogue
from search.live_columns import LiveColumns
from search.vectors import Pmids

# The telling headings are chosen among so many of the most frequent: looking up how common one is takes 12 us.
_TELLING_AMONG = 200
# Every heading counts as if one article more in two hundred had it. With a fifth of that, those of two articles rise above
# what a small answer is about; with twice as much, Humans stays first where an answer is most of a small index.
_COMMONNESS = 0.005
# More than there are headings, or journals.
_KEYS_KEPT = 2**16


@dataclass(frozen=True, slots=True)
class YearCount:
    """A year of publication and how many articles are of it."""

    year: int
    articles: int


@dataclass(frozen=True, slots=True)
class Count:
    """A value in its most frequent spelling, and how many articles have it: those that it lets through as a filter."""

    value: str
    articles: int


@dataclass(frozen=True, slots=True)
class Facet:
    """The most frequent values, ties in alphabetical order, and how many different ones there are."""

    counts: tuple[Count, ...]
    distinct: int


@dataclass(frozen=True, slots=True)
class Facets:
    """What some articles are, `articles` of them: each count is of articles. Years ascend, and only those that occur are there.

    A journal goes by its full title or by its abbreviation, whichever more of the articles have, and by its ISSN where it has
    neither. A heading or publication type is counted where an article has it itself: a filter with NLM's tree of MeSH lets
    those of narrower ones through, too. `telling_mesh` are headings in an order for display, those first that are more frequent
    here than in the whole index, so that Humans or Female do not come before what the articles are about.
    """

    articles: int
    years: tuple[YearCount, ...]
    unknown_year: int
    journals: Facet
    publication_types: Facet
    mesh: Facet
    telling_mesh: tuple[Count, ...]
    languages: Facet
    title_only: int
    retracted: int


class _Heading(msgspec.Struct, frozen=True, gc=False):
    descriptor: str


class _Record(msgspec.Struct, frozen=True, gc=False):
    """What of an article is counted. Reading no more takes 0.4 times as long, with dataclasses, which are traced, 0.6 times."""

    journal: str = ""
    journal_abbreviation: str = ""
    issn: str = ""
    languages: tuple[str, ...] = ()
    publication_types: tuple[str, ...] = ()
    mesh: tuple[_Heading, ...] = ()


@dataclass(frozen=True, slots=True)
class _Tally:
    """For every value, by its key, how many articles have it and how it is spelt; the most frequent first."""

    articles: Mapping[str, int]
    spellings: Mapping[str, str]

    @classmethod
    def of(cls, field: TermField, values_of_each: Iterable[Iterable[str]]) -> "_Tally":
        """Count the values of each article, once in whatever spellings it has them."""
        key_of = _keys(field)
        spelt = Counter(chain.from_iterable({key_of(value): value for value in values}.values() for values in values_of_each))
        articles, spellings = dict[str, int](), dict[str, str]()
        for spelling, count in _by_frequency(spelt):
            key = key_of(spelling)
            articles[key] = articles.get(key, 0) + count
            spellings.setdefault(key, spelling)
        articles.pop("", None)
        return cls(dict(_by_frequency(articles)), spellings)

    def facet(self, limit: int) -> Facet:
        return Facet(self.counts(islice(self.articles, limit)), len(self.articles))

    def counts(self, keys: Iterable[str]) -> tuple[Count, ...]:
        # No key ends in a star, and a filter that does finds whatever begins so.
        return tuple(Count(self.spellings[key].rstrip("* "), self.articles[key]) for key in keys)


def facets_of(catalogue: LiveCatalogue, columns: LiveColumns, pmids: Sequence[int], limit: int) -> Facets:
    """Count what the articles of some PMIDs are, each article once; PMIDs that are not in the index are left out.

    At most `limit` values of each facet are given. Raises BrokenIndex where an article has no record, or a damaged one.
    """
    wanted = np.array(sorted({pmid for pmid in pmids if 0 < pmid <= LARGEST_ID}), np.int64)
    found = wanted[columns.everything().contains(wanted)]
    records = _records(catalogue, found)
    mesh = _Tally.of(TermField.MESH, ([heading.descriptor for heading in one.mesh] for one in records))
    years, of_each = np.unique(columns.years_of(found), return_counts=True)
    counted = dict(zip(years.tolist(), of_each.tolist(), strict=True))
    return Facets(
        articles=len(found),
        years=tuple(YearCount(year, count) for year, count in counted.items() if year),
        unknown_year=counted.get(0, 0),
        journals=_journals(records).facet(limit),
        publication_types=_Tally.of(TermField.PUBLICATION_TYPE, (one.publication_types for one in records)).facet(limit),
        mesh=mesh.facet(limit),
        telling_mesh=_telling(mesh, len(found), columns)[:limit],
        languages=_Tally.of(TermField.LANGUAGE, (one.languages for one in records)).facet(limit),
        title_only=int(columns.having(Flag.TITLE_ONLY).contains(found).sum()),
        retracted=int(columns.retracted().contains(found).sum()),
    )


def _records(catalogue: LiveCatalogue, pmids: Pmids) -> list[_Record]:
    records = catalogue.read(pmids.tolist(), _Record)
    if lost := [pmid for pmid in pmids.tolist() if pmid not in records]:
        raise BrokenIndex(f"PMID {lost[0]} is in the index but has no record. Run `pubmed-index verify`, or build again.")
    return list(records.values())


@functools.cache
def _keys(field: TermField) -> Callable[[str], str]:
    """Gives the key by which filters look a value of a field up, "" where nothing of the value is left."""
    return functools.lru_cache(_KEYS_KEPT)(functools.partial(normalised, field))


def _by_frequency(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    """Counts, the highest first, then in alphabetical order."""
    return sorted(sorted(counts.items()), key=itemgetter(1), reverse=True)


def _journals(records: Sequence[_Record]) -> _Tally:
    """An article is found by any of its journal's three names: all are counted, and of each article one is shown."""
    key_of = _keys(TermField.JOURNAL)
    tally = _Tally.of(TermField.JOURNAL, ((one.journal, one.journal_abbreviation, one.issn) for one in records))
    shown = set()
    for one in records:
        full, short, issn = map(key_of, (one.journal, one.journal_abbreviation, one.issn))
        shown.add(max(full, short, key=lambda key: tally.articles.get(key, 0)) or issn)
    return _Tally({key: count for key, count in tally.articles.items() if key in shown}, tally.spellings)


def _telling(mesh: _Tally, articles: int, columns: LiveColumns) -> tuple[Count, ...]:
    """The most frequent headings, those first whose share of the articles is the largest multiple of their usual share.

    The usual share is that of the whole index and `_COMMONNESS`, without which headings of one article would come first.
    """

    def times(key: str) -> float:
        usual = columns.count(Term(TermField.MESH, key)) / len(columns)
        return mesh.articles[key] / articles / (usual + _COMMONNESS)

    return mesh.counts(sorted(islice(mesh.articles, _TELLING_AMONG), key=times, reverse=True))
