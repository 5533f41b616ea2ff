"""Writes the golden vectors of the encoder that ships, to be run when, and only when, another encoder is shipped.

python tests/golden_vectors.py
"""

import json
from pathlib import Path

from search.article import AbstractSection, Article
from search.encoder import NumericPath
from search.transformer_encoder import load_encoder

QUESTIONS = (
    "heart attack",
    "does vitamin D prevent falls in old people?",
    "TGF-β1 at 5 µg/ml induces epithelial-mesenchymal transition in A549 cells",
)
DOCUMENTS = (
    ("Sugar for newborns", "Sucrose eases the pain of a heel lance. " * 3),
    ("A title alone", ""),
    ("Longer than it reads", "Patients with sepsis were randomised to early or late antibiotics. " * 60),
)


def main() -> None:
    """Write tests/fixtures/golden_vectors.json."""
    encoder = load_encoder("embedded", NumericPath.FP32)
    articles = [Article(number, title, (AbstractSection(abstract),)) for number, (title, abstract) in enumerate(DOCUMENTS, 1)]
    vectors = encoder.encode_documents(articles)
    golden = {
        "questions": [{"text": text, "vector": rounded(encoder.encode_query(text))} for text in QUESTIONS],
        "documents": [
            {"title": title, "abstract": abstract, "vector": rounded(vector)}
            for (title, abstract), vector in zip(DOCUMENTS, vectors, strict=True)
        ],
    }
    Path(__file__).parent.joinpath("fixtures", "golden_vectors.json").write_text(json.dumps(golden) + "\n")


def rounded(vector: "object") -> list[float]:
    return [round(float(number), 6) for number in vector]  # type: ignore[attr-defined]


if __name__ == "__main__":
    main()
