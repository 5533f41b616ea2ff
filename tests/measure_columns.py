"""What a new filter costs at the size of PubMed. Not a test; run it as ``python tests/measure_columns.py [ARTICLES]``.

The columns are made up: years at random, and terms of half of the articles, a fortieth, ten thousand and a hundred of them.
"""

import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from search.columns import Columns
from search.condition import And, Condition, Term, TermField, Words, Years
from search.postings import _ends, _key, _stored, bitmap_bytes
from search.vectors import Pmids

ARTICLES = 40_000_000
ROUNDS = 5


def main() -> None:
    articles = int(sys.argv[1]) if len(sys.argv) > 1 else ARTICLES
    shares = {"half": articles // 2, "many": articles // 40, "some": 10_000, "rare": 100}
    terms = {name: Term(TermField.MESH, name) for name in shares}
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder), articles, shares)
        columns = Columns.open(Path(folder))
        columns.everything()
        years = Years(2000, 2015)
        show("years 2000 to 2015", columns, years)
        for name, term in terms.items():
            show(f"a heading of {shares[name]:,}", columns, term)
        show("years and the heading of half", columns, And((years, terms["half"])))


def write(folder: Path, articles: int, shares: dict[str, int]) -> None:
    """The files of columns and postings, as `ColumnsWriter` lays them out."""
    generator = np.random.default_rng(0)
    pmids = np.sort(generator.choice(articles * 21 // 20, articles, replace=False)).astype(np.int64) + 1
    np.save(folder / "pmids.npy", pmids)
    np.save(folder / "years.npy", generator.integers(1950, 2026, articles).astype(np.uint16))
    np.save(folder / "flags.npy", np.zeros(articles, np.uint8))
    length = bitmap_bytes(int(pmids[-1]) + 1)
    keys, members = [], []
    for name in sorted(shares):
        drawn = np.sort(generator.choice(pmids, shares[name], replace=False)).astype(np.uint32)
        keys.append(_key(Term(TermField.MESH, name)))
        members.append(_stored(drawn, length).view(np.uint32))
    np.save(folder / "terms.npy", np.frombuffer(b"".join(keys), np.uint8))
    np.save(folder / "term_ends.npy", _ends([len(key) for key in keys]))
    np.save(folder / "members.npy", np.concatenate(members))
    np.save(folder / "member_ends.npy", _ends([len(one) for one in members]))


def show(what: str, columns: Columns, condition: Condition) -> None:
    took = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        kept = columns.select(condition, no_words).count
        took.append(time.perf_counter() - started)
    sys.stdout.write(f"{what:<32} keeps {kept:>12,}  {1000 * float(np.median(took)):8.1f} ms\n")
    sys.stdout.flush()


def no_words(_leaf: Term | Words) -> Pmids:
    raise AssertionError


if __name__ == "__main__":
    main()
