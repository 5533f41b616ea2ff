"""The choice of a transform, with encoders whose vectors are made to need one or not."""

import dataclasses
import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from conftest import BuildToy
from toy import ToyEncoder, article

from indexer.progress import Silent
from indexer.transform_choice import LEAST_ARTICLES, KnownTitles, choose
from indexer.verify import verify
from search.article import Article
from search.encoder import EmbeddedBatch, EncoderIdentity, Metric, Vectors, embedded_text, in_order
from search.index_folder import IndexFolder
from search.manifest import Manifest
from search.transform import TransformKind, VectorTransform
from search.vectors import VectorFile

DIMENSION = 16
# A raw encoder's vectors: a large mean, and two axes whose variance drowns the others'.
SKEW = np.array([40.0, 40.0, *[1.0] * 14])
MEAN = 20.0


class Hashed(ToyEncoder):
    """Every word is a direction of chance, a text the mean of its words; `skewed` as a raw encoder's, or even on all axes."""

    def __init__(self, *, skewed: bool) -> None:
        super().__init__(f"hashed, skewed {skewed}")
        self.identity: EncoderIdentity = dataclasses.replace(self.identity, dimension=DIMENSION)
        self.skewed = skewed

    def embed(self, articles: Sequence[Article]) -> Iterator[EmbeddedBatch]:
        self.embedded += [one.pmid for one in articles]
        vectors = np.stack([self.encode_query(" ".join(embedded_text(one))) for one in articles] or [np.zeros(DIMENSION)])
        pmids = np.array([one.pmid for one in articles], np.int64)
        yield EmbeddedBatch(pmids, vectors[: len(pmids)].astype(np.float32), np.zeros(len(pmids), np.bool_))

    def encode_documents(self, articles: Sequence[Article]) -> Vectors:
        return in_order(articles, self.embed(articles), DIMENSION)

    def encode_query(self, text: str) -> Vectors:
        words = [np.frombuffer(hashlib.sha256(word.encode()).digest(), np.int8)[:DIMENSION] / 64 for word in text.split()]
        # What drowns the words differs from text to text, so that it hides them.
        noise = np.frombuffer(hashlib.sha256(f"noise {text}".encode()).digest(), np.int8)[:2] / 64
        vector = np.sum(words, axis=0)
        if self.skewed:
            vector = np.concatenate([noise * SKEW[:2], vector[2:]]) + MEAN
        unit: Vectors = (vector / np.linalg.norm(vector)).astype(np.float32)
        return unit


def corpus(count: int) -> list[Article]:
    """Articles whose abstracts speak of what their titles say."""
    return [article(pmid, f"about{pmid} of{pmid}", f"of{pmid} about{pmid} more{pmid}") for pmid in range(1, count + 1)]


def known_titles(*, skewed: bool) -> KnownTitles:
    """An answer is its question with a little noise."""
    generator = np.random.default_rng(1)
    content = generator.normal(size=(2_300, DIMENSION))
    noisy = content[:300] + 0.4 * generator.normal(size=(300, DIMENSION))
    questions, answers, others = content[:300], noisy, content[300:]
    if skewed:
        questions, answers, others = (_skewed(some, generator) for some in (questions, answers, others))
    return KnownTitles(*(_unit(some) for some in (questions, answers, others)))


def _skewed(vectors: Vectors, generator: np.random.Generator) -> Vectors:
    drowned = vectors.copy()
    drowned[:, :2] = SKEW[:2] * generator.normal(size=(len(vectors), 2))
    drowned += MEAN
    return drowned


def _unit(vectors: Vectors) -> Vectors:
    unit: Vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    return unit


def transforms(known: KnownTitles) -> dict[TransformKind, VectorTransform | None]:
    return {kind: VectorTransform.fitted(kind, known.others, Metric.COSINE) for kind in TransformKind}


def test_skewed_vectors_are_whitened_and_even_ones_left_alone() -> None:
    raw, trained = known_titles(skewed=True), known_titles(skewed=False)
    chosen = choose(raw, transforms(raw))
    assert (chosen.kind, chosen.questions) == (TransformKind.WHITEN, 300)
    assert chosen.known_titles[TransformKind.WHITEN] > 2 * chosen.known_titles[TransformKind.NONE]
    left = choose(trained, transforms(trained))
    assert left.kind is TransformKind.NONE
    assert left.known_titles[TransformKind.NONE] > 0.5


def test_of_equals_the_simpler_is_taken() -> None:
    raw = known_titles(skewed=True)
    whitening = transforms(raw)[TransformKind.WHITEN]
    assert choose(raw, dict.fromkeys(TransformKind, whitening)).kind is TransformKind.NONE
    twice = {TransformKind.NONE: None, TransformKind.CENTRE: whitening, TransformKind.WHITEN: whitening}
    assert choose(raw, twice).kind is TransformKind.CENTRE


