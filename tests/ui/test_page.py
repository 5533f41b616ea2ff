import logging
import re
from collections.abc import Callable
from typing import Any

import pytest
from searcher_double import Request, made_up_article

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
from search.results import Mode, Sort, Suggestion, Understanding, Why
from ui import hit_text
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
    assert double.asked == [Request(EXAMPLES[1])]


def test_a_search_shows_cards_and_the_answer_line(open_page: OpenPage) -> None:
    page = open_page()
    page.app.text_input(key="query").set_value("  statins and muscle pain ")
    page.press("Search")
    assert page.hits == 20
    assert page.parameters == {"q": "statins and muscle pain"}
    assert "Results for “statins and muscle pain”" in page.html
    assert "<p>1 to 20 of 60 hits among 29,457 articles, 23 ms</p>" in page.html
    assert '<span class="rank">10.</span>' in page.html
    assert page.html.count("<summary>Abstract</summary>") == 20


def test_a_card_says_why_it_is_there(open_page: OpenPage) -> None:
    missed = "not among its first 1,000"
    assert reasons(open_page(q="statins").html)[:3] == [
        {"By words": "1st", "By meaning": "1st (cosine 1.00)"},
        {"By words": missed, "By meaning": "2nd (cosine 0.50)"},
        {"By words": "3rd", "By meaning": missed},
    ]
    similar = reasons(open_page(q="statins", like="5").html)
    assert similar[:2] == [{"By meaning": "1st (cosine 1.00)"}, {"By meaning": "2nd (cosine 0.50)"}]


