"""The encoder of an index's questions: loaded once, when it is needed, and only if it is the one that built the index."""

import threading
import time
from dataclasses import replace

import pytest
from toy import ToyEncoder

from search.encoder import Encoder, Pooling
from search.errors import EncoderMismatch, EncoderUnavailable
from search.query_encoder import QueryEncoder

BUILT_WITH = ToyEncoder().identity


def test_it_is_loaded_by_its_name_or_the_one_given() -> None:
    asked: list[str] = []

    def load(name: str) -> Encoder:
        asked.append(name)
        return ToyEncoder()

    assert QueryEncoder(None, BUILT_WITH, load).get().identity == BUILT_WITH
    assert QueryEncoder("/a/folder", BUILT_WITH, load).get().identity == BUILT_WITH
    assert asked == ["toy", "/a/folder"]


def test_it_is_loaded_once_by_many_threads() -> None:
    loaded: list[Encoder] = []

    def load(_name: str) -> Encoder:
        time.sleep(0.02)
        loaded.append(ToyEncoder())
        return loaded[-1]

    encoder = QueryEncoder(None, BUILT_WITH, load)
    assert loaded == []
    threads = [threading.Thread(target=encoder.get) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(loaded) == 1
    assert encoder.get() is loaded[0]


def test_a_name_of_its_own_is_no_other_encoder() -> None:
    renamed = ToyEncoder()
    renamed.identity = replace(BUILT_WITH, name="renamed")
    assert QueryEncoder(None, BUILT_WITH, lambda _name: renamed).get() is renamed


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"content_hash": "abc"}, "content hash"),
        ({"dimension": 9}, r"dimension 8\); found toy \(9\)"),
        ({"pooling": Pooling.CLS}, "pooling"),
        ({"max_length": 99}, r"max length 12\); found toy \(99\)"),
        ({"query_prompt": "query: "}, "query prompt"),
    ],
)
def test_another_encoder_is_refused(changed: dict[str, object], said: str) -> None:
    other = ToyEncoder()
    other.identity = replace(BUILT_WITH, **changed)  # type: ignore[arg-type]
    encoder = QueryEncoder(None, BUILT_WITH, lambda _name: other)
    for _ in range(2):
        with pytest.raises(EncoderMismatch, match=rf"built with another encoder: .*{said}.*or build the index again"):
            encoder.get()


def test_an_encoder_that_has_gone_may_come_back() -> None:
    found = [ToyEncoder()]

    def load(name: str) -> Encoder:
        if len(found) == 1:
            found.append(ToyEncoder())
            raise EncoderUnavailable(f"There is no encoder folder {name}.")
        return found[0]

    encoder = QueryEncoder(None, BUILT_WITH, load)
    with pytest.raises(
        EncoderUnavailable, match=r"built with the encoder 'toy'\. There is no encoder folder toy\. .*--encoder\."
    ):
        encoder.get()
    assert encoder.get() is found[0]
