"""Development questions out of citing sentences. Not a test; run it as

python tests/make_citing_set.py ARTICLES.jsonl.gz CITATION_CONTEXTS.jsonl.gz OUT

OUT becomes a BEIR folder: the articles that have a PMID, 500 sentences that cite one of them, and what each of them cites.
"""

import gzip
import json
import random
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

QUESTIONS = 500
SHORTEST, LONGEST = 30, 300


def main() -> None:
    articles, contexts, out = map(Path, sys.argv[1:])
    corpus = {
        str(row["pmid"]): {"_id": str(row["pmid"]), "title": row["title"] or "", "text": row["abstract"] or ""}
        for row in rows(articles)
        if row["pmid"]
    }
    citing: dict[str, list[str]] = {}
    for row in rows(contexts):
        sentence = " ".join(row["sentence"].split())
        cited = sorted({str(one["pmid"]) for one in row["cited"]} & corpus.keys(), key=int)
        if cited and SHORTEST <= len(sentence) <= LONGEST:
            citing.setdefault(sentence, cited)
    drawn = random.Random(0).sample(list(citing.items()), QUESTIONS)
    out.mkdir(parents=True, exist_ok=True)
    write(out / "corpus.jsonl", corpus.values())
    write(out / "queries.jsonl", ({"_id": f"c{place}", "text": text} for place, (text, _) in enumerate(drawn)))
    judged = [f"c{place}\t{pmid}\t1" for place, (_, cited) in enumerate(drawn) for pmid in cited]
    (out / "qrels.tsv").write_text("\n".join(["query-id\tcorpus-id\tscore", *judged, ""]))


def rows(path: Path) -> Iterator[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as stream:
        yield from map(json.loads, stream)


def write(path: Path, documents: Any) -> None:
    path.write_text("".join(json.dumps(one, ensure_ascii=False) + "\n" for one in documents), encoding="utf-8")


if __name__ == "__main__":
    main()
