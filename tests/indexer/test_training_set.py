"""Pairs on disk: every article on one side, drawn in the proportions that are wanted."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.leak_filter import LeakFilter
from indexer.training_pair import PairKind, QueryShape, TrainingPair
from indexer.training_set import PairCounts, Side, TrainingSet, quotas

NOTHING = LeakFilter.of([])


def pair(pmid: int, kind: PairKind = PairKind.TITLE, query: str = "q") -> TrainingPair:
    return TrainingPair(kind, QueryShape.TITLE, query, f"document {pmid}", pmid, str(pmid))


def collected(pairs: TrainingSet, count: int = 400, kind: PairKind = PairKind.TITLE) -> PairCounts:
    (counts,) = pairs.collect(kind, (pair(pmid, kind) for pmid in range(1, count + 1)), NOTHING, lambda _done: None)
    return counts


def drawn(pairs: TrainingSet, side: Side, wanted: int = 10_000, kind: PairKind = PairKind.TITLE) -> list[int]:
    return [one.pmid for one in pairs.draw(side, kind, wanted)]


def test_an_article_is_on_one_side_with_all_its_pairs(tmp_path: Path) -> None:
    pairs = TrainingSet(tmp_path / "pairs", held_out_share=0.4)
    for kind in (PairKind.TITLE, PairKind.SENTENCE):
        counts = collected(pairs, kind=kind)
        assert counts.train + counts.held_out == 400
        assert 100 < counts.held_out < 220
    sides = {side: set(drawn(pairs, side)) for side in Side}
    assert sum(map(len, sides.values())) == len(set.union(*sides.values())) == 400
    assert sides == {side: set(drawn(pairs, side, kind=PairKind.SENTENCE)) for side in Side}


def test_training_sees_nothing_that_is_held_out(tmp_path: Path) -> None:
    pairs = TrainingSet(tmp_path, held_out_share=0.5)
    asking = [
        TrainingPair(PairKind.LINK, QueryShape.TITLE, "q", "d", pmid, str(by)) for pmid in range(1, 30) for by in range(30, 60)
    ]
    (counts,) = pairs.collect("links", asking, NOTHING, lambda _done: None)
    assert counts.train + counts.held_out + counts.dropped == len(asking)
    assert min(counts.train, counts.held_out, counts.dropped) > 0
    seen = {side: list(pairs.draw(side, PairKind.LINK, 10_000)) for side in Side}
    held_out = {one.asked_by for side in (Side.CHOOSE, Side.GATE) for one in seen[side]}
    assert held_out.isdisjoint(one.asked_by for one in seen[Side.TRAIN])
    assert held_out.isdisjoint(str(one.pmid) for one in seen[Side.TRAIN])
    assert all(pairs.is_for_training(one.pmid) for one in seen[Side.TRAIN])
    assert {pmid for pmid in range(1, 30) if not pairs.is_for_training(pmid)}.isdisjoint(one.pmid for one in seen[Side.TRAIN])


def test_what_is_protected_is_left_out(tmp_path: Path) -> None:
    protected = "sucrose lowered pain scores of preterm newborns"
    pairs = [pair(1, query=protected), pair(2), TrainingPair(PairKind.TITLE, QueryShape.TITLE, "q", protected, 3, "3")]
    counts = TrainingSet(tmp_path, held_out_share=0.0).collect("some", pairs, LeakFilter.of([protected]), lambda _done: None)
    assert counts == [PairCounts(PairKind.TITLE, train=1, held_out=0, leaking=2, dropped=0)]


def test_what_was_collected_is_not_collected_again(tmp_path: Path) -> None:
    def nothing() -> Iterator[TrainingPair]:
        raise AssertionError("asked again")
        yield

    pairs = TrainingSet(tmp_path)
    counts = collected(pairs)
    assert pairs.collect(PairKind.TITLE, nothing(), NOTHING, lambda _done: None) == [counts]


def test_a_collection_that_was_broken_off_is_begun_again(tmp_path: Path) -> None:
    def broken() -> Iterator[TrainingPair]:
        yield pair(1)
        raise KeyboardInterrupt

    pairs = TrainingSet(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        pairs.collect(PairKind.TITLE, broken(), NOTHING, lambda _done: None)
    assert collected(pairs, 7).train + collected(pairs, 7).held_out == 7


def test_drawing_repeats_nothing_and_is_the_same_every_time(tmp_path: Path) -> None:
    pairs = TrainingSet(tmp_path, held_out_share=0.0)
    collected(pairs)
    some = drawn(pairs, Side.TRAIN, 50)
    assert len(set(some)) == len(some) == 50
    assert some == drawn(pairs, Side.TRAIN, 50)
    assert some != drawn(TrainingSet(tmp_path, 0.0, seed=1), Side.TRAIN, 50)


def test_the_same_articles_are_drawn_of_every_kind(tmp_path: Path) -> None:
    pairs = TrainingSet(tmp_path / "pairs", held_out_share=0.0)
    for kind in (PairKind.TITLE, PairKind.SENTENCE):
        collected(pairs, kind=kind)
    few, some = (drawn(pairs, Side.TRAIN, wanted, kind) for wanted, kind in ((50, PairKind.TITLE), (80, PairKind.SENTENCE)))
    assert set(few) < set(some)


def counts_of(**train: int) -> list[PairCounts]:
    return [PairCounts(PairKind(kind), count, 0, 0) for kind, count in train.items()]


def test_quotas_keep_the_proportions() -> None:
    mix = {PairKind.TITLE: 1.0, PairKind.SENTENCE: 3.0}
    assert quotas(counts_of(title=1000, sentence=1000), mix, 400) == {PairKind.TITLE: 100, PairKind.SENTENCE: 300}


def test_what_a_kind_lacks_the_others_give() -> None:
    mix = {PairKind.TITLE: 1.0, PairKind.SENTENCE: 1.0, PairKind.CITATION: 2.0}
    found = quotas(counts_of(title=10, sentence=1000, citation=1000, link=1000), mix, 400)
    assert found == {PairKind.TITLE: 10, PairKind.SENTENCE: 130, PairKind.CITATION: 260}


@given(
    st.dictionaries(st.sampled_from(list(PairKind)), st.integers(0, 1000)),
    st.dictionaries(st.sampled_from(list(PairKind)), st.floats(0.1, 10)),
    st.integers(1, 3000),
)
def test_quotas_never_exceed_what_there_is(available: dict[PairKind, int], mix: dict[PairKind, float], total: int) -> None:
    found = quotas([PairCounts(kind, count, 0, 0) for kind, count in available.items()], mix, total)
    assert all(0 <= count <= available[kind] for kind, count in found.items())
    usable = sum(count for kind, count in available.items() if kind in mix)
    assert abs(sum(found.values()) - min(total, usable)) <= len(PairKind)
