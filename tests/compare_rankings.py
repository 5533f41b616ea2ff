"""Fusions, weights, feedback and regularization on questions of BEIR sets. Not a test: this chose the defaults. Run it as

python tests/compare_rankings.py WORK BEIR_DIR[=QRELS.tsv]...

and on development questions only. WORK keeps the indexes of the sets. Figures are nDCG@10 / recall@100, x 100, of the hybrid
ranking as `pubmed-search` makes it; the last column is the mean of nDCG@10 over the sets.
"""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

from indexer.beir import BeirSet, read_beir
from indexer.evaluate import open_set
from indexer.metrics import Measure, score
from indexer.progress import Silent
from search.encoder import Metric
from search.filters import Filters
from search.fusion import Fusion
from search.ranking import Asked, Ranker, RankingSettings
from search.transformer_encoder import load_encoder
from search.understanding import read_text

DEPTH = 100
DEFAULT = RankingSettings()
FED_BACK = replace(DEFAULT, neighbour_weight=0.0)
PLAIN = replace(FED_BACK, feedback_weight=0.0)
SETTINGS = [
    *(replace(PLAIN, fusion=Fusion.RECIPROCAL_RANK, dense_weight=weight) for weight in (0.4, 0.5)),
    *(replace(PLAIN, dense_weight=weight) for weight in (0.7, 0.8, 0.85)),
    *(replace(FED_BACK, feedback_hits=hits) for hits in (3, 5, 10)),
    *(replace(DEFAULT, neighbours=count, neighbour_weight=weight) for count in (3, 5, 8) for weight in (0.3, 0.5, 0.7)),
]


class Questions:
    """A set's questions as the legs take them, encoded once."""

    def __init__(self, beir_set: BeirSet, work: Path) -> None:
        self.set = beir_set
        encoder = load_encoder("embedded")
        self.files = open_set(beir_set, encoder, work, Silent())._files
        self.asked = {}
        for identity, text in beir_set.questions.items():
            request = read_text(text, Filters(), self.files, None)
            vector = self.files.transformed(encoder.encode_query(request.question_in_full))
            words = self.files.lexical.query(request.question, [one.added for one in request.understanding.abbreviations])
            self.asked[identity] = Asked(vector, words)

    def figures(self, settings: RankingSettings) -> tuple[float, float]:
        """Mean nDCG@10 and recall@100."""
        ranker = Ranker(self.files, Metric.COSINE, settings)
        run = {}
        for identity, asked in self.asked.items():
            pmids = ranker.rank(asked).fused.first(DEPTH).pmids.tolist()
            run[identity] = {self.set.document_id(pmid): float(-place) for place, pmid in enumerate(pmids)}
        scores = score(run, self.set.judgements)
        return 100 * scores.mean(Measure.NDCG_10), 100 * scores.mean(Measure.RECALL_100)


def main() -> None:
    work, *sets = sys.argv[1:]
    folders = [(Path(folder), Path(qrels) if qrels else None) for folder, _, qrels in (one.partition("=") for one in sets)]
    asked = [Questions(read_beir(folder, qrels), Path(work)) for folder, qrels in folders]
    for settings in SETTINGS:
        figures = [questions.figures(settings) for questions in asked]
        row = "  ".join(f"{ndcg:5.2f} / {recall:5.2f}" for ndcg, recall in figures)
        feedback = f"{settings.feedback_hits} hits x {settings.feedback_weight}" if settings.feedback_weight else "no feedback"
        alike = f"{settings.neighbours} alike x {settings.neighbour_weight}" if settings.neighbour_weight else "alone"
        mean = np.mean([ndcg for ndcg, _ in figures])
        sys.stdout.write(f"{settings.fusion:<16} {settings.dense_weight:<5} {feedback:<15} {alike:<13} {row}  {mean:5.2f}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
