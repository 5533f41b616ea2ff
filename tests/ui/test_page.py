import logging
import re
from collections.abc import Callable
from typing import Any

import pytest

from search.article import AbstractSection, Article, Author
from search.errors import (
    BrokenIndex,
    EncoderMismatch,
    EncoderUnavailable,
    IndexVersion,
    NoIndex,
    PubMedSearchError,
    QueryError,
    StorageFull,
)
from search.filters import Filters
from search.results import Suggestion, Understanding
from ui.states import EXAMPLES

Page = Any
OpenPage = Callable[..., Page]
HOSTILE = "**b** $x$ :red[r] :smile: `c` ~~s~~ <script>window.hacked=1</script> <img src=x onerror=alert(1)> [l](javascript:x)"
ESCAPED = HOSTILE.replace("<", "&lt;").replace(">", "&gt;")


def test_the_start_page_offers_examples(open_page: OpenPage, double: Any) -> None:
    page = open_page()
    assert list(EXAMPLES) == [label for label in page.buttons if label != "Search"]
    page.press(EXAMPLES[1])
    assert page.parameters == {"q": EXAMPLES[1]}
    assert page.app.text_input(key="query").value == EXAMPLES[1]
    assert double.asked == [(EXAMPLES[1], 10, Filters())]


def test_a_search_shows_cards_and_the_answer_line(open_page: OpenPage) -> None:
    page = open_page()
    page.app.text_input(key="query").set_value("  statins and muscle pain ")
    page.press("Search")
    assert page.hits == 10
    assert page.parameters == {"q": "statins and muscle pain"}
    assert "Results for “statins and muscle pain”" in page.html
    assert "<p>10 of 29,457 articles, 23 ms</p>" in page.html
    assert '<span class="rank">10.</span>' in page.html
    assert [fold.label for fold in page.app.expander] == ["Abstract"] * 10


def test_a_card_says_why_it_is_there(open_page: OpenPage) -> None:
    said = re.findall(r'<span class="reasons">(.*?)</span>', open_page(q="statins").html)
    assert said[:3] == ["words 1st, meaning 1st (1.00)", "meaning 2nd (0.50), not by words", "words 3rd only"]
    similar = re.findall(r'<span class="reasons">(.*?)</span>', open_page(q="statins", like="5").html)
    assert similar[:2] == ["meaning 1st (1.00)", "meaning 2nd (0.50)"]


def test_how_a_question_was_understood_is_said(open_page: OpenPage, double: Any) -> None:
    double.understood = Understanding("<b>pain</b>", "statins[mh]", suggestions=(Suggestion("musle", "muscle"),))
    page = open_page(q="statins[mh] musle")
    for line in ("filter: statins[mh]", "ranked by: &lt;b&gt;pain&lt;/b&gt;", "did you mean &quot;muscle&quot;?"):
        assert line in page.html
    double.articles.clear()
    assert "Filters that were on: statins[mh]; retracted articles left out" in open_page(q="statins[mh]").html


def test_filters_go_into_the_url_and_to_the_searcher(open_page: OpenPage, double: Any) -> None:
    page = open_page()
    page.app.text_input(key="query").set_value("statins")
    page.app.number_input(key="year_from").set_value(2015)
    page.app.number_input(key="year_to").set_value(2020)
    page.app.checkbox(key="include_retracted").check()
    page.press("Search")
    assert page.parameters == {"q": "statins", "from": "2015", "to": "2020", "retracted": "1"}
    assert double.asked == [("statins", 10, Filters(2015, 2020, include_retracted=True))]


def test_a_url_brings_the_search_and_its_fields_back(open_page: OpenPage, double: Any) -> None:
    page = open_page(q="statins", **{"from": "2015", "to": "2020", "retracted": "1", "show": "20"})
    assert page.app.text_input(key="query").value == "statins"
    assert page.app.number_input(key="year_from").value == 2015
    assert page.app.number_input(key="year_to").value == 2020
    assert page.app.checkbox(key="include_retracted").value is True
    assert double.asked == [("statins", 20, Filters(2015, 2020, include_retracted=True))]


