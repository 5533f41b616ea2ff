"""A searcher without an index, for tests of the page."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from search.article import AbstractSection, Article, Author, Flag
from search.facets import Count, Facet, Facets, YearCount
from search.filters import Filters
from search.results import Holdings, IndexSummary, Mode, SearchResult, SearchResults, Sort, Understanding, Why

SUMMARY = IndexSummary(articles=29457, last_file="pubmed26n1334.xml.gz", updated="2026-01-03", encoder="embedded")
AS_TYPED = Understanding("")


def made_up_article(pmid: int) -> Article:
    """One of a row of articles, a year apart."""
    return Article(
        pmid=pmid,
        title=f"Statins and muscle pain, part {pmid}.",
        sections=(
            AbstractSection("Muscle pain was rare.", "RESULTS", "RESULTS"),
            AbstractSection("It is safe.", "CONCLUSIONS"),
        ),
        authors=(Author("Smith", "Jane", "J"),),
        journal="The Lancet",
        year=1990 + pmid % 40,
        publication_types=("Journal Article", "Randomized Controlled Trial"),
    )


@dataclass(frozen=True)
class Request:
    """What a searcher was asked: a question or examples, how many hits after how many, and how."""

    query: object
    filters: Filters = field(default_factory=Filters)
    mode: Mode = Mode.HYBRID
    sort: Sort = Sort.RELEVANCE
    unlike: tuple[int, ...] = ()
    k: int = 20
    skip: int = 0


@dataclass
class SearcherDouble:
    """Answers with its articles in their order, keeps what it was asked, and fails where it is told to."""

    articles_held: list[Article] = field(default_factory=lambda: [made_up_article(pmid) for pmid in range(1, 61)])
    error: Exception | None = None
    corpus_note: str = "The abstracts of the sample are summaries."
    current: bool = True
    asked: list[Request] = field(default_factory=list)
    counted: int = 0
    summary: IndexSummary = SUMMARY
    holdings: Holdings = field(default_factory=lambda: Holdings(files=1334, title_only=512))
    understood: Understanding = AS_TYPED

    def search(
        self,
        query: str,
        k: int = 10,
        filters: Filters | None = None,
        mode: Mode | str = Mode.HYBRID,
        *,
        sort: Sort | str = Sort.RELEVANCE,
        unlike: Sequence[int] = (),
        explain: int = 0,
        skip: int = 0,
    ) -> SearchResults:
        if self.error is not None:
            raise self.error
        request = Request(query, filters or Filters(), Mode(mode), Sort(sort), tuple(unlike), k, skip)
        return self._answer(request, [article for article in self.articles_held if article.pmid not in unlike])

    def similar(
        self,
        pmids: Sequence[int],
        unlike: Sequence[int] = (),
        k: int = 10,
        filters: Filters | None = None,
        *,
        explain: int = 0,
        skip: int = 0,
    ) -> SearchResults:
        others = [article for article in self.articles_held if article.pmid not in (*pmids, *unlike)]
        request = Request(tuple(pmids), filters or Filters(), Mode.DENSE, unlike=tuple(unlike), k=k, skip=skip)
        return self._answer(request, others)

    def article(self, pmid: int) -> Article | None:
        return self.articles([pmid]).get(pmid)

    def articles(self, pmids: Sequence[int]) -> dict[int, Article]:
        return {article.pmid: article for article in self.articles_held if article.pmid in pmids}

    def facets(self, pmids: Sequence[int]) -> Facets:
        self.counted += 1
        found = list(self.articles(pmids).values())
        years = Counter(article.year or 0 for article in found)
        types = Counter(kind for article in found for kind in article.publication_types)
        journals = Counter(article.journal for article in found)
        return Facets(
            len(found),
            tuple(YearCount(year, count) for year, count in sorted(years.items())),
            0,
            _facet(journals),
            _facet(types),
            Facet((), 0),
            (),
            Facet((), 0),
            0,
            0,
        )

    @property
    def first_and_last_year(self) -> tuple[int, int] | None:
        return (1990, 2029)

    def is_current(self) -> bool:
        return self.current

    def _answer(self, request: Request, articles: list[Article]) -> SearchResults:
        self.asked.append(request)
        filters = request.filters
        first, last = filters.year_from or 0, filters.year_to or 9999
        in_range = [article for article in articles if first <= (article.year or 0) <= last]
        kept = [article for article in in_range if filters.include_retracted or Flag.RETRACTED not in article.flags]
        ranked = [
            SearchResult(rank, article.pmid, 1 / rank, article, self._why(rank, request.mode))
            for rank, article in enumerate(kept, start=1)
        ]
        hits = tuple(ranked[request.skip : request.skip + request.k])
        pmids = tuple(article.pmid for article in kept)
        hidden = len(in_range) - len(kept)
        return SearchResults(
            str(request.query), request.mode, filters, 23.2, hidden, self.summary, hits, self.understood, pmids, 1.0
        )

    def _why(self, rank: int, mode: Mode) -> Why:
        """By both legs, by meaning alone and by words alone in turn; by meaning where nothing else was asked."""
        by_meaning, by_words = Why(rank, 1 / rank), Why(lexical_rank=rank, lexical_score=3.5)
        both = Why(rank, 1 / rank, rank, 3.5)
        return by_meaning if mode is Mode.DENSE else (both, by_meaning, by_words)[(rank - 1) % 3]


def _facet(counts: "Counter[str]") -> Facet:
    return Facet(tuple(Count(value, count) for value, count in counts.most_common()), len(counts))
