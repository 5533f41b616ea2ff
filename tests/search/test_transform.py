"""Centring and whitening, beside their formulas."""

from pathlib import Path

import numpy as np
import pytest

from search.encoder import Metric, Vectors
from search.errors import BrokenIndex
from search.transform import TransformKind, TransformRecord, VectorTransform

AXES, MEAN = np.array([9.0, 3.0, 1.0, 0.3]), np.array([5.0, -2.0, 0.0, 1.0])


def skewed(count: int) -> Vectors:
    """Gaussian vectors with the standard deviations AXES around MEAN, turned."""
    generator = np.random.default_rng(7)
    turn, _ = np.linalg.qr(generator.normal(size=(4, 4)))
    vectors: Vectors = ((generator.normal(size=(count, 4)) * AXES + MEAN) @ turn).astype(np.float32)
    return vectors


def test_centring_subtracts_the_mean_and_only_cosine_needs_length_1() -> None:
    vectors = skewed(500)
    centred = vectors - vectors.mean(axis=0)
    by_product = VectorTransform.centring(vectors, Metric.INNER_PRODUCT).apply(vectors)
    np.testing.assert_allclose(by_product, centred, atol=1e-5)
    by_cosine = VectorTransform.centring(vectors, Metric.COSINE).apply(vectors)
    np.testing.assert_allclose(by_cosine, centred / np.linalg.norm(centred, axis=1, keepdims=True), atol=1e-5)


def test_whitening_makes_axes_uncorrelated_and_of_variance_l_by_l_plus_r() -> None:
    vectors = skewed(20_000)
    whitened = VectorTransform.whitening(vectors, Metric.INNER_PRODUCT, dimension=3).apply(vectors).astype(np.float64)
    assert whitened.shape == (20_000, 3)
    variances = np.linalg.eigvalsh(np.cov(vectors.astype(np.float64).T, bias=True))[::-1]
    expected = variances[:3] / (variances[:3] + 0.05 * variances.mean())
    np.testing.assert_allclose(np.cov(whitened.T, bias=True), np.diag(expected), atol=1e-4)
    np.testing.assert_allclose(whitened.mean(axis=0), 0, atol=1e-4)


@pytest.mark.parametrize("kind", [TransformKind.CENTRE, TransformKind.WHITEN])
def test_one_vector_is_transformed_as_a_row_of_many(kind: TransformKind) -> None:
    vectors = skewed(50)
    transform = VectorTransform.fitted(kind, vectors, Metric.COSINE)
    assert transform is not None
    many = transform.apply(vectors)
    assert (many.dtype, many.shape) == (np.float32, (50, transform.dimension))
    assert transform.apply(vectors[3]).shape == (transform.dimension,)
    np.testing.assert_allclose(transform.apply(vectors[3]), many[3], atol=1e-6)


@pytest.mark.parametrize("kind", [TransformKind.CENTRE, TransformKind.WHITEN])
@pytest.mark.parametrize("count", [1, 2, 3])
def test_few_or_equal_vectors_still_come_out_finite_and_of_length_1(kind: TransformKind, count: int) -> None:
    for vectors in (skewed(count), np.ones((count, 4), np.float32), np.zeros((count, 4), np.float32)):
        transform = VectorTransform.fitted(kind, vectors, Metric.COSINE)
        assert transform is not None
        np.testing.assert_allclose(np.linalg.norm(transform.apply(vectors), axis=1), 1, atol=1e-5)


def test_nothing_is_fitted_where_nothing_is_to_be_done() -> None:
    assert VectorTransform.fitted(TransformKind.NONE, skewed(3), Metric.COSINE) is None


def test_what_is_written_is_read(tmp_path: Path) -> None:
    vectors, path = skewed(50), tmp_path / "transform.npz"
    for metric in Metric:
        transform = VectorTransform.whitening(vectors, metric)
        transform.write(path)
        np.testing.assert_array_equal(VectorTransform.read(path).apply(vectors), transform.apply(vectors))


def test_what_is_no_transform_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "transform.npz"
    with pytest.raises(BrokenIndex, match="cannot be read"):
        VectorTransform.read(path)
    path.write_bytes(b"PK\x03\x04 and no more")
    with pytest.raises(BrokenIndex, match="cannot be read"):
        VectorTransform.read(path)
    np.savez(path, mean=np.zeros(3, np.float32))
    with pytest.raises(BrokenIndex, match="matrix"):
        VectorTransform.read(path)
    np.savez(path, mean=np.array([{}, {}]), matrix=np.zeros((2, 2)), normalised=np.array(True))
    with pytest.raises(BrokenIndex, match="allow_pickle"):
        VectorTransform.read(path)
    np.savez(path, mean=np.zeros(3, np.float32), matrix=np.zeros((2, 2)), normalised=np.array(True))
    with pytest.raises(BrokenIndex, match=r"\(3,\)"):
        VectorTransform.read(path)


def test_a_record_says_what_was_chosen_and_why() -> None:
    known_titles = {TransformKind.NONE: 0.12, TransformKind.CENTRE: 0.31, TransformKind.WHITEN: 0.44}
    assert str(TransformRecord(TransformKind.WHITEN, 256, known_titles=known_titles)) == (
        "whitened to 256 dimensions (known titles found, MRR: none 0.12, centred 0.31, whitened 0.44)"
    )
    assert str(TransformRecord(TransformKind.CENTRE, 384, "as asked for")) == "centred (as asked for)"
    assert str(TransformRecord()) == "none"