def test_going_back_fills_the_fields_again(open_page: OpenPage) -> None:
    page = open_page(q="statins")
    page.app.text_input(key="query").set_value("aspirin")
    page.press("Search")
    page.app.query_params["q"] = "statins"
    page.app.run()
    assert page.app.text_input(key="query").value == "statins"
    assert "Results for “statins”" in page.html


def test_show_more_goes_to_20_and_50(open_page: OpenPage) -> None:
    page = open_page(q="statins")
    page.press("Show more (20)")
    assert (page.hits, page.parameters["show"]) == (20, "20")
    page.press("Show more (50)")
    assert (page.hits, page.parameters["show"]) == (50, "50")
    assert not [label for label in page.buttons if label.startswith("Show more")]
    assert "The list ends here." in page.html


def test_nothing_more_is_offered_where_there_is_nothing_more(open_page: OpenPage, double: Any) -> None:
    del double.articles[3:]
    page = open_page(q="statins")
    assert not [label for label in page.buttons if label.startswith("Show more")]
    assert "These are all the articles" in page.html


def test_similar_articles_and_the_way_back(open_page: OpenPage, double: Any) -> None:
    page = open_page(q="statins", show="20")
    page.press("Similar articles", position=2)
    assert page.parameters == {"q": "statins", "like": "3"}
    assert double.asked[-1] == ((3,), 10, Filters())
    assert "Similar to" in page.html
    assert "part 3." in page.html
    page.press("← Back to the results")
    assert page.parameters == {"q": "statins"}


def test_a_url_with_like_alone(open_page: OpenPage, double: Any) -> None:
    page = open_page(like="5")
    assert double.asked == [((5,), 10, Filters())]
    assert page.press("← New search").parameters == {}


def test_an_unknown_pmid_is_said_to_be_unknown(open_page: OpenPage) -> None:
    page = open_page(like="999")
    assert "This article is not in the index" in page.html
    assert "PMID 999 is none of the 29,457 articles" in page.html


def test_retracted_articles_are_counted_and_can_be_shown(open_page: OpenPage, double: Any, retracted: Article) -> None:
    double.articles[6] = retracted
    page = open_page(q="statins")
    assert "23 ms · 1 retracted article left out" in page.html
    page.press("Show retracted articles too")
    assert page.parameters == {"q": "statins", "retracted": "1"}
    assert '<li class="badge grave">Retracted</li>' in page.html


def test_an_empty_box_gets_a_hint_once(open_page: OpenPage, double: Any) -> None:
    page = open_page()
    page.app.text_input(key="query").set_value("   ")
    page.press("Search")
    assert "The box is empty" in page.html
    page.app.run()
    assert "The box is empty" not in page.html
    assert double.asked == []


def test_no_hits_names_the_filters_and_clears_them(open_page: OpenPage) -> None:
    page = open_page(q="statins", **{"from": "1800", "to": "1801"})
    assert "No articles found" in page.html
    assert "publication years 1800 to 1801; retracted articles left out" in page.html
    assert page.press("Clear the years").parameters == {"q": "statins"}
    assert page.hits == 10


def test_no_hits_but_retracted_ones(open_page: OpenPage, double: Any, retracted: Article) -> None:
    double.articles[:] = [retracted]
    page = open_page(q="statins")
    assert "No articles found" in page.html
    assert page.press("Include retracted articles").hits == 1


def test_years_that_run_backwards_can_be_swapped(open_page: OpenPage, double: Any) -> None:
    page = open_page(q="statins", **{"from": "2020", "to": "2010"})
    assert "The years run backwards" in page.html
    assert "No articles found" not in page.html
    assert double.asked == []
    assert page.press("Search 2010 to 2020").parameters == {"q": "statins", "from": "2010", "to": "2020"}


