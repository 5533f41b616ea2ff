"""The ways to ask ``pubmed-search``, and the forms of its answers, with an encoder whose vectors count words by length."""

import csv
import io
import json
import re
import sys
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from running import Done, Run, in_process
from toy import ToyEncoder, load_toy

from indexer.build import Build
from indexer.progress import Silent
from indexer.sources import find_sources
from search.article import Article
from search.cli import Loaders, main
from search.encoder import Vectors
from search.export import Format
from search.index_folder import IndexFolder

ASTHMA, COUGH, CAFE, OLD, RETRACTED = 20000021, 20000022, 20000023, 20000024, 20000025
RECORDS = [
    {
        "pmid": ASTHMA,
        "title": "Steroids in children",
        "abstract": "We treated them all. Asthma got better in most.",
        "year": 2019,
        "journal": "N Engl J Med",
        "authors": ["Smith JA"],
        "mesh": ["*Asthma/drug therapy"],
        "publication_types": ["Review"],
        "languages": ["eng"],
    },
    {
        "pmid": COUGH,
        "title": "Cough and asthma",
        "abstract": "A cough is common.",
        "year": 2021,
        "journal": "Thorax",
        "authors": ["Jones B"],
        "mesh": ["Cough"],
        "publication_types": ["Randomized Controlled Trial"],
        "languages": ["fre"],
    },
    {"pmid": CAFE, "title": "Café, β and [bold]asthma[/bold]", "year": 2010},
    {"pmid": OLD, "title": "Of mice", "abstract": "Mice ran.", "year": 1980},
    {"pmid": RETRACTED, "title": "Asthma, no more", "year": 2012, "publication_types": ["Retracted Publication"]},
]
MESH_TREE = "Asthma;C08.127.108\nRespiration Disorders;C08\nCough;C08.200\n"


class CountingToyEncoder(ToyEncoder):
    """Counts the texts that it encoded as documents, as the sentences that explain a hit are."""

    encoded_documents = 0

    def encode_documents(self, articles: Sequence[Article]) -> Vectors:
        self.encoded_documents += len(articles)
        return super().encode_documents(articles)


class LongestTitleFirst:
    """A cross-encoder that looks at two hits."""

    depth = 2

    def scores(self, query: str, articles: Sequence[Article]) -> npt.NDArray[np.float32]:
        return np.array([len(article.title) for article in articles], np.float32)


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("formats")
    source = folder / "made-up.jsonl"
    source.write_text("\n".join(map(json.dumps, RECORDS)), encoding="utf-8")
    Build(IndexFolder(folder / "index"), ToyEncoder(), Silent()).run(find_sources([source]))
    return folder / "index"


