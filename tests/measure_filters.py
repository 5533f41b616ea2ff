"""Recall of filtered searches: ``python tests/measure_filters.py INDEX QUESTIONS [COUNT]``.

How many of the ten nearest articles, found by comparing the question with every vector, are among the first ten of the dense
leg: without a filter, and for filters that keep half, 5 %, 0.5 % and 60 of the articles. Kept ones are drawn by chance, and
once they are a run of neighbouring PMIDs, as a range of years is.
"""

import sys
from pathlib import Path

import numpy as np

from search import Searcher
from search.columns import Selection
from search.live_candidates import LiveCandidates
from search.questions import read_questions
from search.ranking import DEPTH
from search.vectors import Pmids

HITS = 10


def main() -> None:
    index, questions, *count = sys.argv[1:]
    with Searcher.open(index) as searcher:
        encoder, files = searcher.load_encoder(), searcher._files
        asked = [question.text for question in read_questions(Path(questions))][: int(count[0]) if count else 200]
        queries = np.stack([files.transformed(encoder.encode_query(question)) for question in asked])
        pmids = files.columns.pmids
        scores = np.concatenate([files.vectors.get(pmids[at : at + 50_000]) @ queries.T for at in range(0, len(pmids), 50_000)])
        sys.stdout.write(f"{len(pmids):,} articles, {len(asked)} questions, recall@{HITS} against every vector\n")
        for kept in (len(pmids), len(pmids) // 2, len(pmids) // 20, len(pmids) // 200, 60):
            drawn = np.sort(np.random.default_rng(0).choice(len(pmids), kept, replace=False))
            run = np.arange(len(pmids) - kept, len(pmids))
            figures = [recall(files.candidates, queries, pmids[rows], scores[rows]) for rows in (drawn, run)]
            sys.stdout.write(f"kept {kept:>9,}  by chance {figures[0]:.4f}  neighbours {figures[1]:.4f}\n")
            sys.stdout.flush()


def recall(candidates: LiveCandidates, queries: np.ndarray, kept: Pmids, scores: np.ndarray) -> float:
    """The mean share of the true ten of `kept` (n,), scored (n, questions), that a filtered search finds."""
    members = np.zeros(64 * (int(kept[-1]) // 64 + 1), np.bool_)
    members[kept] = True
    selection = Selection.of(np.packbits(members, bitorder="little"))
    shares = []
    for place, query in enumerate(queries):
        best = kept[np.argsort(-scores[:, place], kind="stable")[:HITS]]
        found = candidates.search(query, DEPTH, selection).first(HITS).pmids
        shares.append(len(np.intersect1d(best, found)) / len(best))
    return float(np.mean(shares))


if __name__ == "__main__":
    main()
