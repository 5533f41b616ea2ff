"""Our encoder beside sentence-transformers: the same texts and weights, in turn. Not a test; run it as

python tests/compare_encoders.py RECORDS.jsonl.gz
"""

import sys
import time
from itertools import islice
from pathlib import Path
from statistics import median

import numpy as np
from sentence_transformers import SentenceTransformer

from indexer.reading import read_parts
from indexer.sources import find_sources
from search.encoder import embedded_text
from search.shipped import embedded_encoder_folder
from search.transformer_encoder import load_encoder

ARTICLES, ROUNDS = 256, 4


def main(path: Path) -> None:
    (source,) = find_sources([path]).files
    articles = list(islice((article for part in read_parts(source) for article in part.articles), ARTICLES))
    texts = [" ".join(filter(None, embedded_text(article))) for article in articles]
    ours, theirs = load_encoder("embedded"), SentenceTransformer(str(embedded_encoder_folder()))
    ratios = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        our_vectors = ours.encode_documents(articles)
        between = time.perf_counter()
        their_vectors = theirs.encode(texts, show_progress_bar=False)
        ended = time.perf_counter()
        ratios.append((ended - between) / (between - started))
        speeds = f"{len(texts) / (between - started):.1f} and {len(texts) / (ended - between):.1f} texts a second"
        sys.stdout.write(f"{speeds}; largest difference {np.abs(our_vectors - their_vectors).max():.1e}\n")
    sys.stdout.write(f"median ratio {median(ratios):.2f}\n")


main(Path(sys.argv[1]))
