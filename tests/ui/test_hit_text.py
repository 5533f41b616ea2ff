from dataclasses import replace
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from search.article import AbstractSection, Article, Author, Correction, MeshHeading, OtherAbstract
from search.facets import Count
from ui import hit_text
from ui.publication_types import telling_first

HOSTILE = [
    "<script>window.hacked = 1</script>",
    "<img src=x onerror='window.hacked = 1'>",
    '" onmouseover="window.hacked = 1" x="',
    "' autofocus onfocus='window.hacked = 1",
    "<a href='javascript:window.hacked = 1'>link</a>",
    "[link](javascript:window.hacked=1)",
    "**bold** *it* ~~gone~~ `code` $E = mc^2$ :red[red] :smile: # heading",
    "&lt;b&gt; &amp; <b>bold</b> p<0.05 & n>3",
]
ALLOWED = {"a", "article", "div", "em", "h4", "h5", "li", "p", "span", "strong", "ul"}
PLAIN = Article(
    pmid=24293578,
    title="Statins and muscle pain.",
    sections=(
        AbstractSection("We asked.", "BACKGROUND", "BACKGROUND"),
        AbstractSection("They are safe.", "CONCLUSION", "CONCLUSIONS"),
    ),
    authors=tuple(
        Author(name, fore_name, fore_name[0]) for name, fore_name in (("Aa", "Ann"), ("Bb", "Ben"), ("Cc", "Cy"), ("Dd", "Di"))
    ),
    journal="The Lancet",
    volume="400",
    issue="10355",
    pages="832-45",
    year=2022,
    publication_date="2022 Sep 10",
    doi="10.1016/S0140-6736(22)01545-8",
    pmcid="PMC7612345",
)


