"""Evaluates search on BEIR sets: an ordinary index of the corpus, asked through the searcher that users have."""

import hashlib
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Protocol

from indexer.beir import BeirSet, write_source
from indexer.build import Build
from indexer.comparison import Summary, summarise
from indexer.metrics import Measure, Run, Scores, score
from indexer.parsed_file import SourceFile, SourceFormat
from indexer.progress import Progress, Silent
from indexer.provenance import DIRTY, commit
from indexer.sources import Sources
from search.encoder import Encoder, EncoderIdentity
from search.errors import IndexFolderError, QueryError
from search.index_folder import IndexFolder
from search.results import Mode, SearchResults
from search.searcher import Searcher

# So deep are rankings asked for: recall@100 needs no more, and MRR hardly changes below.
DEPTH = 100

_NOTE = "This index was made of a BEIR set, for evaluation: the numbers of its articles are no PMIDs."


class Ranks(Protocol):
    """Whatever ranks documents for a question; `Searcher` does."""

    def search(self, query: str, k: int, *, mode: Mode) -> SearchResults:
        """The best `k`, best first. Raises QueryError where the question, or the mode, is refused."""
        ...


@dataclass(frozen=True, slots=True)
class Ranking:
    """One mode's rankings of all questions. Those it refused are in the run, with nothing found, and here with the reason."""

    run: Run
    refused: dict[str, str]

    @property
    def is_refused(self) -> bool:
        """Whether not one question was answered: the index does not know the mode."""
        return len(self.refused) == len(self.run)


@dataclass(frozen=True, slots=True)
class SetEvaluation:
    """One set's scores in every mode that answered; `refused` has the reason of each that did not.

    `refused_questions` counts, in the other modes, single questions that were refused; they score 0.
    """

    beir_set: BeirSet
    depth: int
    scores: dict[Mode, Scores]
    summary: Summary
    refused: dict[Mode, str]
    refused_questions: dict[Mode, int]


def open_set(beir_set: BeirSet, encoder: Encoder, work: Path, progress: Progress, code: str | None = None) -> Searcher:
    """A searcher of a set's corpus: its index under `work`, built unless that of the same corpus, encoder and code is there.

    `code` names the state of this project's code; by default it is the commit, and code that is not committed always builds.
    Raises what a build raises.
    """
    place = hashlib.sha256(str(beir_set.corpus.path.resolve()).encode()).hexdigest()[:8]
    folder = IndexFolder(work / f"{beir_set.name}-{place}" / encoder.identity.cache_key)
    built_by = code or commit() or version("pubmed-semantic-search")
    source_name = f"corpus-{beir_set.corpus.sha256}-{built_by}.jsonl"
    if not _is_built(folder, source_name, encoder.identity):
        folder.root.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.root) as beside:
            source = Path(beside, source_name)
            write_source(beir_set, source)
            sources = Sources((SourceFile(source, SourceFormat.JSONL),), ())
            Build(folder, encoder, progress, corpus_note=_NOTE).run(sources)
    return Searcher.open(folder.root, load=lambda _name: encoder)


def evaluate_set(
    searcher: Ranks,
    beir_set: BeirSet,
    modes: Sequence[Mode] = tuple(Mode),
    *,
    progress: Progress | None = None,
    baseline: Mode | None = None,
    depth: int = DEPTH,
) -> SetEvaluation:
    """Ask every question of a set in every mode, score the rankings and compare them (see `summarise`).

    `searcher` is what `open_set` gave, or any whose PMIDs are the places of the set's documents. Raises QueryError where it
    refuses every mode, or the baseline.
    """
    rankings = {
        mode: rank(searcher, beir_set.questions, mode, document_id=beir_set.document_id, progress=progress, depth=depth)
        for mode in modes
    }
    refused = {mode: next(iter(one.refused.values())) for mode, one in rankings.items() if one.is_refused}
    if len(refused) == len(rankings):
        raise QueryError(next(iter(refused.values())))
    answered = {mode: one for mode, one in rankings.items() if mode not in refused}
    scores = {mode: score(one.run, beir_set.judgements) for mode, one in answered.items()}
    return SetEvaluation(
        beir_set=beir_set,
        depth=depth,
        scores=scores,
        summary=summarise([scores], Measure.NDCG_10, baseline),
        refused=refused,
        refused_questions={mode: len(one.refused) for mode, one in answered.items() if one.refused},
    )


def mean_of_sets(evaluations: Sequence[SetEvaluation], baseline: Mode | None = None) -> Summary | None:
    """The mean over several sets, each counting alike; None for a single one."""
    if len(evaluations) == 1:
        return None
    return summarise([one.scores for one in evaluations], Measure.NDCG_10, baseline)


def rank(
    searcher: Ranks,
    questions: Mapping[str, str],
    mode: Mode,
    *,
    document_id: Callable[[int], str] = str,
    progress: Progress | None = None,
    depth: int = DEPTH,
) -> Ranking:
    """Ask every question in one mode, `depth` deep; `document_id` names a hit by its PMID."""
    progress = progress or Silent()
    progress.start(f"Asking, {mode}", len(questions), "questions")
    run: dict[str, dict[str, float]] = {}
    refused: dict[str, str] = {}
    for question, text in questions.items():
        try:
            run[question] = as_run(searcher.search(text, depth, mode=mode), document_id)
        except QueryError as error:
            run[question], refused[question] = {}, str(error)
        progress.advance(1)
    return Ranking(run, refused)


def as_run(results: SearchResults, document_id: Callable[[int], str] = str) -> dict[str, float]:
    """A ranking as trec_eval takes it: documents with a score that falls by 1 from rank to rank.

    With the search's own scores trec_eval would order equal ones by their ids, which is not the order that users see.
    """
    return {document_id(hit.pmid): float(len(results) - place) for place, hit in enumerate(results)}


def _is_built(folder: IndexFolder, source_name: str, identity: EncoderIdentity) -> bool:
    """Whether this very corpus was indexed, by this encoder and this state of the code, and the index can be opened."""
    if source_name.endswith(DIRTY + ".jsonl"):
        return False
    try:
        manifest = folder.published().read_manifest()
        Searcher.open(folder.root).close()
    except IndexFolderError:
        return False
    return (manifest.last_file, manifest.encoder) == (source_name, identity)
