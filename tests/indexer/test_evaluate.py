"""Evaluation on sets: what is asked of which index, how it is scored, and what the command says of it."""

import functools
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from math import log2
from pathlib import Path

import pytest
from running import Run, in_process
from toy import ToyEncoder, article

from indexer.beir import BeirSet, read_beir
from indexer.cli import main
from indexer.evaluate import SetEvaluation, as_run, evaluate_set, mean_of_sets, open_set, rank
from indexer.evaluation_report import Source, report_sets
from indexer.metrics import Measure
from indexer.progress import Silent
from indexer.provenance import Provenance
from search.errors import QueryError
from search.filters import Filters
from search.index_folder import IndexFolder
from search.results import IndexSummary, Mode, SearchResult, SearchResults, Why

# The toy encoder sees the lengths of words: each question is nearest to the document whose words are as long as its own.
CORPUS = {"one": "a b c d", "two": "aa bb cc", "three": "aaa bbb ccc", "mixed": "aaa bbb cc"}
QUESTIONS = {"q1": "x y", "q2": "xx yy", "q3": "xxx yyy"}
JUDGEMENTS = {"q1": {"one": 1}, "q2": {"two": 2, "one": 1}, "q3": {"mixed": 1}}


def write_set(
    folder: Path, corpus: Mapping[str, str] = CORPUS, judgements: Mapping[str, Mapping[str, int]] = JUDGEMENTS
) -> Path:
    folder.mkdir(exist_ok=True)
    documents = [json.dumps({"_id": name, "title": "", "text": text}) for name, text in corpus.items()]
    questions = [json.dumps({"_id": name, "text": text}) for name, text in QUESTIONS.items()]
    judged = [f"{question}\t{name}\t{value}" for question, of in judgements.items() for name, value in of.items()]
    (folder / "corpus.jsonl").write_text("\n".join(documents))
    (folder / "queries.jsonl").write_text("\n".join(questions))
    (folder / "qrels.tsv").write_text("\n".join(["query-id\tcorpus-id\tscore", *judged]))
    return folder


Evaluate = Callable[..., SetEvaluation]


@pytest.fixture
def evaluate(tmp_path: Path) -> Evaluate:
    """Evaluates a set with the toy encoder, in an index below `work`."""

    def run(folder: Path, encoder: ToyEncoder | None = None, modes: Sequence[Mode] = (Mode.DENSE,)) -> SetEvaluation:
        beir_set = read_beir(folder)
        with open_set(beir_set, encoder or ToyEncoder(), tmp_path / "work", Silent(), "test") as searcher:
            return evaluate_set(searcher, beir_set, modes)

    return run


def test_scores_of_a_set_worked_out_on_paper(evaluate: Evaluate, tmp_path: Path) -> None:
    evaluation = evaluate(write_set(tmp_path / "toyset"))
    dense = evaluation.scores[Mode.DENSE]
    # q1 finds its document first. q2 ranks two, mixed (one of its words), then three before one: equal scores stand newest
    # first. q3 ranks three before mixed.
    expected = [1, (2 + 1 / log2(5)) / (2 + 1 / log2(3)), 1 / log2(3)]
    assert dense.questions == ("q1", "q2", "q3")
    assert dense.values[Measure.NDCG_10].tolist() == pytest.approx(expected)
    assert dense.values[Measure.MRR].tolist() == pytest.approx([1, 1, 1 / 2])
    assert evaluation.summary.estimates[Mode.DENSE][Measure.NDCG_10].mean == pytest.approx(sum(expected) / 3)
    assert (evaluation.summary.comparisons, evaluation.refused, evaluation.refused_questions) == ((), {}, {})


def generations(work: Path) -> list[str]:
    return sorted(str(path.relative_to(work)) for path in work.glob("*/*/generations/*"))


def test_an_index_is_built_once_for_a_corpus_and_an_encoder(evaluate: Evaluate, tmp_path: Path) -> None:
    folder, encoder = write_set(tmp_path / "toyset"), ToyEncoder()
    first = evaluate(folder, encoder)
    built = generations(tmp_path / "work")
    assert (encoder.embedded, len(built)) == ([1, 2, 3, 4], 1)
    assert evaluate(folder, encoder).summary == first.summary
    assert (encoder.embedded, generations(tmp_path / "work")) == ([1, 2, 3, 4], built)


def test_another_corpus_is_built_from_what_was_embedded(evaluate: Evaluate, tmp_path: Path) -> None:
    folder, encoder = write_set(tmp_path / "toyset"), ToyEncoder()
    evaluate(folder, encoder)
    evaluation = evaluate(write_set(folder, {"new": "aaaa bbbb", **CORPUS}), encoder)
    assert encoder.embedded == [1, 2, 3, 4, 1]
    assert evaluation.scores[Mode.DENSE].values[Measure.MRR].tolist() == pytest.approx([1, 1, 1 / 2])


