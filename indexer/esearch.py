"""The ids that answer a PubMed query: one ESearch gives 9,999 of them, so more are asked for in slices that fit."""

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import partial

import msgspec

from indexer.eutils import Eutils, json_of
from indexer.polite_http import TransientError
from search.errors import FetchError

SEARCH_LIMIT = 9_999  # ids that ESearch gives for one PubMed query, whatever paging or history is used

_FIRST_DAY = date(1700, 1, 1)  # before PubMed's oldest record
_DAYS_AHEAD = 366  # entry dates follow publication dates, which may lie ahead
_LAST_PMID = 99_999_999  # a PMID has at most eight digits


class SearchResult(msgspec.Struct, frozen=True):
    """The part of an ESearch answer that is used; its numbers come as strings."""

    count: int
    idlist: tuple[int, ...]
    errorlist: dict[str, tuple[str, ...]] = {}
    warninglist: dict[str, tuple[str, ...]] = {}

    def ignored(self) -> list[str]:
        """The words of a query that NCBI left out, as far as it says so."""
        return [word for kind in ("phrasesignored", "quotedphrasesnotfound") for word in self.warninglist.get(kind, ())]


class _SearchAnswer(msgspec.Struct, frozen=True):
    esearchresult: SearchResult


@dataclass(frozen=True, slots=True)
class _Slice:
    """The records that were entered in a range of days and have a range of PMIDs, both ends included.

    The date is the entry date: every record has exactly one, where a record printed after it appeared electronically
    has two publication dates and would stand in two slices.
    """

    first_day: date
    last_day: date
    first_pmid: int = 1
    last_pmid: int = _LAST_PMID

    def halves(self) -> "tuple[_Slice, ...]":
        """The earlier and the later half; of a single day, the lower and the upper PMIDs; none of a single PMID."""
        if self.first_day < self.last_day:
            day = self.first_day + (self.last_day - self.first_day) // 2
            return replace(self, last_day=day), replace(self, first_day=day + timedelta(days=1))
        if self.first_pmid < self.last_pmid:
            pmid = (self.first_pmid + self.last_pmid) // 2
            return replace(self, last_pmid=pmid), replace(self, first_pmid=pmid + 1)
        return ()

    def parameters(self, query: str) -> dict[str, str]:
        """What ESearch is asked for this slice of a query's answers."""
        whole = (self.first_pmid, self.last_pmid) == (1, _LAST_PMID)
        return {
            "term": query if whole else f"({query}) AND {self.first_pmid}:{self.last_pmid}[uid]",
            "datetype": "edat",
            "mindate": f"{self.first_day:%Y/%m/%d}",
            "maxdate": f"{self.last_day:%Y/%m/%d}",
        }


def search(eutils: Eutils, query: str, limit: int) -> SearchResult:
    """The count of a query and its first ids."""
    return _ask(eutils, {"term": query}, limit)


def ids_by_slices(eutils: Eutils, query: str, wanted: int) -> tuple[int, ...]:
    """The ids of a query with more articles than one ESearch gives, the newest first; halved until each slice fits.

    Raises FetchError where a slice cannot be halved any more: NCBI heeds neither dates nor PMIDs then.
    """
    found: dict[int, None] = {}
    slices = [_Slice(_FIRST_DAY, datetime.now(UTC).date() + timedelta(days=_DAYS_AHEAD))]
    while slices and len(found) < wanted:
        one = slices.pop()
        page = _ask(eutils, one.parameters(query), SEARCH_LIMIT)
        if page.count <= SEARCH_LIMIT:
            found.update(dict.fromkeys(page.idlist))
        elif halves := one.halves():
            slices.extend(halves)
        else:
            raise FetchError(
                f"NCBI gives at most {SEARCH_LIMIT:,} ids at once and has {page.count:,} of {one.first_day} alone "
                f"for {query!r}, whatever range of PMIDs is asked for. Narrow the query."
            )
    return tuple(found)[:wanted]


def _ask(eutils: Eutils, parameters: dict[str, str], limit: int) -> SearchResult:
    parameters = {"db": "pubmed", "retmode": "json", "retmax": str(limit)} | parameters
    return eutils.ask("esearch.fcgi", parameters, partial(_read_search, limit=limit), "the ids of a query's articles")


def _read_search(body: bytes, limit: int) -> SearchResult:
    """An ESearch answer; TransientError where it is none or contradicts itself."""
    try:
        result = msgspec.convert(json_of(body), _SearchAnswer, strict=False).esearchresult
    except (ValueError, msgspec.ValidationError) as error:
        raise TransientError("an answer that is no ESearch result") from error
    if limit and result.count and not result.idlist:
        raise TransientError(f"a count of {result.count:,} articles without their ids")
    return result
