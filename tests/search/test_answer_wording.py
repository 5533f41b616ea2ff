"""What is said of an answer, in words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from search.answer_wording import LONGEST_EXCERPT, excerpt, ordinal, reasons, understanding, why_nothing
from search.filters import Filters
from search.results import (
    Abbreviation,
    IndexSummary,
    Mode,
    SearchResults,
    Sentence,
    Suggestion,
    Understanding,
    Why,
)

INDEX = IndexSummary(articles=1234, last_file="made-up.jsonl", updated="2026-01-03", encoder="toy")


def answer(
    understood: Understanding, mode: Mode = Mode.HYBRID, filters: Filters | None = None, hidden: int = 0
) -> SearchResults:
    return SearchResults("asked", mode, filters or Filters(), 1.0, hidden, INDEX, (), understood)


@pytest.mark.parametrize(
    ("why", "mode", "said"),
    [
        (Why(3, 0.714, 1, 8.5), Mode.HYBRID, "words 1st, meaning 3rd (0.71)"),
        (Why(lexical_rank=2, lexical_score=8.5), Mode.HYBRID, "words 2nd only"),
        (Why(1000, 0.25), Mode.HYBRID, "meaning 1,000th (0.25), not by words"),
        (Why(1, 1.0), Mode.DENSE, "meaning 1st (1.00)"),
        (Why(lexical_rank=12, lexical_score=8.5), Mode.LEXICAL, "words 12th"),
        (Why(2, 0.5, 3, 8.5, rerank_score=-1.25), Mode.HYBRID, "re-ranked (-1.25): words 3rd, meaning 2nd (0.50)"),
        (Why(1000, 0.25, feedback_rank=3), Mode.HYBRID, "meaning 1,000th (0.25), not by words"),
        (Why(feedback_rank=3), Mode.HYBRID, "like the first hits (3rd)"),
        (Why(8, 0.5, 9, 8.5, raised_from=7), Mode.HYBRID, "words 9th, meaning 8th (0.50), raised from 7th by hits like it"),
        (Why(), Mode.HYBRID, ""),
    ],
)
def test_reasons(why: Why, mode: Mode, said: str) -> None:
    assert reasons(why, mode) == said


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (1, "1st"),
        (2, "2nd"),
        (3, "3rd"),
        (4, "4th"),
        (11, "11th"),
        (13, "13th"),
        (21, "21st"),
        (112, "112th"),
        (1000, "1,000th"),
    ],
)
def test_ordinals(number: int, said: str) -> None:
    assert ordinal(number) == said


def test_free_text_needs_no_explanation() -> None:
    assert list(understanding(answer(Understanding("statins and muscle pain")))) == []


def test_everything_else_is_said() -> None:
    understood = Understanding(
        "lung function vacination",
        "asthma[mh] AND 2019:2024[dp]",
        ("A note.",),
        (Abbreviation("ARDS", "acute respiratory distress syndrome", asked_short=True),),
        (Suggestion("vacination", "vaccination"),),
    )
    assert list(understanding(answer(understood))) == [
        "filter: asthma[mh] AND 2019:2024[dp]",
        "ranked by: lung function vacination",
        "A note.",
        "ARDS: acute respiratory distress syndrome (searched as both)",
        'Nothing has "vacination": did you mean "vaccination"?',
    ]


@pytest.mark.parametrize(
    ("results", "said"),
    [
        (answer(Understanding("x"), filters=Filters(year_from=1900, year_to=1900)), "left by the filters (--year 1900)."),
        (answer(Understanding("x"), filters=Filters(year_from=2030)), "(--year 2030:)."),
        (answer(Understanding("x"), filters=Filters(year_to=1700, has_abstract=True)), "(--year :1700, --has-abstract)."),
        (
            answer(Understanding("x", "asthma[mh]"), filters=Filters(journals="N Engl J Med", publication_types="Review")),
            "None of 1,234 articles is left by the filters (--journal 'N Engl J Med', --type Review, asthma[mh]). Leave",
        ),
        (answer(Understanding("x"), Mode.LEXICAL), "No article has any of these words. Try other words, or --mode hybrid"),
        (answer(Understanding("x", "asthma[mh]"), Mode.LEXICAL), "No article that passes the filters (asthma[mh]) has any of"),
        (answer(Understanding("", "asthma[mh]"), Mode.LEXICAL), "None of 1,234 articles is left by the filters (asthma[mh])."),
        (answer(Understanding("x"), hidden=2), "Only retracted articles were found: --include-retracted shows them."),
        (answer(Understanding("like 1"), Mode.DENSE), "those that --like and --unlike name are no answers."),
    ],
)
def test_why_there_is_nothing(results: SearchResults, said: str) -> None:
    assert said in why_nothing(results)


def test_a_short_sentence_is_shown_whole() -> None:
    sentence = Sentence("Pain was rare.", "RESULTS", ((0, 4),), 0.5)
    assert excerpt(sentence) is sentence


@given(before=st.integers(0, 2000), after=st.integers(0, 2000))
def test_a_long_sentence_is_cut_around_its_first_mark(before: int, after: int) -> None:
    shown = excerpt(Sentence(f"{'a ' * before}pain{' b' * after}", "RESULTS", ((2 * before, 2 * before + 4),), 0.5))
    assert [shown.text[start:end] for start, end in shown.marks] == ["pain"]
    assert len(shown.text) <= LONGEST_EXCERPT + len("…  …")
    assert (shown.label, shown.similarity) == ("RESULTS", 0.5)


def test_a_long_sentence_without_marks_is_cut_at_its_end() -> None:
    assert excerpt(Sentence("a" * 1000)).text == f"{'a' * LONGEST_EXCERPT} …"
