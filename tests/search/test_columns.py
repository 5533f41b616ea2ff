"""Filter columns: the bitmap of the articles that meet a condition, against a slow reference."""

import resource
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from condition_trees import trees
from hypothesis import given, settings
from hypothesis import strategies as st
from toy import article

from indexer.reading import read_file
from indexer.sources import find_sources
from search import Filters
from search.article import Article, Author, Flag, MeshHeading, MeshQualifier
from search.columns import Columns, ColumnsWriter, Selection
from search.condition import And, Condition, Flagged, Not, Or, Term, TermField, TextField, Words, Years
from search.errors import BrokenIndex, StorageFull
from search.filter_terms import condition_of, terms_of
from search.vectors import Pmids

RETRACTED = ("Retracted Publication",)
ARTICLES = [
    article(2, "T", "A.", year=1999, mesh=(MeshHeading("Asthma", (MeshQualifier("drug therapy", major=True),)),)),
    article(7, "T", "A.", year=2005, publication_types=RETRACTED, mesh=(MeshHeading("Humans"),)),
    article(8, "T", "A.", journal="The Lancet", languages=("eng",), mesh=(MeshHeading("Asthma"), MeshHeading("Humans"))),
    article(64, "T", year=2005, publication_types=("Review",), mesh=(MeshHeading("Asthma, Aspirin-Induced"),)),
    article(1000, "T", year=2020, publication_types=(*RETRACTED, "Review"), authors=(Author("Smith", initials="J"),)),
]


def columns_of(
    folder: Path, articles: Sequence[Article], *, window: int = 2, pairs_per_run: int = 3, chunk: int = 64
) -> Columns:
    """Columns written and read in the smallest steps unless told otherwise."""
    with ColumnsWriter(folder, pairs_per_run) as writer:
        for start in range(0, len(articles), window):
            writer.append(articles[start : start + window])
    return Columns.open(folder, chunk)


@pytest.fixture
def columns(tmp_path: Path) -> Columns:
    return columns_of(tmp_path / "columns", ARTICLES)


def nowhere(_leaf: Term | Words) -> Pmids:
    raise AssertionError("asked for what stands in the columns")


def members(selection: Selection) -> list[int]:
    found: list[int] = np.flatnonzero(np.unpackbits(selection.bitmap, bitorder="little")).tolist()
    assert len(found) == selection.count
    assert selection.pmids().tolist() == found
    return found


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (And(()), [2, 7, 8, 64, 1000]),
        (Or(()), []),
        (Not(Or(())), [2, 7, 8, 64, 1000]),
        (Years(2000), [7, 64, 1000]),
        (Years(None, 2004), [2]),
        (Years(2005, 2005), [7, 64]),
        (Years(0, 0), []),
        (Years(-5), [2, 7, 64, 1000]),
        (Years(70_000), []),
        (Years(None, 70_000), [2, 7, 64, 1000]),
        (Years(), [2, 7, 64, 1000]),
        (Not(Years()), [8]),
        (Flagged(Flag.RETRACTED), [7, 1000]),
        (Not(Flagged(Flag.TITLE_ONLY)), [2, 7, 8]),
        (Term(TermField.MESH, "asthma"), [2, 8]),
        (Term(TermField.MESH, "asthma", prefix=True), [2, 8, 64]),
        (Term(TermField.MESH, "", prefix=True), [2, 7, 8, 64]),
        (Term(TermField.MESH, "asthm"), []),
        (Term(TermField.MESH, "zzz"), []),
        (Term(TermField.MESH, "zzz", prefix=True), []),
        (Term(TermField.MESH, "asthma/drug therapy"), [2]),
        (Term(TermField.MAJOR_MESH, "asthma"), [2]),
        (Term(TermField.SUBHEADING, "drug therapy"), [2]),
        (Term(TermField.PUBLICATION_TYPE, "review"), [64, 1000]),
        (Term(TermField.JOURNAL, "lancet"), [8]),
        (Term(TermField.LANGUAGE, "eng"), [8]),
        (Term(TermField.LANGUAGE, "\ud800"), []),
        (Term(TermField.PMID, "64"), [64]),
        (Term(TermField.PMID, "65"), []),
        (Term(TermField.PMID, "99999999"), []),
        (And((Term(TermField.MESH, "asthma"), Not(Term(TermField.MESH, "humans")))), [2]),
        (Or((Years(2020), Term(TermField.MESH, "humans"))), [7, 8, 1000]),
    ],
)
def test_select(columns: Columns, condition: Condition, expected: list[int]) -> None:
    assert members(columns.select(condition, nowhere)) == expected