@pytest.fixture
def ask(index: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    monkeypatch.setenv("COLUMNS", "110")
    loaders = Loaders(encoder=load_toy, reranker=lambda _name: LongestTitleFirst())
    with in_process(partial(main, loaders=loaders), capsys) as run:
        yield lambda *arguments: run(*arguments, "--index", index)


def pmids(ask: Run, *arguments: object) -> list[int]:
    done = ask(*arguments, "--format", "pmids")
    assert (done.code, done.err) == (0, "")
    return [int(line) for line in done.out.splitlines()]


# --- Ways to rank ---------------------------------------------------------------------------------------------------


def test_hybrid_is_the_default(ask: Run) -> None:
    document = ask("asthma", "--json").document
    assert document["mode"] == "hybrid"
    assert {hit["pmid"] for hit in document["results"]} == {ASTHMA, COUGH, CAFE, OLD}
    assert {hit["pmid"] for hit in document["results"] if hit["why"]["lexical_rank"]} == {ASTHMA, COUGH, CAFE}
    assert all(hit["why"]["dense_rank"] for hit in document["results"])


@pytest.mark.parametrize(("mode", "found"), [("lexical", {ASTHMA, COUGH, CAFE}), ("dense", {ASTHMA, COUGH, CAFE, OLD})])
def test_one_leg_alone(ask: Run, mode: str, found: set[int]) -> None:
    assert set(pmids(ask, "asthma", "--mode", mode)) == found


def test_the_newest_first(ask: Run) -> None:
    assert pmids(ask, "asthma", "--sort", "date") == [COUGH, ASTHMA, CAFE, OLD]


def test_a_cross_encoder_orders_the_first_hits(ask: Run) -> None:
    before = pmids(ask, "asthma")
    hits = ask("asthma", "--rerank", "anything", "--json").document["results"]
    assert [hit["why"]["rerank_score"] for hit in hits][2:] == [None, None]
    assert [hit["pmid"] for hit in hits] == [*sorted(before[:2], key=lambda pmid: -len(title_of(pmid))), *before[2:]]
    assert "re-ranked (" in ask("asthma", "--rerank", "anything").out


def title_of(pmid: int) -> str:
    return next(str(record["title"]) for record in RECORDS if record["pmid"] == pmid)


def test_the_first_three_are_explained_and_all_on_request(ask: Run) -> None:
    def explained(*more: str) -> list[bool]:
        return [hit["why"]["nearest"] is not None for hit in ask("asthma", "--json", *more).document["results"]]

    assert explained() == [True, True, True, False]
    assert explained("--explain") == [True, True, True, True]
    assert explained("--mode", "lexical") == [False, False, False]


# --- Filters --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        (["--journal", "Thorax"], {COUGH}),
        (["--journal", "Thorax", "--journal", "n engl j med"], {COUGH, ASTHMA}),
        (["--mesh", "Asthma"], {ASTHMA}),
        (["--mesh", "Asthma/drug therapy"], {ASTHMA}),
        (["--type", "Review", "--type", "Randomized Controlled Trial"], {ASTHMA, COUGH}),
        (["--author", "smi*"], {ASTHMA}),
        (["--language", "French"], {COUGH}),
        (["--year", "2019:", "--journal", "Thorax"], {COUGH}),
        (["--year=0:99999999999999999999"], {ASTHMA, COUGH, CAFE, OLD}),
        (["--has-abstract"], {ASTHMA, COUGH, OLD}),
        (["--include-retracted", "--year", "2012"], {RETRACTED}),
        (["--journal", "No Such Journal"], set()),
        (["--unlike", OLD, COUGH], {ASTHMA, CAFE}),
    ],
)
def test_filters(ask: Run, arguments: list[object], found: set[int]) -> None:
    assert set(pmids(ask, "asthma", *arguments)) == found


def test_a_filter_that_leaves_nothing_says_so(ask: Run) -> None:
    out = ask("asthma", "--journal", "No Such Journal").out
    assert out.startswith("None of 5 articles is left by the filters (--journal 'No Such Journal'). Leave one out")
    words = ask("xylophone", "--mode", "lexical").out
    assert words.startswith("No article has any of these words. Try other words, or --mode hybrid")


def test_mesh_finds_narrower_headings_with_the_tree(ask: Run, tmp_path: Path) -> None:
    (tmp_path / "mtrees.bin").write_text(MESH_TREE, encoding="utf-8")
    assert set(pmids(ask, "Respiration Disorders[mh]", "--mesh-tree", tmp_path / "mtrees.bin")) == {ASTHMA, COUGH}
    assert pmids(ask, "Respiration Disorders[mh]") == []


# --- How it was understood ------------------------------------------------------------------------------------------


def test_syntax_is_said_above_the_table(ask: Run) -> None:
    said = ask("2019:2024[dp] AND asthma[tiab] children").out.splitlines()
    assert said[:2] == ["filter: 2019:2024[dp] AND asthma[tiab]", "ranked by: children"]
    alone = ask("2019:2024[dp]").out.splitlines()
    assert alone[:2] == ["filter: 2019:2024[dp]", "ranked by: nothing, the newest records first"]
    assert ask("asthma").out.splitlines()[0].split() == ["article", "year", "PMID", "score"]


def test_a_pmid_is_looked_up(ask: Run) -> None:
    out = ask(RETRACTED).out
    assert out.startswith(f"filter: {RETRACTED}[pmid]\n")
    assert re.search(rf"^1 +Asthma, no more \[retracted\] \[title only\] +2012 +{RETRACTED} *$", out, re.MULTILINE)