class Reader(HTMLParser):
    """Reads markup as a browser would: its tags, attributes and visible text."""

    def __init__(self, markup: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.feed(markup)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes.extend(attrs)

    def handle_data(self, data: str) -> None:
        self.text += data


def hostile_article(text: str) -> Article:
    sections = (AbstractSection(text, text, "CONCLUSIONS"),)
    return Article(
        pmid=1,
        title=text,
        sections=(AbstractSection(text), *sections),
        vernacular_title=text,
        other_abstracts=(OtherAbstract(sections, text, text),),
        copyright=text,
        authors=(Author(text, text, text, text), Author(collective_name=text)),
        journal=text,
        volume=text,
        issue=text,
        pages=text,
        publication_date=text,
        publication_types=(text, "Review"),
        keywords=(text,),
        mesh=(MeshHeading(text),),
        doi=text,
        pmcid=text,
        corrections=(Correction("RetractionIn", 5, text),),
    )


def everything(article: Article) -> str:
    parts = (hit_text.linked_title, hit_text.byline, hit_text.badges, hit_text.snippet, hit_text.details)
    return "".join(part(article) for part in parts)


def assert_harmless(text: str) -> Reader:
    reader = Reader(everything(hostile_article(text)))
    assert reader.tags <= ALLOWED
    assert {name for name, _ in reader.attributes} <= {"href", "target", "class", "title", "dir"}
    links = [value or "" for name, value in reader.attributes if name == "href"]
    hosts = ("https://pubmed.ncbi.nlm.nih.gov/", "https://doi.org/", "https://pmc.ncbi.nlm.nih.gov/articles/")
    assert all(link.startswith(hosts) for link in links)
    return reader


@pytest.mark.parametrize("text", HOSTILE)
def test_text_from_records_is_shown_as_text(text: str) -> None:
    assert assert_harmless(text).text.count(text) > 10


@given(st.text())
def test_no_text_breaks_out(text: str) -> None:
    assert_harmless(text)


def test_byline() -> None:
    assert hit_text.byline(PLAIN) == "Aa A, Bb B, Cc C, et al. <em>The Lancet</em>. 2022"
    three = replace(PLAIN, authors=PLAIN.authors[:3])
    assert hit_text.byline(three) == "Aa A, Bb B, Cc C. <em>The Lancet</em>. 2022"
    assert hit_text.byline(replace(three, authors_complete=False)).startswith("Aa A, Bb B, Cc C, et al. ")
    assert hit_text.byline(replace(PLAIN, authors=(), year=None)) == "<em>The Lancet</em>. 2022 Sep 10"


def test_title_links_to_pubmed_in_a_new_tab() -> None:
    attributes = dict(Reader(hit_text.linked_title(PLAIN)).attributes)
    assert (attributes["href"], attributes["target"]) == ("https://pubmed.ncbi.nlm.nih.gov/24293578/", "_blank")


def test_an_article_without_title_still_has_something_to_click() -> None:
    assert hit_text.title_of(replace(PLAIN, title="", vernacular_title="Statine.")) == "Statine."
    assert hit_text.title_of(replace(PLAIN, title="")) == "Article 24293578, which has no title"


@pytest.mark.parametrize(
    ("change", "badge"),
    [
        ({"publication_types": ("Retracted Publication",)}, '<li class="badge grave">Retracted</li>'),
        ({"corrections": (Correction("ExpressionOfConcernIn"),)}, '<li class="badge warning">Expression of concern</li>'),
        ({"corrections": (Correction("ErratumIn"),)}, '<li class="badge warning">Erratum</li>'),
        ({"publication_types": ("Retraction Notice",)}, '<li class="badge warning">Retraction notice</li>'),
        ({"sections": ()}, '<li class="badge quiet">Title only</li>'),
        ({"is_book": True}, '<li class="badge quiet">Book</li>'),
    ],
)
def test_each_flag_has_its_badge(change: dict[str, object], badge: str) -> None:
    assert badge in hit_text.badges(replace(PLAIN, **change))
    assert badge not in hit_text.badges(PLAIN)


def test_only_types_that_matter_are_shown_the_strongest_first() -> None:
    kinds = ("Journal Article", "Review", "Research Support, N.I.H., Extramural", "Meta-Analysis")
    assert Reader(hit_text.badges(replace(PLAIN, publication_types=kinds))).text == "Meta-AnalysisReview"
    assert hit_text.badges(PLAIN) == ""


def test_a_general_type_is_left_out_beside_an_exact_one() -> None:
    kinds = ("Clinical Trial", "Randomized Controlled Trial", "Review", "Letter")
    assert Reader(hit_text.badges(replace(PLAIN, publication_types=kinds))).text == "Randomized Controlled TrialReviewLetter"
    assert Reader(hit_text.badges(replace(PLAIN, publication_types=("Clinical Trial",)))).text == "Clinical Trial"
    phases = ("Clinical Trial, Phase II", "Clinical Trial, Phase I")
    assert Reader(hit_text.badges(replace(PLAIN, publication_types=phases))).text == "".join(phases)


def test_a_retracted_article_links_to_its_notice() -> None:
    article = replace(PLAIN, corrections=(Correction("RetractionIn", 31234567), Correction("CommentIn", 5)))
    links = [value for name, value in Reader(hit_text.badges(article)).attributes if name == "href"]
    assert links == ["https://pubmed.ncbi.nlm.nih.gov/31234567/"]


def test_snippet_is_the_conclusion_or_the_beginning() -> None:
    assert Reader(hit_text.snippet(PLAIN)).text == "Conclusion They are safe."
    assert Reader(hit_text.snippet(replace(PLAIN, sections=PLAIN.sections[:1]))).text == "We asked."
    assert hit_text.snippet(replace(PLAIN, sections=())) == ""
    long = replace(PLAIN, sections=(AbstractSection("word " * 200),))
    assert len(Reader(hit_text.snippet(long)).text) <= hit_text.SNIPPET_LENGTH + len(" …")


def test_details_hold_labelled_sections_all_authors_and_the_citation() -> None:
    details = hit_text.details(PLAIN)
    assert "<h4>BACKGROUND</h4>" in details
    assert "Ann Aa, Ben Bb, Cy Cc, Di Dd" in details
    assert "2022 Sep 10;400(10355):832-45" in details
    assert 'href="https://doi.org/10.1016/S0140-6736%2822%2901545-8"' in details
    assert 'href="https://pmc.ncbi.nlm.nih.gov/articles/PMC7612345/"' in details


def test_labels_within_a_text_begin_paragraphs() -> None:
    text = "AIM: To ask (n=5). RESULTS/FINDINGS: DNA: yes. In HIV: no. MAIN OUTCOME MEASURES: Pain < 3."
    shown = hit_text.details(replace(PLAIN, sections=(AbstractSection(text),)))
    assert '<p dir="auto"><strong>RESULTS/FINDINGS:</strong> DNA: yes. In HIV: no.</p>' in shown
    assert '<p dir="auto"><strong>MAIN OUTCOME MEASURES:</strong> Pain &lt; 3.</p>' in shown


def test_headings_with_commas_stay_apart() -> None:
    mesh = (MeshHeading("Child"), MeshHeading("Child, Preschool", major=True))
    assert "Child; Child, Preschool*" in hit_text.details(replace(PLAIN, mesh=mesh))


def test_types_that_matter_are_offered_first() -> None:
    counts = [Count("Journal Article", 9), Count("Review", 3), Count("English Abstract", 2), Count("Letter", 1)]
    shown = [one.value for one in telling_first(counts)]
    assert shown == ["Review", "Letter", "Journal Article", "English Abstract"]


def test_an_article_that_is_not_in_pubmed_links_nowhere_there() -> None:
    local = replace(PLAIN, pmid=123456789, pmcid="")
    title, details = Reader(hit_text.linked_title(local)), Reader(hit_text.details(local))
    assert (title.text, title.tags) == ("Statins and muscle pain.", {"span"})
    assert "Local id 123456789" in details.text
    assert "PMID" not in details.text
    assert not any("pubmed" in (value or "") for _, value in details.attributes)


def test_a_bare_record_still_has_details() -> None:
    assert Reader(hit_text.details(Article(pmid=5, title="x"))).text == "CitationPMID 5"
