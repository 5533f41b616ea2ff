"""Reading BEIR folders: what is asked, what is left out and counted, and what is refused."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from indexer.beir import LeftOut, read_beir, write_source
from indexer.parsed_file import SourceFile, SourceFormat
from indexer.reading import read_file
from search.errors import SourceError

CORPUS = [
    {"_id": "MED-10", "title": "Statins", "text": "Muscle pain."},
    {"_id": "MED-14", "title": "", "text": "A β-blocker\u2028trial."},
    {"_id": 7, "title": "Newborns", "text": ""},
    {"_id": "MED-9", "title": " ", "text": ""},
]
QUERIES = [
    {"_id": "q1", "text": "pain"},
    {"_id": "q2", "text": "heart"},
    {"_id": "q3", "text": "none"},
    {"_id": "q4", "text": "?"},
]
QRELS = "query-id\tcorpus-id\tscore\nq2\tMED-14\t2\nq2\tMED-99\t1\nq1\tMED-10\t1\nq1\t7\t0\nq3\tMED-10\t0\nq9\tMED-10\t1\n"

MakeSet = Callable[..., Path]


@pytest.fixture
def make_set(tmp_path: Path) -> MakeSet:
    """Writes a BEIR folder, whole but for what is given otherwise; None leaves a file out."""

    def make(**files: str | None) -> Path:
        whole = {
            "corpus.jsonl": "\n".join(map(json.dumps, CORPUS)),
            "queries.jsonl": "\n".join(map(json.dumps, QUERIES)) + "\n\n",
            "qrels.tsv": QRELS,
        }
        renamed = {name.replace("_", "."): text for name, text in files.items()}
        folder = tmp_path / "toyset"
        folder.mkdir(exist_ok=True)
        for name, text in {**whole, **renamed}.items():
            if text is not None:
                (folder / name).write_text(text, encoding="utf-8")
        return folder

    return make


def test_what_is_asked_and_what_is_left_out(make_set: MakeSet) -> None:
    folder = make_set()
    beir_set = read_beir(folder)
    assert beir_set.name == "toyset"
    assert beir_set.document_ids == ("MED-10", "MED-14", "7", "MED-9")
    assert beir_set.document_id(2) == "MED-14"
    assert beir_set.questions == {"q1": "pain", "q2": "heart"}
    assert beir_set.judgements == {"q1": {"MED-10": 1, "7": 0}, "q2": {"MED-14": 2, "MED-99": 1}}
    assert beir_set.left_out == LeftOut(
        unjudged_questions=1,  # q4
        unknown_questions=1,  # q9
        questions_without_relevant=1,  # q3
        unknown_documents=1,  # MED-99
        empty_documents=1,  # MED-9
    )
    assert beir_set.corpus.sha256 == hashlib.sha256((folder / "corpus.jsonl").read_bytes()).hexdigest()


def test_the_source_numbers_documents_by_their_place(make_set: MakeSet, tmp_path: Path) -> None:
    write_source(read_beir(make_set()), tmp_path / "source.jsonl")
    parsed = read_file(SourceFile(tmp_path / "source.jsonl", SourceFormat.JSONL))
    assert [(one.pmid, one.title, one.abstract) for one in parsed.articles] == [
        (1, "Statins", "Muscle pain."),
        (2, "", "A β-blocker trial."),
        (3, "Newborns", ""),
    ]
    assert len(parsed.skipped) == 1


@pytest.mark.parametrize(
    "qrels",
    [
        "q1\tMED-10\t1\n",
        "q1 0 MED-10 1\n",
        "q1\t0\tMED-10\t1\r\n\n",
        "query-id corpus-id score\nq1 MED-10 1\n",
        "q1\tMED-10\t0\nq1\tMED-10\t1",
    ],
)
def test_judgements_with_and_without_header_as_beir_and_trec_write_them(make_set: MakeSet, qrels: str) -> None:
    assert read_beir(make_set(qrels_tsv=qrels)).judgements == {"q1": {"MED-10": 1}}


def test_where_judgements_lie(make_set: MakeSet, tmp_path: Path) -> None:
    folder = make_set(qrels_tsv=None)
    (folder / "qrels").mkdir()
    (folder / "qrels" / "test.tsv").write_text(QRELS)
    assert read_beir(folder).qrels.path == folder / "qrels" / "test.tsv"
    (folder / "qrels.tsv").write_text(QRELS)
    assert read_beir(folder).qrels.path == folder / "qrels.tsv"
    (tmp_path / "other.tsv").write_text("q2\tMED-10\t1\n")
    assert read_beir(folder, tmp_path / "other.tsv").judgements == {"q2": {"MED-10": 1}}


@pytest.mark.parametrize("missing", ["corpus_jsonl", "queries_jsonl", "qrels_tsv"])
def test_a_missing_file(make_set: MakeSet, missing: str) -> None:
    folder = make_set(**{missing: None})
    with pytest.raises(SourceError, match=rf"no file .*{missing.replace('_', '.')}. Expected corpus.jsonl, queries.jsonl and"):
        read_beir(folder)


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        ({"corpus_jsonl": '{"_id": "1", "text": "a"}\n{"_id": "1", "text": "b"}'}, "two documents have the id 1"),
        ({"corpus_jsonl": '{"_id": "1", "text": "a"}\n{"text": "b"}'}, "corpus.jsonl, line 2: expected a JSON object"),
        ({"queries_jsonl": '{"_id": "q1"}'}, "queries.jsonl, line 1: expected a JSON object"),
        ({"queries_jsonl": "pain\n"}, "queries.jsonl, line 1: expected a JSON object"),
        ({"qrels_tsv": "q1\tMED-10\t1\nq1\tMED-14\n"}, "qrels.tsv, line 2: expected a question, a document and a whole number"),
        ({"qrels_tsv": "q1\tMED-10\t1\nq1\tMED-14\t0.5\n"}, "qrels.tsv, line 2: expected"),
        ({"qrels_tsv": "q8\tMED-10\t1\n"}, "No question of .* 4 questions, and judgements of 1"),
        ({"qrels_tsv": "query-id\tcorpus-id\tscore\n"}, "No question of .* judgements of 0"),
    ],
)
def test_what_is_refused(make_set: MakeSet, files: dict[str, str], sentence: str) -> None:
    folder = make_set(**files)
    with pytest.raises(SourceError, match=sentence):
        read_beir(folder)


def test_judgements_that_are_no_text(make_set: MakeSet) -> None:
    folder = make_set()
    (folder / "qrels.tsv").write_bytes(b"\x1f\x8b\xff")
    with pytest.raises(SourceError, match=r"qrels\.tsv cannot be read"):
        read_beir(folder)