def test_a_misspelt_word_is_said(ask: Run) -> None:
    assert 'Nothing has "asthmma": did you mean "asthma"?' in ask("asthmma").out


def test_hits_say_their_sentence_and_their_reasons(ask: Run) -> None:
    out = ask("asthma", "--mode", "lexical").out
    assert re.search(r"^ +Asthma got better in most\. *$", out, re.MULTILINE)
    assert re.search(r"^ +words \d.. *$", out, re.MULTILINE)
    assert out.count("Cough and asthma") == 1  # a title that holds the words is not its own sentence
    assert "[bold]asthma[/bold]" in out
    assert re.search(r"^ +meaning \d(st|nd|rd|th) \(\d\.\d\d\), not by words *$", ask("asthma").out, re.MULTILINE)


def test_matched_words_are_underlined(ask: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    out = ask("asthma", "--mode", "lexical").out
    assert "\x1b[1;4mAsthma\x1b[0m got better in most." in out
    assert "\x1b[1mCough and \x1b[0m\x1b[1;4masthma\x1b[0m" in out


# --- Articles like others -------------------------------------------------------------------------------------------


def test_like_a_pasted_text(ask: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "own.txt").write_text("\ufeffOf mice mice ran\n", encoding="utf-8")
    from_file = pmids(ask, "--like-text", tmp_path / "own.txt")
    assert from_file[0] == OLD
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"Of mice mice ran"), encoding="ascii"))
    assert pmids(ask, "--like-text", "-") == from_file
    assert OLD not in pmids(ask, "--like-text", tmp_path / "own.txt", "--like", OLD)


def test_standard_input_that_is_closed_or_no_text(ask: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    assert ask("--like-text", "-").err == "--like-text - holds no text. Expected an abstract, or a few sentences.\n"
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"caf\xe9")))
    done = ask("--like-text", "-")
    assert (done.code, done.out) == (1, "")
    assert "Expected a file of text in UTF-8" in done.err


def test_like_is_explained_on_request_alone(ask: Run) -> None:
    def nearest(*more: str) -> list[bool]:
        hits = ask("--like", COUGH, "-k", 2, "--json", *more).document["results"]
        return [hit["why"]["nearest"] is not None for hit in hits]

    assert nearest() == [False, False]
    assert True in nearest("--explain")


def test_formats_without_reasons_ask_for_none(index: Path, capsys: pytest.CaptureFixture[str]) -> None:
    encoder = CountingToyEncoder()
    with in_process(partial(main, loaders=Loaders(encoder=lambda _name: encoder)), capsys) as run:
        for form in Format:
            assert run("asthma", "--explain", "--format", form, "--index", index).code == 0
            assert run("--like", COUGH, "--explain", "--format", form, "--index", index).code == 0
        assert encoder.encoded_documents == 0
        assert run("asthma", "--explain", "--json", "--index", index).code == 0
        assert encoder.encoded_documents > 0


# --- Many questions -------------------------------------------------------------------------------------------------