@pytest.mark.parametrize("last", [64, 1000, 100_000])
def test_a_value_is_counted_as_it_is_selected(tmp_path: Path, last: int) -> None:
    # Up to the smallest of these PMIDs members are bitmaps, up to the largest they are lists.
    articles = [*ARTICLES[:3], article(last, "T", mesh=(MeshHeading("Humans"),), publication_types=RETRACTED)]
    columns = columns_of(tmp_path / "columns", articles)
    for _ in range(2):
        assert [columns.count(Term(TermField.MESH, value)) for value in ("asthma", "humans", "human", "zzz")] == [2, 3, 0, 0]
        assert columns.count(Term(TermField.PUBLICATION_TYPE, "retracted publication")) == 2
        assert columns.count(Term(TermField.JOURNAL, "lancet")) == 1


def test_what_stands_in_no_column_is_asked_for(columns: Columns) -> None:
    asked = []

    def pmids_of(leaf: Term | Words) -> Pmids:
        asked.append(leaf)
        return np.array([1000, 8, 8, 9, 4_000_000], np.int64)

    smith, words = Term(TermField.AUTHOR, "smith"), Words(TextField.TITLE, "statins")
    assert members(columns.select(And((smith, Not(Years(2000)))), pmids_of)) == [8]
    assert members(columns.select(Not(words), pmids_of)) == [2, 7, 64]
    assert asked == [smith, words]


def test_everything_and_retracted(columns: Columns) -> None:
    assert columns.pmids.tolist() == members(columns.everything()) == [2, 7, 8, 64, 1000]
    assert members(columns.having(Flag.RETRACTED)) == [7, 1000]
    assert columns.having(Flag.TITLE_ONLY).count == 2
    assert columns.everything() is columns.everything()
    assert columns.having(Flag.RETRACTED) is columns.having(Flag.RETRACTED)


def test_a_selection_shares_nothing(columns: Columns) -> None:
    for condition in (And(()), Flagged(Flag.RETRACTED), Term(TermField.MESH, "humans")):
        columns.select(condition, nowhere).bitmap[:] = 0
    assert members(columns.everything()) == [2, 7, 8, 64, 1000]
    assert members(columns.having(Flag.RETRACTED)) == [7, 1000]
    assert members(columns.select(Term(TermField.MESH, "humans"), nowhere)) == [7, 8]


def test_sets(columns: Columns) -> None:
    everything, retracted = columns.everything(), columns.having(Flag.RETRACTED)
    asthma = columns.select(Term(TermField.MESH, "asthma"), nowhere)
    assert members(everything - retracted) == [2, 8, 64]
    assert members(asthma | retracted) == [2, 7, 8, 1000]
    assert members(everything & asthma) == [2, 8]
    assert members(everything.without([8, 5, -3, 999_999_999])) == [2, 7, 64, 1000]
    assert members(everything.without([])) == members(everything) == [2, 7, 8, 64, 1000]
    assert asthma.contains(np.array([8, 7, 2, 8, 5_000_000, -8])).tolist() == [True, False, True, True, False, False]
    assert asthma.contains(np.empty(0, np.int64)).tolist() == []


@pytest.mark.parametrize("count", [0, 1, 2, 3, 5, 100])
def test_the_newest(columns: Columns, count: int) -> None:
    assert columns.everything().newest(count).tolist() == [1000, 64, 8, 7, 2][:count]
    assert columns.select(Or(()), nowhere).newest(count).tolist() == []


def test_filters_in_columns(columns: Columns) -> None:
    filters = Filters(year_from=1990, mesh=("Asthma", "Humans"), has_abstract=True)
    assert members(columns.select(filters.condition(), nowhere)) == [2, 7]


def test_no_articles(tmp_path: Path) -> None:
    columns = columns_of(tmp_path / "columns", [])
    for condition in (And(()), Years(2000), Term(TermField.MESH, "asthma"), Term(TermField.PMID, "1")):
        assert members(columns.select(condition, nowhere)) == []


def test_nothing_but_the_columns_is_left(tmp_path: Path) -> None:
    columns_of(tmp_path / "columns", ARTICLES)
    arrays = ("flags", "member_ends", "members", "pmids", "term_ends", "terms", "years")
    assert sorted(path.name for path in (tmp_path / "columns").iterdir()) == [f"{name}.npy" for name in arrays]


