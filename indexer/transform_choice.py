"""The transform stage: whether an encoder's vectors are centred or whitened, found out on the corpus itself.

No labels are needed: a title, asked as a question, must find its own abstract among other articles. An encoder trained for
similarity is left as it is; a transform is taken only where it finds titles better, whatever the encoder is called.
"""

import dataclasses
import itertools
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from indexer.metrics import Values, p_value
from indexer.progress import Progress
from search.article import Article
from search.catalogue import Catalogue
from search.encoder import EmbeddedBatch, Encoder, EncoderIdentity, Metric, Vectors, in_order
from search.errors import IndexFolderError
from search.generation import Generation
from search.index_folder import IndexFolder
from search.manifest import Manifest
from search.transform import TransformKind, TransformRecord, VectorTransform
from search.vectors import Pmids, VectorFile, VectorWriter

# A mean of fewer questions is too uncertain, and with fewer articles nearly every abstract is found.
LEAST_QUESTIONS = 200
LEAST_ARTICLES = 1_000
_QUESTIONS = 300
# Drawn to find that many with a title and an abstract: about 60 of 100 records of PubMed have both.
_DRAWN = 4 * _QUESTIONS
_OTHERS = 20_000
_FITTED_ON = 100_000
_SIGNIFICANT = 0.01
# Whitening can find a few more titles for a trained encoder and be worse at questions: MiniLM on NFCorpus, 192 dimensions with
# strong regularisation, MRR 0.77 for 0.75, nDCG@10 29.7 for 30.4. Raw encoders gained 80 % and more.
_LEAST_GAIN = 1.1
_CHUNK = 50_000


@dataclass(frozen=True, slots=True)
class KnownTitles:
    """Titles as questions: `questions` (n, d), their articles' vectors without the title `answers` (n, d), and `others` (m, d).

    All float32 and as the encoder made them.
    """

    questions: Vectors
    answers: Vectors
    others: Vectors

    def reciprocal_ranks(self, transform: VectorTransform | None) -> Values:
        """1 / the rank of every question's answer, (n,) float64; what is as near as the answer stands before it."""
        questions, candidates = self.questions, np.concatenate([self.answers, self.others])
        if transform is not None:
            questions, candidates = transform.apply(questions), transform.apply(candidates)
        scores = questions @ candidates.T
        answers = scores.diagonal()[:, np.newaxis]
        ranks: Values = 1 / np.count_nonzero(scores >= answers, axis=1)
        return ranks


def choose(known: KnownTitles, transforms: dict[TransformKind, VectorTransform | None]) -> TransformRecord:
    """Choose a kind: the first of `transforms` unless a later one finds the titles clearly better."""
    ranks = {kind: known.reciprocal_ranks(transform) for kind, transform in transforms.items()}
    chosen = next(iter(ranks))
    for kind, values in ranks.items():
        before = ranks[chosen]
        if values.mean() >= _LEAST_GAIN * before.mean() and p_value(values - before) < _SIGNIFICANT:
            chosen = kind
    means = {kind: round(float(values.mean()), 4) for kind, values in ranks.items()}
    return TransformRecord(chosen, known_titles=means, questions=len(known.questions))