def reasons(markup: str) -> list[dict[str, str]]:
    lists = re.findall(r"<summary>Why this hit</summary><dl[^>]*>(.*?)</dl>", markup)
    return [dict(re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", one)) for one in lists]


def test_only_a_hit_that_was_ranked_was_missed_by_a_leg(open_page: OpenPage) -> None:
    assert hit_text.why(Why(), Mode.HYBRID) == ""


def test_a_card_says_how_good_it_is_beside_the_best(open_page: OpenPage) -> None:
    said = re.findall(r'aria-label="Relevance (.*?), where the best', open_page(q="statins", mode="dense").html)
    assert said[:4] == ["100%", "29%", "5%", "0%"]
    assert re.findall(r'bar-fill" style="width: (.*?)"', open_page(q="statins", mode="dense", page="2").html)[0] == "0%"


def test_how_a_question_was_understood_is_said(open_page: OpenPage, double: Any) -> None:
    double.understood = Understanding("<b>pain</b>", "statins[mh]", suggestions=(Suggestion("musle", "muscle"),))
    page = open_page(q="statins[mh] musle")
    for line in ("filter: statins[mh]", "ranked by: &lt;b&gt;pain&lt;/b&gt;", "did you mean &quot;muscle&quot;?"):
        assert line in page.html
    assert page.press("Search for “statins\\[mh\\] muscle”").parameters == {"q": "statins[mh] muscle"}
    double.articles_held.clear()
    assert "Filters that were on: statins[mh]; retracted articles left out" in open_page(q="statins[mh]").html


def test_the_whole_state_is_in_the_url(open_page: OpenPage, double: Any) -> None:
    given = {"q": "statins", "mode": "lexical", "sort": "date", "from": "2000", "to": "2020", "retracted": "1", "page": "2"}
    page = open_page(**given, journal="The Lancet", abstract="1", unlike="7")
    filters = Filters(2000, 2020, journals=("The Lancet",), has_abstract=True, include_retracted=True)
    assert double.asked == [Request("statins", filters, Mode.LEXICAL, Sort.DATE, (7,), skip=20)]
    assert page.app.text_input(key="query").value == "statins"
    assert page.app.slider[0].value == (2000, 2020)
    assert page.app.checkbox(key="include_retracted").value is True


def test_mode_and_order(open_page: OpenPage, double: Any) -> None:
    page = open_page(q="statins", page="2")
    page.app.radio(key="mode").set_value(Mode.DENSE).run()
    page.app.radio(key="sort").set_value(Sort.DATE).run()
    assert page.parameters == {"q": "statins", "mode": "dense", "sort": "date"}
    assert double.asked[-1] == Request("statins", mode=Mode.DENSE, sort=Sort.DATE)


def test_a_new_question_keeps_what_narrows(open_page: OpenPage, double: Any) -> None:
    page = open_page(q="statins", page="2", unlike="7", **{"from": "2000"})
    page.app.text_input(key="query").set_value("aspirin")
    page.press("Search")
    assert page.parameters == {"q": "aspirin", "from": "2000"}
    assert double.asked[-1] == Request("aspirin", Filters(2000))


def test_going_back_fills_the_box_again(open_page: OpenPage) -> None:
    page = open_page(q="statins")
    page.app.text_input(key="query").set_value("aspirin")
    page.press("Search")
    page.app.query_params["q"] = "statins"
    page.app.run()
    assert page.app.text_input(key="query").value == "statins"
    assert "Results for “statins”" in page.html


def test_pages(open_page: OpenPage, double: Any) -> None:
    page = open_page(q="statins")
    page.press("Next →")
    assert page.parameters == {"q": "statins", "page": "2"}
    assert "21 to 40 of 60 hits" in page.html
    page.press("Next →")
    assert "41 to 60 of 60 hits" in page.html
    assert "The list ends here." in page.html
    assert [button.disabled for button in page.app.button if button.label in {"← Previous", "Next →"}] == [False, True]
    assert page.press("← Previous").parameters["page"] == "2"
    beyond = open_page(q="statins", page="9")
    assert "<p>60 hits among" in beyond.html
    assert beyond.press("← To the first page").hits == 20


def test_what_is_looked_at_again_is_not_asked_again(open_page: OpenPage, double: Any) -> None:
    page = open_page(q="statins")
    page.press("Add to basket")
    page.press("Cite", position=1)
    assert page.parameters == {"q": "statins", "open": "2"}
    assert double.asked == [Request("statins")]


def test_facets_narrow_and_chips_take_them_off(open_page: OpenPage, double: Any) -> None:
    page = open_page(q="statins", page="2")
    journal = next(box for box in page.app.checkbox if box.label == "The Lancet (60)")
    journal.check().run()
    assert page.parameters == {"q": "statins", "journal": "The Lancet"}
    assert double.asked[-1] == Request("statins", Filters(journals=("The Lancet",)))
    assert page.press("The Lancet ✕").parameters == {"q": "statins"}


def test_all_filters_are_cleared_at_once(open_page: OpenPage) -> None:
    page = open_page(q="statins", journal="The Lancet", abstract="1", retracted="1", unlike="5", **{"from": "2000"})
    chips = [label for label in page.buttons if label.endswith("✕")]
    filters = ["Years from 2000 on", "The Lancet", "With an abstract", "Retracted ones\\, too"]
    assert chips == [f"{label} ✕" for label in (*filters, "Not like “Statins and muscle pain\\, part 5\\.”")]
    assert page.press("Clear all").parameters == {"q": "statins", "unlike": "5"}


def test_the_slider_narrows_to_years(open_page: OpenPage, double: Any) -> None:
    page = open_page(q="statins")
    page.app.slider[0].set_value((1995, 2029)).run()
    assert page.parameters == {"q": "statins", "from": "1995"}
    assert double.asked[-1] == Request("statins", Filters(1995))


def test_more_like_one_article_and_the_way_back(open_page: OpenPage, double: Any) -> None:
    page = open_page(q="statins", page="2")
    page.press("More like this", position=2)
    assert page.parameters == {"q": "statins", "like": "23"}
    assert double.asked[-1] == Request((23,), mode=Mode.DENSE)
    assert "Similar to" in page.html
    assert "part 23." in page.html
    page.press("← Back to the results")
    assert page.parameters == {"q": "statins"}


def test_not_like_one_article(open_page: OpenPage, double: Any) -> None:
    page = open_page(q="statins")
    page.press("Not like this", position=1)
    assert page.parameters == {"q": "statins", "unlike": "2"}
    assert double.asked[-1] == Request("statins", unlike=(2,))
    assert page.press("Not like “Statins and muscle pain\\, part 2\\.” ✕").parameters == {"q": "statins"}


def test_a_url_with_like_alone(open_page: OpenPage, double: Any) -> None:
    page = open_page(like="5")
    assert double.asked == [Request((5,), mode=Mode.DENSE)]
    assert page.press("← New search").parameters == {}


def test_the_basket_becomes_a_query_and_a_file(open_page: OpenPage, double: Any) -> None:
    page = open_page(q="statins")
    page.press("Add to basket")
    page.press("Add to basket")
    assert page.buttons.count("✓ In the basket") == 2
    page.press("Find more like these")
    assert page.parameters == {"q": "statins", "like": "1,2"}
    assert double.asked[-1] == Request((1, 2), mode=Mode.DENSE)
    assert "Similar to 2 articles" in page.html
    page.press("Empty the basket")
    assert "✓ In the basket" not in page.buttons


def test_the_last_searches_of_the_visit_are_offered(open_page: OpenPage) -> None:
    page = open_page(q="statins", mode="dense")
    page.app.query_params.clear()
    page.app.run()
    assert page.press("statins").parameters == {"q": "statins", "mode": "dense"}


def test_an_unknown_pmid_is_said_to_be_unknown(open_page: OpenPage) -> None:
    page = open_page(like="999")
    assert "This article is not in the index" in page.html
    assert "PMID 999 is none of the 29,457 articles" in page.html


def test_what_is_left_of_examples_is_asked(open_page: OpenPage, double: Any) -> None:
    page = open_page()
    page.app.session_state["basket"] = {5: "Five", 999: "Deleted since", 1000: "So is this"}
    page.app.query_params["like"] = "5,999,1000"
    page.app.run()
    assert "PMID 999, PMID 1000 are none of the 29,457 articles here." in page.html
    assert double.asked == [Request((5,), mode=Mode.DENSE)]
    assert list(page.app.session_state["basket"]) == [5]


def test_a_full_basket_takes_no_more(open_page: OpenPage) -> None:
    page = open_page(q="statins")
    page.app.session_state["basket"] = dict.fromkeys(range(1, 31), "Picked")
    page.app.run()
    assert "✓ In the basket" not in page.disabled
    page.app.query_params["page"] = "3"
    page.app.run()
    assert "The basket is full" in page.disabled


def test_the_basket_is_on_the_start_page_too(open_page: OpenPage) -> None:
    page = open_page()
    page.app.session_state["basket"] = {5: "Five", 6: "Six"}
    page.app.run()
    assert page.press("Find more like these").parameters == {"like": "5,6"}


def test_the_map_and_other_pages_ask_for_no_facets_again(open_page: OpenPage, double: Any) -> None:
    page = open_page(q="statins")
    page.press("Next →")
    assert len(double.asked) == 2
    assert double.counted == 1


def test_the_end_of_the_newest_says_what_they_are_of(open_page: OpenPage, double: Any) -> None:
    double.articles_held[:] = [made_up_article(pmid) for pmid in range(1, 201)]
    assert "These are the best 200 hits, the newest first." in open_page(q="statins", sort="date", page="10").html
    assert "newest first." not in open_page(q="statins", page="10").html


def test_retracted_articles_are_counted_and_can_be_shown(open_page: OpenPage, double: Any, retracted: Article) -> None:
    double.articles_held[6] = retracted
    page = open_page(q="statins")
    assert "23 ms · 1 retracted article left out" in page.html
    box = page.app.checkbox(key="include_retracted")
    assert box.label == "Show retracted articles (1 hidden)"
    box.check().run()
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
    assert "Years 1800 to 1801; retracted articles left out" in page.html
    assert page.press("Clear all filters").parameters == {"q": "statins"}
    assert page.hits == 20


def test_no_hits_by_words_leads_to_a_search_by_meaning(open_page: OpenPage, double: Any) -> None:
    double.articles_held.clear()
    double.understood = Understanding("xqzzyq")
    page = open_page(q="xqzzyq", mode="lexical", type="Review")
    assert "has any of these words and meets the filters." in page.html
    assert "Filters that were on: Review; retracted articles left out." in page.html
    assert page.press("Search by meaning, too").parameters == {"q": "xqzzyq", "type": "Review"}


def test_no_hits_but_retracted_ones(open_page: OpenPage, double: Any, retracted: Article) -> None:
    double.articles_held[:] = [retracted]
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
    assert f"Sentence with {ESCAPED.replace('`c`', '<code>c</code>')}." in page.html
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
    assert page.app.radio(key="mode").value == "hybrid"
    double.error = None
    assert page.press("Search").hits == 20


def test_two_parts_that_fail_are_both_explained(open_page: OpenPage, double: Any) -> None:
    double.error = BrokenIndex("The vectors are cut short.")
    double.article = broken
    page = open_page(q="statins", open="5")
    assert "The vectors are cut short." in page.html
    assert "The records are cut short." in page.html
    assert "<footer>" in page.html


def broken(pmid: int) -> Article:
    raise BrokenIndex("The records are cut short.")


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
    assert "29,457 articles, 512 of them without an abstract" in footer
    assert "1,334 files, the last one pubmed26n1334.xml.gz · encoder embedded" in footer
    assert "days old: run `pubmed-index update`." in footer
    assert "The abstracts of the sample are summaries." in footer


def test_the_note_on_the_corpus_stands_above_the_hits_too(open_page: OpenPage) -> None:
    assert open_page().html.count("The abstracts of the sample are summaries.") == 1
    assert open_page(q="statins").html.count("The abstracts of the sample are summaries.") == 2


def test_hostile_text_reaches_no_markdown_and_no_markup(open_page: OpenPage, double: Any) -> None:
    sections, authors = (AbstractSection(HOSTILE, HOSTILE),), (Author(collective_name=HOSTILE),)
    for pmid in (1, 2):
        double.articles_held[pmid - 1] = Article(pmid, HOSTILE, sections, authors=authors, journal=HOSTILE, year=2000)
    double.corpus_note = HOSTILE
    for parameters in ({"q": HOSTILE}, {"q": HOSTILE, "like": "1"}):
        page = open_page(**parameters)
        assert page.html.count(ESCAPED) > 2
        assert page.html.count("<script") == 2  # the page's own
        assert "<img" not in page.html
        labels = [*page.buttons, *(fold.label for fold in page.app.expander)]
        assert not [label for label in labels if "red[" in label]
        assert [*page.app.markdown, *page.app.title, *page.app.header, *page.app.error, *page.app.exception] == []


def test_another_list_starts_at_its_top_and_is_said(open_page: OpenPage) -> None:
    page = open_page(q="statins")
    assert "scrollTo(0, 0)" in page.html
    assert "scrollTo(0, 0)" not in page.press("Add to basket").html
    assert "scrollTo(0, 0)" in page.press("Next →").html
    assert "scrollTo(0, 0)" in page.press("More like this").html