def test_rare_terms_are_lists_and_frequent_ones_bitmaps(tmp_path: Path) -> None:
    both, one = (MeshHeading("Humans"), MeshHeading("Asthma")), (MeshHeading("Humans"),)
    articles = [article(pmid, "T", mesh=both if pmid % 50 == 1 else one) for pmid in range(1, 641)]
    columns = columns_of(tmp_path / "columns", articles)
    # Bits 0 to 640 take 11 words of 64.
    assert np.load(tmp_path / "columns" / "members.npy").nbytes == 13 * 4 + 11 * 8
    assert members(columns.select(Term(TermField.MESH, "asthma"), nowhere)) == list(range(1, 641, 50))
    assert members(columns.select(Term(TermField.MESH, "humans"), nowhere)) == list(range(1, 641))
    assert columns.select(Term(TermField.MESH, "", prefix=True), nowhere).count == 640


SUBJECTS = ["asthma", "asthma, aspirin-induced", "humans", "mice"]
QUALIFIERS = ["drug therapy", "genetics"]
HEADINGS = st.builds(
    MeshHeading,
    st.sampled_from(SUBJECTS),
    st.lists(st.builds(MeshQualifier, st.sampled_from(QUALIFIERS), st.booleans()), max_size=2).map(tuple),
    st.booleans(),
)
CORPORA = st.dictionaries(
    st.integers(1, 900),
    st.fixed_dictionaries(
        {
            "abstract": st.sampled_from(["", "A."]),
            "year": st.sampled_from([None, 1999, 2005, 2024]),
            "publication_types": st.lists(st.sampled_from(["Review", "Letter", *RETRACTED]), max_size=2).map(tuple),
            "languages": st.lists(st.sampled_from(["eng", "fre"]), max_size=1).map(tuple),
            "journal": st.sampled_from(["", "Lancet", "Lancet Oncology"]),
            "mesh": st.lists(HEADINGS, max_size=3).map(tuple),
            "authors": st.lists(st.builds(Author, st.sampled_from(["Smith", "Li"])), max_size=2).map(tuple),
        }
    ),
    max_size=60,
).map(lambda rows: [article(pmid, "T", **rows[pmid]) for pmid in sorted(rows)])  # type: ignore[arg-type]
TERM_VALUES = ["", "asthma", "humans", "asthma/drug therapy", "genetics", "review", "lancet", "eng", "smith", "s", "zebra"]
LEAVES = st.one_of(
    st.builds(Term, st.sampled_from(list(set(TermField) - {TermField.PMID})), st.sampled_from(TERM_VALUES), st.booleans()),
    st.builds(Term, st.just(TermField.PMID), st.integers(0, 1000).map(str)),
    st.builds(Years, st.none() | st.integers(1990, 2030), st.none() | st.integers(1990, 2030)),
    st.builds(Flagged, st.sampled_from([Flag.RETRACTED, Flag.TITLE_ONLY])),
)
TREES = trees(LEAVES)


def meets(one: Article, condition: Condition) -> bool:  # noqa: PLR0911  (one return a kind of condition)
    """What a condition means, one article at a time."""
    match condition:
        case And(parts):
            return all(meets(one, part) for part in parts)
        case Or(parts):
            return any(meets(one, part) for part in parts)
        case Not(part):
            return not meets(one, part)
        case Years(first, last):
            return one.year is not None and (first or 0) <= one.year <= (last or 9999)
        case Flagged(flag):
            return flag in one.flags
        case Term(TermField.PMID, value):
            return value == str(one.pmid)
        case Term(field, value, prefix):
            having = [term.value for term in terms_of(one) if term.field is field]
            return any(term.startswith(value) for term in having) if prefix else value in having
    raise TypeError(condition)


def asking(articles: Sequence[Article]) -> Callable[[Term | Words], Pmids]:
    return lambda leaf: np.array([one.pmid for one in articles if meets(one, leaf)], np.int64)


