"""Evaluates search on a user's own corpus, where nobody has judged anything: three tests that the records themselves allow."""

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from indexer.comparison import Summary, summarise
from indexer.evaluate import as_run
from indexer.metrics import SEED, Estimate, Measure, Values, estimate, p_value, ratio, score, score_ranks
from indexer.progress import Progress, Silent
from search.article import Article, Flag
from search.encoder import EmbeddedBatch, Encoder, Vectors, in_order
from search.errors import QueryError
from search.filters import Filters
from search.results import Mode, SearchResults

# So many articles a test: with them, a recall of 50 % is known to within 3.
WANTED = 1_000
# Fewer questions than this say nothing: their interval would span most of the scale.
LEAST = 20
# As deep as every search looks: a known item below is not found.
KNOWN_ITEM_DEPTH = 1000
LINK_DEPTH = 100
NEIGHBOURS = 10
# Of so many articles for each one wanted, those that qualify are taken: a corpus is never read whole.
_DRAWN_PER_WANTED = 5
_ANY = Filters(include_retracted=True)


class OwnSearcher(Protocol):
    """What the tests ask of an index; `Searcher` answers it."""

    def pmids(self) -> npt.NDArray[np.int64]:
        """All PMIDs, ascending: (n,) int64."""
        ...

    def article(self, pmid: int) -> Article | None:
        """The article of a PMID, or None."""
        ...

    def similar(self, pmids: Sequence[int], *, k: int, filters: Filters) -> SearchResults:
        """The `k` articles most like those of `pmids`."""
        ...

    def rank_known_item(self, query: str, pmid: int, vector: Vectors, mode: Mode) -> int | None:
        """The rank of an article if its vector were `vector` (d,) and its words lacked its title; None beyond the depth."""
        ...


@dataclass(frozen=True, slots=True)
class Drawn:
    """Articles drawn at random, in that order, and those of them that qualify for a test."""

    articles: tuple[Article, ...]
    qualified: tuple[Article, ...]


@dataclass(frozen=True, slots=True)
class RankedTest:
    """A test whose questions have right answers, mode by mode; `refused` has the reason of each mode that did not answer.

    `refused_questions` counts, in the other modes, single questions that were refused; they score 0.
    """

    questions: int
    summary: Summary
    refused: dict[Mode, str]
    refused_questions: dict[Mode, int]


@dataclass(frozen=True, slots=True)
class SharedMesh:
    """Of each article's nearest ten, and of ten random articles, the share that has a major MeSH heading in common with it.

    `lift` is how many times the first mean is the second; None where no random article shared any. `p` is of a paired test.
    """

    questions: int
    nearest: Estimate
    random: Estimate
    lift: Estimate | None
    p: float


@dataclass(frozen=True, slots=True)
class NotMeasurable:
    """Why a test cannot be made on this corpus."""

    reason: str


@dataclass(frozen=True, slots=True)
class OwnEvaluation:
    """All three tests of a corpus."""

    known_items: RankedTest | NotMeasurable
    citation_links: RankedTest | NotMeasurable
    shared_mesh: SharedMesh | NotMeasurable


@dataclass(frozen=True, slots=True)
class _Ranked:
    """The rank of every article for its title, None for not found; `reasons` say why titles were refused."""

    ranks: dict[str, int | None]
    reasons: tuple[str, ...]


def draw(searcher: OwnSearcher, wanted: int, qualifies: Callable[[Article], bool]) -> Drawn:
    """Draw articles at random, the same every time, until `wanted` qualify or five times as many were drawn."""
    pmids = searcher.pmids()
    generator = np.random.default_rng(SEED)
    places = generator.choice(len(pmids), min(len(pmids), _DRAWN_PER_WANTED * wanted), replace=False)
    articles, qualified = list[Article](), list[Article]()
    for pmid in pmids[places].tolist():
        article = searcher.article(pmid)
        if article is None:
            continue
        articles.append(article)
        if qualifies(article):
            qualified.append(article)
        if len(qualified) == wanted:
            break
    return Drawn(tuple(articles), tuple(qualified))


def evaluate_own(
    searcher: OwnSearcher,
    encoder: Encoder,
    modes: Sequence[Mode] = tuple(Mode),
    *,
    wanted: int = WANTED,
    progress: Progress | None = None,
    baseline: Mode | None = None,
) -> OwnEvaluation:
    """Make all three tests, each on at most `wanted` articles.

    Raises QueryError where every mode, or the baseline, is refused.
    """
    watching = progress or Silent()
    return OwnEvaluation(
        known_items(searcher, encoder, modes, wanted=wanted, progress=watching, baseline=baseline),
        citation_links(searcher, wanted, watching),
        shared_mesh(searcher, wanted, watching),
    )


def known_items(
    searcher: OwnSearcher,
    encoder: Encoder,
    modes: Sequence[Mode],
    *,
    wanted: int,
    progress: Progress,
    baseline: Mode | None = None,
) -> RankedTest | NotMeasurable:
    """Find articles by their titles, the title left out of what is searched: 1 / rank and recall, 1,000 deep.

    Retracted articles are left out, as search leaves them out. Raises QueryError where every mode is refused.
    """
    drawn = draw(searcher, wanted, _has_title_and_abstract)
    if len(drawn.qualified) < LEAST:
        return _too_few(drawn, "title with an abstract", "have both a title and an abstract")
    vectors = _without_titles(drawn.qualified, encoder, progress)
    rankings = {mode: _ranks(searcher, drawn.qualified, vectors, mode, progress) for mode in modes}
    refused = {mode: one.reasons[0] for mode, one in rankings.items() if len(one.reasons) == len(one.ranks)}
    if len(refused) == len(rankings):
        raise QueryError(next(iter(refused.values())))
    answered = {mode: one for mode, one in rankings.items() if mode not in refused}
    return RankedTest(
        questions=len(drawn.qualified),
        summary=summarise([{mode: score_ranks(one.ranks) for mode, one in answered.items()}], Measure.MRR, baseline),
        refused=refused,
        refused_questions={mode: len(one.reasons) for mode, one in answered.items() if one.reasons},
    )