@dataclass(frozen=True, slots=True)
class Transformer:
    """Chooses a transform for one encoder's vectors, fits it and applies it, telling `progress`."""

    encoder: Encoder
    progress: Progress

    def run(
        self, catalogue: Catalogue, generation: Generation, asked: TransformKind | None, previous: TransformRecord | None
    ) -> TransformRecord:
        """Transform the vectors of `generation`, which are the encoder's own, and write `transform.npz` beside them.

        `asked` None lets the evaluation choose. `previous` is what an earlier build with this encoder chose; what it found is
        taken over while the corpus has not doubled, for the evaluation takes as long as 300 articles and 300 questions.
        """
        vectors = VectorFile.open(generation.base.folder)
        record = self._record(catalogue, vectors, asked, previous)
        transform = fit_transform(record.kind, vectors, self.encoder.identity.metric)
        if transform is None:
            return record
        transform.write(generation.transform)
        transform_vectors(generation.base.folder, transform, self.progress)
        return dataclasses.replace(record, dimension=transform.dimension)

    def _record(
        self, catalogue: Catalogue, vectors: VectorFile, asked: TransformKind | None, previous: TransformRecord | None
    ) -> TransformRecord:
        if asked is not None:
            return TransformRecord(asked, reason="as asked for")
        if len(vectors) < LEAST_ARTICLES:
            return TransformRecord(reason=f"too few articles to choose by: {len(vectors):,} of {LEAST_ARTICLES:,}")
        if previous is not None and previous.known_titles and len(vectors) <= 2 * previous.articles:
            return dataclasses.replace(previous, reason=f"chosen when there were {previous.articles:,} articles", dimension=0)
        articles = _drawn(catalogue, vectors)
        if len(articles) < LEAST_QUESTIONS:
            return TransformRecord(reason="too few articles with a title and an abstract to choose by")
        metric, sample = self.encoder.identity.metric, vectors.sample(_FITTED_ON)
        transforms = {kind: VectorTransform.fitted(kind, sample, metric) for kind in TransformKind}
        record = choose(self._known_titles(articles, vectors), transforms)
        return dataclasses.replace(record, articles=len(vectors))

    def _known_titles(self, articles: Sequence[Article], vectors: VectorFile) -> KnownTitles:
        self.progress.start("Choosing a transform", 2 * len(articles), "titles and abstracts")
        questions = [self._question(article.title) for article in articles]
        untitled = [dataclasses.replace(article, title="") for article in articles]
        answers = in_order(untitled, self._told(self.encoder.embed(untitled)), self.encoder.identity.dimension)
        known = [article.pmid for article in articles]
        drawn = _sampled(vectors, _OTHERS + len(known))
        return KnownTitles(np.stack(questions), answers, vectors.get(drawn[~np.isin(drawn, known)][:_OTHERS]))

    def _question(self, title: str) -> Vectors:
        vector = self.encoder.encode_query(title)
        self.progress.advance(1)
        return vector

    def _told(self, batches: Iterator[EmbeddedBatch]) -> Iterator[EmbeddedBatch]:
        for batch in batches:
            yield batch
            self.progress.advance(len(batch.pmids))


def fit_transform(kind: TransformKind, vectors: VectorFile, metric: Metric) -> VectorTransform | None:
    """The transform of a kind for some vectors, fitted on a sample that is always the same; None for none."""
    return None if kind is TransformKind.NONE else VectorTransform.fitted(kind, vectors.sample(_FITTED_ON), metric)


def transform_vectors(folder: Path, transform: VectorTransform, progress: Progress) -> None:
    """Put the vectors in a part's folder, which are an encoder's own, through a transform.

    They are written into a folder beside, then over those that they were made of.
    """
    vectors, beside = VectorFile.open(folder), folder / "transformed"
    progress.start("Transforming", len(vectors), "articles")
    beside.mkdir()
    with VectorWriter(beside, len(vectors), transform.dimension) as writer:
        for start, (pmids, chunk) in zip(itertools.count(0, _CHUNK), vectors.chunks(_CHUNK), strict=False):
            writer.append(pmids, transform.apply(chunk), vectors.truncated[start : start + _CHUNK])
            progress.advance(len(pmids))
    for path in beside.iterdir():
        path.replace(folder / path.name)
    shutil.rmtree(beside)


def previous_record(folder: IndexFolder, identity: EncoderIdentity) -> TransformRecord | None:
    """The transform of the published generation, where that has vectors of this encoder; None where there is none to read."""
    try:
        manifest = Manifest.read(folder.published().manifest_file)
    except IndexFolderError:
        return None
    return manifest.transform if manifest.encoder.cache_key == identity.cache_key else None


def _drawn(catalogue: Catalogue, vectors: VectorFile) -> list[Article]:
    """Some articles that have a title and an abstract, the same ones every time."""
    drawn = _sampled(vectors, _DRAWN).tolist()
    found = catalogue.articles(drawn)
    suitable = (found[pmid] for pmid in drawn if found[pmid].title and found[pmid].abstract)
    return list(itertools.islice(suitable, _QUESTIONS))


def _sampled(vectors: VectorFile, count: int) -> Pmids:
    """At most `count` PMIDs, in an order of chance that is always the same."""
    rows = np.random.default_rng(0).choice(len(vectors), min(count, len(vectors)), replace=False)
    drawn: Pmids = vectors.pmids[rows]
    return drawn