@settings(max_examples=150, deadline=None)
@given(
    articles=CORPORA,
    conditions=st.lists(TREES, min_size=1, max_size=8),
    window=st.integers(1, 20),
    pairs_per_run=st.sampled_from([1, 5, 40, 10_000]),
    chunk=st.sampled_from([64, 192, 4096]),
)
def test_bitmaps_equal_the_slow_reference(
    articles: list[Article], conditions: list[Condition], window: int, pairs_per_run: int, chunk: int
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        columns = columns_of(Path(folder) / "columns", articles, window=window, pairs_per_run=pairs_per_run, chunk=chunk)
        for condition in conditions:
            expected = [one.pmid for one in articles if meets(one, condition)]
            assert members(columns.select(condition, asking(articles))) == expected


def test_runs_make_no_difference(tmp_path: Path) -> None:
    columns_of(tmp_path / "small", ARTICLES, pairs_per_run=1)
    columns_of(tmp_path / "large", ARTICLES, window=100, pairs_per_run=10_000)
    for path in (tmp_path / "small").iterdir():
        assert path.read_bytes() == (tmp_path / "large" / path.name).read_bytes()


@pytest.mark.parametrize("name", ["pmids", "years", "flags", "terms", "term_ends", "members", "member_ends"])
def test_a_file_that_is_missing_or_cut_short_or_of_another_index(tmp_path: Path, name: str) -> None:
    columns_of(tmp_path / "columns", ARTICLES)
    columns_of(tmp_path / "other", ARTICLES[:3])
    path = tmp_path / "columns" / f"{name}.npy"
    path.write_bytes((tmp_path / "other" / path.name).read_bytes())
    with pytest.raises(BrokenIndex, match=r"columns.* (have not all as many rows|do not fit together)"):
        Columns.open(tmp_path / "columns")
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(BrokenIndex, match=r"columns in .* cannot be read"):
        Columns.open(tmp_path / "columns")
    path.unlink()
    with pytest.raises(BrokenIndex, match=r"columns in .* cannot be read"):
        Columns.open(tmp_path / "columns")


def test_members_beyond_the_last_article(tmp_path: Path) -> None:
    columns = columns_of(tmp_path / "columns", ARTICLES)
    path = tmp_path / "columns" / "members.npy"
    np.save(path, np.full_like(np.load(path), 2**31))
    columns = Columns.open(tmp_path / "columns")
    with pytest.raises(BrokenIndex, match="The articles with mesh 'asthma' are damaged"):
        columns.select(Term(TermField.MESH, "asthma"), nowhere)


def test_a_pmid_that_stands_twice(tmp_path: Path) -> None:
    columns_of(tmp_path / "columns", ARTICLES)
    np.save(tmp_path / "columns" / "pmids.npy", np.array([2, 7, 7, 64, 1000]))
    with pytest.raises(BrokenIndex, match="not ascending"):
        Columns.open(tmp_path / "columns").everything()


def test_a_full_disk_is_said(tmp_path: Path) -> None:
    articles = [article(pmid, "T", mesh=(MeshHeading(f"Heading {pmid}"),)) for pmid in range(1, 5000)]
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8192, limits[1]))
    try:
        with pytest.raises(StorageFull, match="run the same command again"):
            columns_of(tmp_path / "columns", articles, window=1000, pairs_per_run=2000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_an_error_while_writing_is_itself(tmp_path: Path) -> None:
    with pytest.raises(AttributeError, match="'int' object"), ColumnsWriter(tmp_path / "columns") as writer:
        writer.append([5])  # type: ignore[list-item]


def test_real_articles_equal_a_slow_scan(shared_data: Path, tmp_path: Path) -> None:
    files = find_sources([shared_data / "pubmed_xml"]).files
    read = {one.pmid: one for file in files for one in read_file(file).articles}
    articles = [read[pmid] for pmid in sorted(read)]
    columns = columns_of(tmp_path / "columns", articles, window=100, pairs_per_run=5000, chunk=2**17)
    typed = [
        *((TermField.MESH, text) for text in ("Humans", "Mice", "Asthma", "Neoplasms/genetics", "humans/")),
        *((TermField.MAJOR_MESH, text) for text in ("Algorithms", "Software")),
        *((TermField.SUBHEADING, text) for text in ("genetics", "drug therapy")),
        *((TermField.PUBLICATION_TYPE, text) for text in ("Review", "Journal Article", "Randomized Controlled Trial")),
        *(
            (TermField.JOURNAL, text)
            for text in ("N. Engl. J. Med.", "The Lancet", "Bioinformatics (Oxford, England)", "PLoS One")
        ),
        *((TermField.LANGUAGE, text) for text in ("English", "fr", "ger")),
    ]
    having = {one.pmid: set(terms_of(one)) for one in articles}
    found = 0
    for field, text in typed:
        whole, beginning = condition_of(field, text), condition_of(field, text[:4], truncated=True)
        assert isinstance(beginning, Term)
        assert members(columns.select(whole, nowhere)) == [pmid for pmid, terms in having.items() if whole in terms]
        assert members(columns.select(beginning, nowhere)) == [
            pmid
            for pmid, terms in having.items()
            if any(term.field is field and term.value.startswith(beginning.value) for term in terms)
        ]
        found += bool(columns.select(whole, nowhere).count)
    assert found > len(typed) // 2