def citation_links(searcher: OwnSearcher, wanted: int, progress: Progress) -> RankedTest | NotMeasurable:
    """Find the articles that an article cites among those most similar to it, 100 deep."""
    pmids = searcher.pmids()
    drawn = draw(searcher, wanted, lambda article: bool(_cited(article, pmids)))
    if len(drawn.qualified) < LEAST:
        return _too_few(drawn, "citation links", "cite others of this index")
    sample = drawn.qualified
    progress.start("Citation links", len(sample), "articles")
    judgements = {str(article.pmid): dict.fromkeys(map(str, _cited(article, pmids)), 1) for article in sample}
    run = dict[str, dict[str, float]]()
    for article in sample:
        run[str(article.pmid)] = as_run(searcher.similar([article.pmid], k=LINK_DEPTH, filters=_ANY))
        progress.advance(1)
    return RankedTest(len(sample), summarise([{Mode.DENSE: score(run, judgements)}], Measure.NDCG_10), {}, {})


def shared_mesh(searcher: OwnSearcher, wanted: int, progress: Progress) -> SharedMesh | NotMeasurable:
    """Compare the major MeSH headings of an article with those of its nearest ten, and with those of ten random articles."""
    drawn = draw(searcher, wanted, lambda article: bool(article.major_headings))
    if len(drawn.qualified) < LEAST:
        return _too_few(drawn, "MeSH", "have major MeSH headings")
    progress.start("Shared MeSH", len(drawn.qualified), "articles")
    generator = np.random.default_rng(SEED)
    nearest, random = list[float](), list[float]()
    for article in drawn.qualified:
        hits = searcher.similar([article.pmid], k=NEIGHBOURS, filters=_ANY)
        nearest.append(_share(article, [hit.article for hit in hits]))
        random.append(_share(article, _others(article, drawn.articles, generator)))
        progress.advance(1)
    return _compared(np.array(nearest), np.array(random))


def _compared(nearest: Values, random: Values) -> SharedMesh:
    return SharedMesh(len(nearest), estimate(nearest), estimate(random), ratio(nearest, random), p_value(nearest - random))


def _without_titles(articles: Sequence[Article], encoder: Encoder, progress: Progress) -> Vectors:
    """The vectors of the articles' abstracts alone: (n, d) float32."""
    progress.start("Embedding without titles", len(articles), "articles")
    untitled = [dataclasses.replace(article, title="") for article in articles]
    return in_order(untitled, _watched(encoder.embed(untitled), progress), encoder.identity.dimension)


def _ranks(searcher: OwnSearcher, sample: Sequence[Article], vectors: Vectors, mode: Mode, progress: Progress) -> _Ranked:
    progress.start(f"Known items, {mode}", len(sample), "titles")
    ranks, reasons = dict[str, int | None](), list[str]()
    for article, vector in zip(sample, vectors, strict=True):
        try:
            ranks[str(article.pmid)] = searcher.rank_known_item(article.title, article.pmid, vector, mode)
        except QueryError as error:
            ranks[str(article.pmid)] = None
            reasons.append(str(error))
        progress.advance(1)
    return _Ranked(ranks, tuple(reasons))


def _has_title_and_abstract(article: Article) -> bool:
    return bool(article.title and article.sections) and Flag.RETRACTED not in article.flags


def _cited(article: Article, pmids: npt.NDArray[np.int64]) -> list[int]:
    """The articles of the index, itself left out, that an article cites."""
    cited = np.array(sorted({*article.references} - {article.pmid}), np.int64)
    places = np.minimum(np.searchsorted(pmids, cited), len(pmids) - 1)
    found: list[int] = cited[pmids[places] == cited].tolist()
    return found


def _share(article: Article, others: Sequence[Article]) -> float:
    """The share of `others` with a major heading of this article."""
    topics = article.major_headings
    return sum(not topics.isdisjoint(other.major_headings) for other in others) / max(1, len(others))


def _others(article: Article, drawn: Sequence[Article], generator: np.random.Generator) -> list[Article]:
    """Ten of those drawn, without the article itself; fewer where there are fewer."""
    places = generator.choice(len(drawn), min(len(drawn), NEIGHBOURS + 1), replace=False)
    return [drawn[place] for place in places if drawn[place].pmid != article.pmid][:NEIGHBOURS]


def _watched(batches: Iterator[EmbeddedBatch], progress: Progress) -> Iterator[EmbeddedBatch]:
    for batch in batches:
        progress.advance(len(batch.pmids))
        yield batch


def _too_few(drawn: Drawn, missing: str, having: str) -> NotMeasurable:
    """None of those drawn qualifies, or fewer than are needed."""
    count, of = len(drawn.qualified), f"of the {len(drawn.articles):,} articles drawn"
    if not count:
        return NotMeasurable(f"no {missing} in any {of}")
    return NotMeasurable(f"only {count} {of} {having}; at least {LEAST} are needed")