@pytest.mark.parametrize(
    ("kind", "heading", "command"),
    [
        (NoIndex, "There is no index yet", True),
        (BrokenIndex, "The index is damaged", True),
        (IndexVersion, "The index has another format", True),
        (EncoderMismatch, "The index belongs to another encoder", True),
        (EncoderUnavailable, "The encoder cannot be used", False),
        (StorageFull, "The search did not succeed", False),
        (PubMedSearchError, "The search did not succeed", False),
    ],
)
def test_an_index_that_does_not_open(open_page: OpenPage, kind: type[Exception], heading: str, command: bool) -> None:
    def failing() -> None:
        raise kind(f"Sentence with {HOSTILE}.")

    page = open_page(failing, q="statins")
    assert heading in page.html
    assert f"Sentence with {ESCAPED}." in page.html
    assert "No articles found" not in page.html
    sources = ["SOURCE..."] * command + ["--sample"] * (kind is NoIndex)
    assert [code.value for code in page.app.code] == [f"pubmed-index build {source} --index 'an index'" for source in sources]
    assert "Try again" in page.buttons


@pytest.mark.parametrize("error", [BrokenIndex("The vectors are cut short."), QueryError("The vectors are cut short.")])
def test_an_error_of_a_search_keeps_the_form_and_the_footer(open_page: OpenPage, double: Any, error: Exception) -> None:
    double.error = error
    page = open_page(q="statins")
    assert "The vectors are cut short." in page.html
    assert "No articles found" not in page.html
    assert "<footer>" in page.html
    assert page.app.text_input(key="query").value == "statins"
    double.error = None
    assert page.press("Search").hits == 10


def test_an_unforeseen_failure_is_no_empty_answer(open_page: OpenPage, double: Any, caplog: pytest.LogCaptureFixture) -> None:
    double.error = ZeroDivisionError("secret detail")
    with caplog.at_level(logging.ERROR):
        page = open_page(q="statins")
    assert "Something went wrong in the program" in page.html
    assert "this is not an empty answer" in page.html
    assert "secret detail" not in page.html
    assert "secret detail" in caplog.text


def test_the_footer_says_how_current_the_data_is(open_page: OpenPage) -> None:
    footer = open_page().html.partition("<footer>")[2]
    assert "Last updated 2026-01-03: may not reflect the most current data available from NLM." in footer
    assert "29,457 articles · last file pubmed26n1334.xml.gz · encoder embedded" in footer
    assert "The abstracts of the sample are summaries." in footer


def test_the_note_on_the_corpus_stands_above_the_hits_too(open_page: OpenPage) -> None:
    assert open_page().html.count("The abstracts of the sample are summaries.") == 1
    assert open_page(q="statins").html.count("The abstracts of the sample are summaries.") == 2


def test_hostile_text_reaches_no_markdown_and_no_markup(open_page: OpenPage, double: Any) -> None:
    sections, authors = (AbstractSection(HOSTILE, HOSTILE),), (Author(collective_name=HOSTILE),)
    for pmid in (1, 2):
        double.articles[pmid - 1] = Article(pmid, HOSTILE, sections, authors=authors, journal=HOSTILE, year=2000)
    double.corpus_note = HOSTILE
    for parameters in ({"q": HOSTILE}, {"q": HOSTILE, "like": "1"}):
        page = open_page(**parameters)
        assert page.html.count(ESCAPED) > 2
        assert "<script" not in page.html
        assert "<img" not in page.html
        labels = [*page.buttons, *(fold.label for fold in page.app.expander)]
        assert not [label for label in labels if "red[" in label]
        assert [*page.app.markdown, *page.app.title, *page.app.header, *page.app.error, *page.app.exception] == []


def test_moving_to_another_list_starts_at_its_top(open_page: OpenPage) -> None:
    page = open_page(q="statins")
    assert "scrollTo(0, 0)" not in page.html
    assert "scrollTo(0, 0)" not in page.press("Show more (20)").html
    assert "scrollTo(0, 0)" in page.press("Similar articles").html
