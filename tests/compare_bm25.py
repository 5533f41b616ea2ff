"""Our lexical leg beside bm25s, Lucene's formula with its stemmer and stop words. Not a test; run it as

pip install bm25s PyStemmer && python tests/compare_bm25.py WORK BEIR_DIR[=QRELS.tsv]...

Both rank the same texts, title and abstract, with k1 1.2 and b 0.75, which is what tantivy has.
"""

import sys
from pathlib import Path

import bm25s
import msgspec
import Stemmer

from indexer.beir import BeirSet, read_beir
from indexer.evaluate import open_set, rank
from indexer.metrics import Measure, Run, score
from indexer.progress import Silent
from search.results import Mode
from search.transformer_encoder import load_encoder
from search.words import STOP_WORDS

DEPTH = 100


def theirs(beir_set: BeirSet) -> Run:
    documents = [msgspec.json.decode(line) for line in beir_set.corpus.path.read_bytes().splitlines()]
    texts = [f"{one.get('title', '')} {one['text']}" for one in documents]
    settings = {"stopwords": sorted(STOP_WORDS), "stemmer": Stemmer.Stemmer("english"), "show_progress": False}
    retriever = bm25s.BM25(k1=1.2, b=0.75, method="lucene")
    retriever.index(bm25s.tokenize(texts, **settings), show_progress=False)
    asked = bm25s.tokenize(list(beir_set.questions.values()), **settings)
    found, _ = retriever.retrieve(asked, k=min(DEPTH, len(texts)), show_progress=False)
    return {
        question: {documents[row]["_id"]: float(-place) for place, row in enumerate(rows)}
        for question, rows in zip(beir_set.questions, found.tolist(), strict=True)
    }


def main() -> None:
    work, *sets = sys.argv[1:]
    encoder = load_encoder("embedded")
    for folder, _, qrels in (one.partition("=") for one in sets):
        beir_set = read_beir(Path(folder), Path(qrels) if qrels else None)
        with open_set(beir_set, encoder, Path(work), Silent()) as searcher:
            ours = rank(searcher, beir_set.questions, Mode.LEXICAL, document_id=beir_set.document_id, depth=DEPTH).run
        figures = [100 * score(run, beir_set.judgements).mean(Measure.NDCG_10) for run in (ours, theirs(beir_set))]
        sys.stdout.write(f"{beir_set.name:<24} ours {figures[0]:5.1f}  bm25s {figures[1]:5.1f}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
