"""Whatever is typed, the searcher answers or says in a sentence why not. `RANDOM_QUERIES=10000` tries more of them."""

import json
import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from toy import ToyEncoder, load_toy

from indexer.build import Build
from indexer.progress import Silent
from indexer.sources import find_sources
from search import Mode, Searcher, SearchResults
from search.answer_wording import excerpt, reasons, understanding, why_nothing
from search.errors import QueryError
from search.index_folder import IndexFolder

EXAMPLES = int(os.environ.get("RANDOM_QUERIES", "300"))
RECORDS = [
    {
        "pmid": 20000001,
        "title": "Asthma and the acute respiratory distress syndrome (ARDS)",
        "abstract": "ARDS is rare. Is IL-6 high? β-blockers (e.g. propranolol) p<0.05; it is 3.5 mg/ml.",
        "year": 2019,
        "authors": ["Smith JA", "O'Brien-López Ü"],
        "journal": "N Engl J Med",
        "mesh": ["*Asthma/drug therapy"],
        "publication_types": ["Review"],
        "doi": "10.1016/S0140-6736(05)71083-7",
    },
    {
        "pmid": 20000002,
        "title": "Treatment of asthma in children",
        "abstract": "Children with asthma got better.",
        "year": 2021,
    },
    {"pmid": 20000003, "title": "Withdrawn asthma trial", "publication_types": ["Retracted Publication"]},
    {"pmid": 20000004, "title": "", "abstract": "COVID-19 vaccination in 2021."},
]
OPERATORS = ["AND", "OR", "NOT", "and", "(", ")", "[", "]", '"', "“", "”", ":", "*", "~", "-", "/", "\\", "+", "^", "?", "'"]
TAGS = [
    "[mh]",
    "[tiab]",
    "[au]",
    "[dp]",
    "[pt]",
    "[ta]",
    "[la]",
    "[pmid]",
    "[doi]",
    "[mh:noexp]",
    "[tiab:~2]",
    "[sb]",
    "[nonsense]",
]
WORDS = ["asthma", "ARDS", "IL-6", "β", "2019", "2019:2021", "20000001", "smith", "smith*", "10.1016/S0140-6736(05)71083-7"]
WORDS += ["the", "hasabstract", "asthmma", "COVID-19", "-foxes", "\x00", "\u202e", "\u200b", "👩‍🔬", "é", "ﬁ", "İ", "ß", "\n"]
PIECES = st.one_of(st.sampled_from(OPERATORS), st.sampled_from(TAGS), st.sampled_from(WORDS), st.text(max_size=12))
QUERIES = st.one_of(st.text(), st.builds(str.join, st.sampled_from(["", " "]), st.lists(PIECES, max_size=14)))


@pytest.fixture(scope="module")
def searcher(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Searcher]:
    folder = tmp_path_factory.mktemp("random")
    source = folder / "records.jsonl"
    source.write_text("\n".join(map(json.dumps, RECORDS)), encoding="utf-8")
    Build(IndexFolder(folder / "index"), ToyEncoder(), Silent()).run(find_sources([source]))
    with Searcher.open(folder / "index", load=load_toy) as opened:
        yield opened


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(QUERIES, st.sampled_from(Mode))
@example("asthma " * 15_000, Mode.HYBRID)
@example("(" * 100_000, Mode.HYBRID)
@example('asthma[mh] AND 2019:2024[dp] NOT review[pt] "lung function"[tiab]', Mode.HYBRID)
def test_any_text_is_answered_or_refused_in_a_sentence(searcher: Searcher, query: str, mode: Mode) -> None:
    said = ""
    try:
        assert_can_be_shown(searcher.search(query, 3, mode=mode, explain=3))
    except QueryError as error:
        said = str(error)
    assert said == "" or said.endswith((".", "`"))


def assert_can_be_shown(results: SearchResults) -> None:
    document = json.loads(json.dumps(results.to_json()))
    assert [hit["rank"] for hit in document["results"]] == list(range(1, len(results) + 1))
    assert all(line.strip() for line in understanding(results))
    assert why_nothing(results).endswith(".")
    for hit in results:
        reasons(hit.why, results.mode)
        for sentence in filter(None, (hit.why.sentence, hit.why.nearest)):
            shown = excerpt(sentence)
            assert all(0 <= start < end <= len(shown.text) for start, end in shown.marks)


def test_the_records_are_there(searcher: Searcher) -> None:
    assert searcher.summary.articles == len(RECORDS)
    assert [hit.pmid for hit in searcher.search("ARDS", 1)] == [20000001]