def test_reciprocal_ranks_count_what_is_as_near_before_the_answer() -> None:
    east, north = [1.0, 0.0], [0.0, 1.0]
    known = KnownTitles(*(np.array(some, np.float32) for some in ([east, north], [east, east], [east, [0.6, 0.8]])))
    assert known.reciprocal_ranks(None).tolist() == [1 / 3, 1 / 4]


def manifest_of(index: Path) -> Manifest:
    return IndexFolder(index).published().read_manifest()


@pytest.mark.parametrize(("skewed", "expected"), [(True, TransformKind.WHITEN), (False, TransformKind.NONE)])
def test_a_build_chooses_by_its_own_articles(
    build_toy: BuildToy, tmp_path: Path, *, skewed: bool, expected: TransformKind
) -> None:
    encoder, articles = Hashed(skewed=skewed), corpus(LEAST_ARTICLES)
    summary = build_toy(articles, encoder=encoder)
    assert (summary.transform.kind, summary.transform.questions) == (expected, 300)
    assert manifest_of(tmp_path / "index").transform == summary.transform
    assert len(encoder.embedded) == LEAST_ARTICLES + 300
    assert verify(IndexFolder(tmp_path / "index"), Silent()).problems == ()


def test_stored_vectors_went_through_the_stored_transform(build_toy: BuildToy, tmp_path: Path) -> None:
    encoder, articles = Hashed(skewed=True), corpus(60)
    for kind in (TransformKind.CENTRE, TransformKind.WHITEN):
        summary = build_toy(articles, encoder=encoder, transform=kind)
        generation = IndexFolder(tmp_path / "index").published()
        vectors, transform = VectorFile.open(generation.base.folder), VectorTransform.read(generation.transform)
        expected = transform.apply(encoder.encode_documents(articles))
        np.testing.assert_allclose(vectors.get(range(1, 61)), expected, atol=1e-6)
        assert (summary.transform.kind, summary.transform.dimension) == (kind, vectors.dimension)
        assert "transform.npz" in manifest_of(tmp_path / "index").files
        assert sorted(path.name for path in generation.base.folder.glob("*")).count("transformed") == 0
    # The cache keeps what the encoder made: another transform embeds nothing.
    assert (summary.embedded, summary.cached) == (0, 60)


def test_few_articles_are_left_alone_and_it_is_said(build_toy: BuildToy, tmp_path: Path) -> None:
    encoder = Hashed(skewed=True)
    assert str(build_toy(corpus(50), encoder=encoder).transform) == "none (too few articles to choose by: 50 of 1,000)"
    untitled = [dataclasses.replace(one, title="") for one in corpus(LEAST_ARTICLES)]
    assert "title and an abstract" in build_toy(untitled, encoder=encoder).transform.reason
    assert not IndexFolder(tmp_path / "index").published().transform.exists()


def test_a_choice_is_kept_until_the_corpus_has_doubled(build_toy: BuildToy) -> None:
    encoder = Hashed(skewed=True)
    first = build_toy(corpus(LEAST_ARTICLES), encoder=encoder).transform
    encoder.embedded.clear()
    second = build_toy(corpus(LEAST_ARTICLES + 10), encoder=encoder).transform
    assert len(encoder.embedded) == 10
    assert second == dataclasses.replace(first, reason="chosen when there were 1,000 articles")
    assert build_toy(corpus(2 * LEAST_ARTICLES + 1), encoder=encoder).transform.articles == 2 * LEAST_ARTICLES + 1
    # What was asked for is no finding: the next build finds out.
    build_toy(corpus(LEAST_ARTICLES), encoder=encoder, transform=TransformKind.NONE)
    assert build_toy(corpus(LEAST_ARTICLES), encoder=encoder).transform == first


def test_another_encoder_s_choice_is_not_taken_over(build_toy: BuildToy) -> None:
    build_toy(corpus(LEAST_ARTICLES), encoder=Hashed(skewed=True))
    assert build_toy(corpus(LEAST_ARTICLES), encoder=Hashed(skewed=False)).transform.kind is TransformKind.NONE


def test_a_transform_that_does_not_fit_the_vectors_is_found(build_toy: BuildToy, tmp_path: Path) -> None:
    build_toy(corpus(60), encoder=Hashed(skewed=True), transform=TransformKind.WHITEN)
    folder = IndexFolder(tmp_path / "index")
    transform, vectors = folder.published().transform, np.eye(3, dtype=np.float32)
    VectorTransform.centring(vectors, Metric.COSINE).write(transform)
    assert any("transform.npz" in problem for problem in verify(folder, Silent()).problems)