@pytest.fixture(params=["lines.txt", "queries.jsonl"])
def questions(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    asked = ["asthma", "mice [bold]ran"]
    rows = asked if request.param == "lines.txt" else [json.dumps({"_id": "q", "text": text}) for text in asked]
    path = tmp_path / request.param
    path.write_text("\n".join([*rows, "", ""]), encoding="utf-8")
    return path


def test_many_questions_as_one_document(ask: Run, questions: Path) -> None:
    done = ask("--queries", questions, "--json", "-k", 1)
    documents = json.loads(done.out)
    assert [document["query"] for document in documents] == ["asthma", "mice [bold]ran"]
    alone = ask("mice [bold]ran", "--json", "-k", 1).document
    assert documents[1]["results"] == alone["results"]


def test_many_questions_as_tables(ask: Run, questions: Path) -> None:
    out = ask("--queries", questions, "-k", 1).out
    assert [line for line in out.splitlines() if re.match(r"\d+\. ", line)] == ["1. asthma", "2. mice [bold]ran"]
    assert out.count("1 of 5 articles") == 2
    assert out.count("PubMed may have newer records") == 1


def test_an_article_found_twice_is_exported_once_but_twice_in_csv(ask: Run, questions: Path) -> None:
    assert sorted(pmids(ask, "--queries", questions)) == [ASTHMA, COUGH, CAFE, OLD]
    assert ask("--queries", questions, "--format", "ris").out.count("TY  - ") == 4
    rows = list(csv.DictReader(io.StringIO(ask("--queries", questions, "--format", "csv").out)))
    assert [row["rank"] for row in rows] == ["1", "2", "3", "4"] * 2
    assert [row["question"] for row in rows] == ["asthma"] * 4 + ["mice [bold]ran"] * 4


def test_identities_of_questions_are_kept(ask: Run, tmp_path: Path) -> None:
    lines = [{"_id": "PLAIN-2", "text": "asthma"}, {"text": "=mice"}, {"_id": "PLAIN-9", "text": ""}]
    (tmp_path / "queries.jsonl").write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    rows = list(csv.DictReader(io.StringIO(ask("--queries", tmp_path / "queries.jsonl", "--format", "csv", "-k", 1).out)))
    assert list(rows[0])[:3] == ["question", "question_id", "rank"]
    assert [(row["question"], row["question_id"]) for row in rows] == [("asthma", "PLAIN-2"), ("'=mice", "")]
    documents = json.loads(ask("--queries", tmp_path / "queries.jsonl", "--json", "-k", 1).out)
    assert [document.get("id") for document in documents] == ["PLAIN-2", None, "PLAIN-9"]
    refused = "The question is empty: type a few words, for example `statins and muscle pain`."
    assert documents[2] == {"id": "PLAIN-9", "query": "", "error": refused}


def test_one_question_has_no_column_of_its_own(ask: Run) -> None:
    assert ask("asthma", "--format", "csv").out.startswith("rank,pmid,")


@pytest.fixture
def some_faulty(tmp_path: Path) -> Path:
    path = tmp_path / "q.txt"
    path.write_text("asthma AND (cough\nasthma\nmice OR (ran\nmice\n", encoding="utf-8")
    return path


COLUMN = "Column 12: expected a closing parenthesis"


def refusals_of(done: Done, path: Path) -> list[str]:
    """The refusals that a run lists, after which it fails with their number."""
    assert done.code == 1
    *refusals, last = done.err.splitlines()
    assert last == f"2 of 4 questions of {path} were refused: the lines above say why."
    assert [line.partition(": ")[0] for line in refusals] == [f"Question 1 of {path}", f"Question 3 of {path}"]
    return [line.partition(": ")[2] for line in refusals]


def test_faulty_questions_stand_in_their_places_in_json(ask: Run, some_faulty: Path) -> None:
    done = ask("--queries", some_faulty, "--json", "-k", 1)
    refusals, documents = refusals_of(done, some_faulty), json.loads(done.out)
    assert refusals[0].startswith(COLUMN)
    assert [document["query"] for document in documents] == ["asthma AND (cough", "asthma", "mice OR (ran", "mice"]
    assert documents[::2] == [
        {"query": "asthma AND (cough", "error": refusals[0]},
        {"query": "mice OR (ran", "error": refusals[1]},
    ]
    assert [len(document["results"]) for document in documents[1::2]] == [1, 1]


def test_faulty_questions_are_said_under_their_headings(ask: Run, some_faulty: Path) -> None:
    done = ask("--queries", some_faulty, "-k", 1)
    lines = done.out.splitlines()
    assert refusals_of(done, some_faulty)[0].startswith(COLUMN)
    assert [line for line in lines if re.match(r"\d\. ", line)] == [
        "1. asthma AND (cough",
        "2. asthma",
        "3. mice OR (ran",
        "4. mice",
    ]
    assert lines[2].startswith(COLUMN)
    assert done.out.count("1 of 5 articles") == 2


@pytest.mark.parametrize("form", list(Format))
def test_faulty_questions_leave_the_others_in_a_file(ask: Run, some_faulty: Path, tmp_path: Path, form: Format) -> None:
    done = ask("--queries", some_faulty, "--format", form)
    refusals_of(done, some_faulty)
    (tmp_path / "good.txt").write_text("asthma\nmice\n", encoding="utf-8")
    assert done.out == ask("--queries", tmp_path / "good.txt", "--format", form).out != ""


def test_a_refusal_is_one_line_whatever_was_asked(ask: Run, tmp_path: Path) -> None:
    path = tmp_path / "q.jsonl"
    path.write_text(json.dumps({"text": "\nasthma AND\n\x1b[31m(cough"}), encoding="utf-8")
    done = ask("--queries", path, "--json")
    assert (done.code, done.err.count("\n"), "\x1b" in done.err) == (1, 2, False)
    assert [set(document) for document in json.loads(done.out)] == [{"query", "error"}]


def test_what_no_question_can_help_ends_the_run(index: Path, questions: Path, capsys: pytest.CaptureFixture[str]) -> None:
    loaders = Loaders(encoder=lambda _name: ToyEncoder("another"))
    with in_process(partial(main, loaders=loaders), capsys) as run:
        done = run("--queries", questions, "--json", "--index", index)
    assert (done.code, done.out, done.err.count("\n")) == (1, "", 1)
    assert done.err.startswith("The index was built with another encoder: toy")


class Teletype(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("form", ["json", "ris"])
def test_a_bar_leaves_the_answers_where_they_belong(
    ask: Run, some_faulty: Path, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    quiet = ask("--queries", some_faulty, "--format", form, "-k", 1).out
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setattr(sys, "stderr", terminal := Teletype())
    shown = ask("--queries", some_faulty, "--format", form, "-k", 1).out
    took = re.compile(r'"took_ms": [\d.]+')
    assert took.sub("", shown) == took.sub("", quiet) != ""
    assert "Asking" in terminal.getvalue()
    assert "Column 12" in terminal.getvalue()


# --- Files ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("form", "first", "line_end"),
    [
        ("csv", "rank,pmid,score,title", "\r\n"),
        ("ris", "TY  - JOUR", "\r\n"),
        ("nbib", "PMID- ", None),
        ("bibtex", "% PubMed as of ", "\n"),
        ("pmids", "2000002", "\n"),
    ],
)
def test_a_format_is_all_that_is_printed(ask: Run, form: str, first: str, line_end: str | None) -> None:
    done = ask("asthma", "--format", form)
    assert (done.code, done.err) == (0, "")
    assert done.out.lstrip().startswith(first)
    assert "articles ·" not in done.out
    assert line_end is None or done.out.endswith(line_end)
    assert line_end != "\r\n" or done.out.count("\n") == done.out.count("\r\n")


def test_csv_of_nothing_is_its_header(ask: Run) -> None:
    assert ask("asthma", "--year", "1700", "--format", "csv").out.startswith("rank,pmid,score,title")
    assert ask("asthma", "--year", "1700", "--format", "ris").out == ""


def test_files_are_utf_8_whatever_the_terminal_has(ask: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    written = io.BytesIO()
    with monkeypatch.context() as patched:
        patched.setattr(sys, "stdout", io.TextIOWrapper(written, encoding="ascii", newline="\r\n"))
        done = ask("café", "--mode", "lexical", "--format", "ris")
        assert done.code == 0, done.err
        assert "TI  - Café, β and [bold]asthma[/bold]\r\n".encode() in written.getvalue()
        assert b"\r\r\n" not in written.getvalue()


def test_json_is_a_format(ask: Run) -> None:
    documents = [ask("asthma", *form).document for form in (["--json"], ["--format", "json"], ["--json", "--format", "json"])]
    assert documents[0]["results"] == documents[1]["results"] == documents[2]["results"]


# --- Odd questions --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["hybrid", "lexical", "dense"])
@pytest.mark.parametrize("question", ["asthma " * 14_000, "(" * 100_000, "-asthma in children", "\x1b[31mred", "[asthma", '"'])
def test_odd_questions_are_answered(ask: Run, question: str, mode: str) -> None:
    done = ask(question, "--mode", mode)
    assert done.code == 0 or (done.code == 1 and done.err.count("\n") == 1)
    assert "Traceback" not in done.err
    assert "\x1b[31m" not in done.out


def test_a_question_that_begins_with_a_dash(ask: Run) -> None:
    assert ask("-asthma in children", "--json").document["query"] == "-asthma in children"