def test_encoders_and_folders_of_one_name_are_kept_apart(evaluate: Evaluate, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    evaluate(write_set(tmp_path / "toyset"))
    evaluate(write_set(tmp_path / "toyset"), ToyEncoder("other"))
    evaluate(write_set(tmp_path / "elsewhere" / "toyset"))
    assert len(generations(tmp_path / "work")) == 3


def test_an_index_that_cannot_be_opened_is_built_again(evaluate: Evaluate, tmp_path: Path) -> None:
    folder = write_set(tmp_path / "toyset")
    first = evaluate(folder)
    (index,) = (tmp_path / "work").glob("*/*")
    (IndexFolder(index).published().base.folder / "vectors.npy").unlink()
    assert evaluate(folder).summary == first.summary
    assert len(generations(tmp_path / "work")) == 2


def test_a_corpus_leaves_no_copy_behind(evaluate: Evaluate, tmp_path: Path) -> None:
    evaluate(write_set(tmp_path / "toyset"))
    assert list((tmp_path / "work").rglob("corpus-*")) == []


class Answers:
    """Answers with PMIDs 3, 1, 2 of one score, and refuses some questions."""

    def __init__(self, refused: Mapping[Mode, Sequence[str]]) -> None:
        self._refused = refused

    def search(self, query: str, k: int, *, mode: Mode) -> SearchResults:
        if query in self._refused.get(mode, ()):
            raise QueryError(f"{mode} does not take {query}.")
        hits = tuple(
            SearchResult(place, pmid, 0.5, article(pmid, ""), Why(place, 0.5)) for place, pmid in enumerate((3, 1, 2), 1)
        )
        return SearchResults(query, mode, Filters(), 0.0, 0, IndexSummary(3, "", "", "toy"), hits[:k])


@pytest.fixture
def beir_set(tmp_path: Path) -> BeirSet:
    return read_beir(write_set(tmp_path / "toyset"))


def test_a_run_keeps_the_order_of_the_hits_where_scores_are_equal() -> None:
    assert as_run(Answers({}).search("?", 3, mode=Mode.DENSE)) == {"3": 3, "1": 2, "2": 1}
    ranking = rank(Answers({}), {"q": "?"}, Mode.DENSE, document_id=lambda pmid: "-ABC"[pmid], depth=2)
    assert ranking.run == {"q": {"C": 2, "A": 1}}


def test_a_refused_question_scores_0_and_is_counted(beir_set: BeirSet) -> None:
    evaluation = evaluate_set(Answers({Mode.LEXICAL: ["x y"]}), beir_set, [Mode.DENSE, Mode.LEXICAL])
    assert evaluation.refused_questions == {Mode.LEXICAL: 1}
    assert evaluation.refused == {}
    # All rankings are three, one, two.
    assert evaluation.scores[Mode.DENSE].values[Measure.MRR].tolist() == [1 / 2, 1 / 2, 0]
    assert evaluation.scores[Mode.LEXICAL].values[Measure.MRR].tolist() == [0, 1 / 2, 0]


def test_a_mode_that_refuses_every_question_is_said_with_its_reason(beir_set: BeirSet) -> None:
    evaluation = evaluate_set(Answers({Mode.HYBRID: list(QUESTIONS.values())}), beir_set, [Mode.DENSE, Mode.HYBRID])
    assert evaluation.refused == {Mode.HYBRID: "hybrid does not take x y."}
    assert list(evaluation.scores) == [Mode.DENSE]
    with pytest.raises(QueryError, match="hybrid does not take x y"):
        evaluate_set(Answers({Mode.HYBRID: list(QUESTIONS.values())}), beir_set, [Mode.HYBRID])


def test_the_table_of_differences(
    beir_set: BeirSet, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    evaluation = evaluate_set(Answers({Mode.LEXICAL: ["x y"]}), beir_set, [Mode.DENSE, Mode.LEXICAL])
    source = Source(ToyEncoder().identity, Provenance("", "", None, ""))
    report_sets([evaluation], None, source, as_json=False)
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert "mode nDCG@10 recall@10 recall@100 MRR@100" in lines
    assert f"dense - lexical +{100 * (1 / log2(3)) / 3:.1f} +33.3 +33.3 +16.7" in lines
    assert "p 1.000 p 1.000 p 1.000 p 1.000" in lines
    assert "lexical: questions that were refused and score 0: 1" in lines


def test_the_mean_of_sets_counts_every_set_alike(evaluate: Evaluate, tmp_path: Path) -> None:
    one = evaluate(write_set(tmp_path / "toyset"))
    other = evaluate(write_set(tmp_path / "easy", judgements={"q2": {"two": 1}}))
    assert mean_of_sets([one]) is None
    mean = mean_of_sets([one, other])
    assert mean is not None
    assert mean.estimates[Mode.DENSE][Measure.MRR].mean == pytest.approx((2.5 / 3 + 1) / 2)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The cache folder of all commands here: an encoder is quantised once."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, cache: Path) -> Iterator[Run]:
    """Runs `pubmed-index evaluate`."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    monkeypatch.setenv("COLUMNS", "120")
    with in_process(main, capsys) as run:
        yield functools.partial(run, "evaluate")


def test_the_command_measures_two_sets_and_their_mean(command: Run, cache: Path, tmp_path: Path) -> None:
    sets = [write_set(tmp_path / "first"), write_set(tmp_path / "second", judgements={"q2": {"two": 1}, "q3": {"gone": 1}})]
    done = command(*sets, "--mode", "dense")
    assert done.code == 0, done.err
    assert [line.strip() for line in done.out.splitlines() if "·" in line or "mean of" in line] == [
        "first · qrels.tsv · 4 documents, 3 questions",
        "second · qrels.tsv · 4 documents, 2 questions",
        "mean of 2 sets",
    ]
    assert "questions without judgements, not asked: 1" in done.out
    assert "judged documents that the corpus lacks, counted as not found: 1" in done.out
    assert list((cache / "pubmed-semantic-search" / "evaluate").glob("first-*"))


def test_the_document_says_what_produced_it(command: Run, tmp_path: Path) -> None:
    folder = write_set(tmp_path / "toyset")
    arguments = (folder, "--mode", "dense", "--json", "--per-query")
    document = command(*arguments).document
    assert document["produced_by"]["command"] == f"pubmed-index evaluate {folder} --mode dense --json --per-query"
    assert document["encoder"]["name"] == "embedded"
    (one,) = document["sets"]
    assert one["files"]["corpus"] == {"path": str(folder / "corpus.jsonl"), "sha256": read_beir(folder).corpus.sha256}
    assert (one["documents"], one["questions"], one["depth"]) == (4, 3, 100)
    assert set(one["estimates"]["dense"]["nDCG@10"]) == {"mean", "low", "high"}
    assert set(one["per_query"]["dense"]) == {"q1", "q2", "q3"}
    assert document["mean_of_sets"] is None
    again = command(*arguments).document
    assert again["sets"] == document["sets"]


def test_two_encoders_on_the_same_questions(command: Run, tmp_path: Path) -> None:
    sets = [write_set(tmp_path / name) for name in ("first", "second")]
    asked = (*sets, "--mode", "dense", "--against", "all-minilm-l6-v2")
    document = command(*asked, "--json").document
    assert (document["encoder"]["name"], document["against"]["name"]) == ("embedded", "all-minilm-l6-v2")
    for one in (*document["sets"], document["mean_of_sets"]):
        gained = one["against"]["differences"]["dense"]["nDCG@10"]["estimate"]["mean"]
        before, after = one["against"]["estimates"]["dense"]["nDCG@10"]["mean"], one["estimates"]["dense"]["nDCG@10"]["mean"]
        assert gained == pytest.approx(after - before)
    page = [line.split()[0] for line in command(*asked).out.splitlines() if line.startswith(("with", "gained"))]
    assert page == ["with", "gained"] * 3


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((), "evaluate takes either BEIR_DIR"),
        (("SET", "--own"), "evaluate takes either BEIR_DIR"),
        (("SET", "--index", "i"), "--index does not go with BEIR_DIR"),
        (("--own", "--qrels", "q"), "--qrels does not go with --own"),
        (("--own", "--against", "e"), "--against does not go with --own"),
        (("SET", "--per-query"), "--per-query goes with --json"),
        (("SET", "SET2", "--qrels", "elsewhere.tsv"), "--qrels elsewhere.tsv is to be"),
        (("SET", "--mode", "dense", "--baseline", "lexical"), "add --mode lexical"),
    ],
)
def test_wrong_usage(command: Run, arguments: Sequence[str], sentence: str) -> None:
    done = command(*arguments)
    assert done.code == 2
    assert sentence in " ".join(done.err.split())


def test_a_folder_that_is_none(command: Run, tmp_path: Path) -> None:
    done = command(tmp_path)
    assert (done.code, done.out) == (1, "")
    assert "Expected corpus.jsonl, queries.jsonl and qrels.tsv or qrels/test.tsv in a BEIR folder" in done.err
