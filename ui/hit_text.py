"""An article as HTML: the one place where text from records becomes markup, and all of it is escaped.

Records are shown with `st.html` alone. Streamlit's other elements read labels and text as Markdown, in which titles
such as "*In vivo* :red[...] $p$" would be formatted instead of shown.
"""

import re
from collections.abc import Iterable, Sequence
from html import escape
from urllib.parse import quote

from search.answer_wording import excerpt, ordinal
from search.article import AbstractSection, Article, Author, Flag
from search.explanation import TITLE_LABEL
from search.results import DEPTH, Mode, SearchResult, Sentence, Why
from ui.publication_types import telling_types

SHOWN_AUTHORS = 3
SHOWN_TYPES = 3
CITED_AUTHORS = 6
SNIPPET_LENGTH = 420

_BADGES = {
    Flag.RETRACTED: ("Retracted", "grave"),
    Flag.RETRACTION_NOTICE: ("Retraction notice", "warning"),
    Flag.EXPRESSION_OF_CONCERN: ("Expression of concern", "warning"),
    Flag.ERRATUM: ("Erratum", "warning"),
    Flag.TITLE_ONLY: ("Title only", "quiet"),
    Flag.BOOK: ("Book", "quiet"),
}
# "OBJECTIVE: To test ... DESIGN/METHODS: Secondary ..." in one running text: a label is in capitals and follows a full stop.
_LABEL = re.compile(r"^[A-Z][A-Z /,-]{3,40}:(?=\s)")
_BEFORE_LABEL = re.compile(rf"(?<=[.!?)])\s+(?={_LABEL.pattern[1:]})")
_PUBMED = "https://pubmed.ncbi.nlm.nih.gov"
_NOTICES = {
    "RetractionIn": "Retraction notice",
    "ExpressionOfConcernIn": "Notice of concern",
    "ErratumIn": "Erratum notice",
    "RetractionOf": "Retracted article",
}


# Where a bar begins: one from 0 would look the same for every hit of the first page. Of most questions of NFCorpus, on 29,457
# abstracts, the thousandth hit has a larger share of the best one's score.
_EMPTY = {Mode.HYBRID: 0.6, Mode.DENSE: 0.3, Mode.LEXICAL: 0.15}


def card(hit: SearchResult, mode: Mode, best_score: float, *, is_new: bool = False) -> str:
    """One hit: how good, what, by whom, what to know of it, the sentence that answers, why it is here, and all of its text."""
    article = hit.article
    return (
        f'<article><h3><span class="rank">{hit.rank}.</span> {linked_title(article, _title_marks(hit))}</h3>'
        f'<p class="byline" dir="auto">{byline(article)}</p><p class="links">{_bar(hit, mode, best_score)}{links(article)}</p>'
        f'{badges(article, is_new=is_new)}{_telling(hit)}<div class="folds">{_fold("Why this hit", why(hit.why, mode))}'
        f"{_fold('Details' if Flag.TITLE_ONLY in article.flags else 'Abstract', details(article))}</div></article>"
    )


def _bar(hit: SearchResult, mode: Mode, best_score: float) -> str:
    """How good a hit is, as a bar between that of the best and none; nothing where nothing ranked the hits."""
    if best_score <= 0:
        return ""
    empty = _EMPTY[mode]
    share = min(1.0, max(0.0, (hit.score / best_score - empty) / (1 - empty)))
    said = f"Relevance {share:.0%}, where the best hit has 100%"
    return (
        f'<span class="bar" role="img" aria-label="{said}" title="{said}">'
        f'<span class="bar-fill" style="width: {share:.0%}"></span></span>'
    )


def links(article: Article) -> str:
    """Where the article can be read: PubMed, its publisher, PubMed Central."""
    parts = [_number(article)]
    if article.doi:
        parts.append(f'<a href="https://doi.org/{quote(article.doi)}" target="_blank">DOI</a>')
    if article.pmcid:
        parts.append(f'<a href="{_pmc(article)}" target="_blank">Free full text</a>')
    return " · ".join(parts)


def _pmc(article: Article) -> str:
    return f"https://pmc.ncbi.nlm.nih.gov/articles/{quote(article.pmcid, safe='')}/"


def _telling(hit: SearchResult) -> str:
    """The sentence nearest to the question, its words marked; where there is none but the title, what the article concludes."""
    sentence = hit.why.nearest or hit.why.sentence
    if sentence is None or sentence.label == TITLE_LABEL:
        return snippet(hit.article)
    return f'<p class="snippet" dir="auto">{marked(sentence)}</p>'


def marked(sentence: Sentence) -> str:
    """A sentence with the question's words marked; of a very long one the part around the first of them."""
    shown = excerpt(sentence)
    label = f"<strong>{escape(shown.label.capitalize())}</strong> " if shown.label else ""
    return label + _marked(shown.text, shown.marks)


def _marked(text: str, marks: Sequence[tuple[int, int]]) -> str:
    parts, end = [], 0
    for start, stop in marks:
        parts.append(f"{escape(text[end:start])}<mark>{escape(text[start:stop])}</mark>")
        end = stop
    return f"{''.join(parts)}{escape(text[end:])}"


def _title_marks(hit: SearchResult) -> Sequence[tuple[int, int]]:
    """The question's words in a title, where no sentence has any of them."""
    sentence = hit.why.sentence
    if sentence is None or sentence.label != TITLE_LABEL or sentence.text != title_of(hit.article):
        return ()
    return sentence.marks


def why(reason: Why, mode: Mode) -> str:
    """The reasons for a hit in words: where each leg ranked it, and which of the question's words it has."""
    was_ranked = any((reason.lexical_rank, reason.dense_rank, reason.feedback_rank))
    missed = f"not among its first {DEPTH:,}" if mode is Mode.HYBRID and was_ranked else ""
    rows = [
        ("By words", _rank(reason.lexical_rank) or missed),
        ("By meaning", _rank(reason.dense_rank) + _similarity(reason.similarity) or missed),
        ("Like the first hits", _rank(reason.feedback_rank)),
        ("Raised by hits like it", f"from {ordinal(reason.raised_from)}" if reason.raised_from else ""),
        ("Words it has", ", ".join(reason.words)),
    ]
    items = "".join(f"<dt>{escape(name)}</dt><dd>{escape(said)}</dd>" for name, said in rows if said)
    return f'<dl class="why">{items}</dl>' if items else ""


def _rank(rank: int | None) -> str:
    return ordinal(rank) if rank else ""


def _similarity(similarity: float | None) -> str:
    return f" (cosine {similarity:.2f})" if similarity is not None else ""


def _fold(name: str, body: str) -> str:
    """A part that is folded away; the browser opens it, with the keyboard as well."""
    return f'<details class="fold"><summary>{escape(name)}</summary>{body}</details>' if body else ""


def title_of(article: Article) -> str:
    """The title as plain text; the original one where there is no other."""
    return article.title or article.vernacular_title or f"Article {article.pmid}, which has no title"


def linked_title(article: Article, marks: Sequence[tuple[int, int]] = ()) -> str:
    """The title, linking to the article's page on PubMed, where it has one, in a new tab."""
    title = _marked(title_of(article), marks)
    if not article.url:
        return f'<span dir="auto">{title}</span>'
    return f'<a href="{escape(article.url)}" target="_blank" dir="auto" title="Opens PubMed in a new tab">{title}</a>'


def byline(article: Article) -> str:
    """The first authors, the journal in italics and the year."""
    names = [author.name for author in article.authors[:SHOWN_AUTHORS]]
    if names and (len(article.authors) > SHOWN_AUTHORS or not article.authors_complete):
        names.append("et al")
    journal = article.journal or article.journal_abbreviation
    year = str(article.year) if article.year is not None else article.publication_date
    parts = [escape(", ".join(names)), f"<em>{escape(journal)}</em>" if journal else "", escape(year)]
    return ". ".join(part for part in parts if part)


def badges(article: Article, *, is_new: bool = False) -> str:
    """What a reader must know before trusting the article, then what kind of article it is; "" for a plain one."""
    known = [_badge(*_BADGES[flag]) for flag in _BADGES if flag in article.flags]
    kinds = [_badge(kind, "kind") for kind in telling_types(article.publication_types)[:SHOWN_TYPES]]
    new = [_badge("New", "new")] if is_new else []
    items = "".join([*new, *known, *_notices(article), *kinds])
    return f'<ul class="badges">{items}</ul>' if items else ""


def snippet(article: Article) -> str:
    """What the abstract concludes where it says so under a label, otherwise how it begins; "" without an abstract."""
    concluding = [section for section in article.sections if _concludes(section)]
    section = next(iter([*concluding, *article.sections]), AbstractSection(""))
    if not section.text:
        return ""
    text = section.text if len(section.text) <= SNIPPET_LENGTH else f"{section.text[:SNIPPET_LENGTH].rstrip()} …"
    label = f"<strong>{escape(section.label.capitalize())}</strong> " if concluding else ""
    return f'<p class="snippet" dir="auto">{label}{escape(text)}</p>'


def details(article: Article) -> str:
    """Everything under the fold: the abstract by its sections, then all authors, MeSH headings and identifiers."""
    parts = [_sections(article.sections)]
    for other in article.other_abstracts:
        name = " ".join(part for part in (other.kind, other.language) if part)
        parts.append(_block(f"Other abstract ({name})" if name else "Other abstract", _sections(other.sections, depth=5)))
    parts.append(f'<p class="copyright">{escape(article.copyright)}</p>' if article.copyright else "")
    parts.append(_named("Original title", [article.vernacular_title]))
    parts.append(_named("Authors", _all_authors(article)))
    parts.append(_named("Keywords", article.keywords))
    headings = [f"{heading.descriptor}{'*' * heading.major}" for heading in article.mesh]
    parts.append(_named("MeSH headings", headings, between="; "))  # some have commas: "Child, Preschool"
    parts.append(_block("Citation", f"<p>{_citation(article)}</p>"))
    return f'<div class="details">{"".join(parts)}</div>'


def _badge(words: str, tone: str) -> str:
    return f'<li class="badge {tone}">{escape(words)}</li>'


def _notices(article: Article) -> list[str]:
    """Links to the records that retract, doubt or correct this one, or that this one retracts."""
    return [
        f'<li><a href="{_PUBMED}/{correction.pmid:d}/" target="_blank">{_NOTICES[correction.ref_type]}</a></li>'
        for correction in article.corrections
        if correction.pmid is not None and correction.ref_type in _NOTICES
    ]


def _concludes(section: AbstractSection) -> bool:
    return bool(section.label) and (section.category == "CONCLUSIONS" or section.label.upper().startswith("CONCLUSION"))


def _sections(sections: Iterable[AbstractSection], depth: int = 4) -> str:
    """Labelled sections with their labels as headings; labels within a text, as older records have them, begin a paragraph."""
    return "".join(
        (f"<h{depth}>{escape(section.label)}</h{depth}>" if section.label else "") + _paragraphs(section.text)
        for section in sections
    )


def _paragraphs(text: str) -> str:
    return "".join(f'<p dir="auto">{_LABEL.sub(_emphasised, escape(part))}</p>' for part in _BEFORE_LABEL.split(text))


def _emphasised(label: re.Match[str]) -> str:
    return f"<strong>{label.group()}</strong>"


def _all_authors(article: Article) -> list[str]:
    names = [_full_name(author) for author in article.authors]
    return names if article.authors_complete or not names else [*names, "et al"]


def _full_name(author: Author) -> str:
    parts = (author.fore_name or author.initials, author.last_name, author.suffix)
    return author.collective_name or " ".join(part for part in parts if part)


def citation(article: Article) -> str:
    """A reference as people paste it: authors, title, journal, date, place, DOI, PMID."""
    names = [author.name for author in article.authors[:CITED_AUTHORS]]
    if names and (len(article.authors) > CITED_AUTHORS or not article.authors_complete):
        names.append("et al")
    parts = [
        ", ".join(names),
        title_of(article).rstrip("."),
        article.journal_abbreviation or article.journal,
        _source(article),
        f"doi:{article.doi}" if article.doi else "",
        "" if article.is_local else f"PMID: {article.pmid}",
    ]
    return ". ".join(" ".join(part.split()) for part in parts if part) + "."


def _source(article: Article) -> str:
    """When and where in its journal it stands: ``2022 Sep 10;400(10355):832-45``."""
    place = f"{article.volume}{f'({article.issue})' if article.issue else ''}{f':{article.pages}' if article.pages else ''}"
    return f"{article.publication_date or article.year or ''}{f';{place}' if place else ''}"


def _named(name: str, values: Iterable[str], between: str = ", ") -> str:
    """A heading over a list; nothing for an empty one."""
    text = between.join(value for value in values if value)
    return _block(name, f'<p dir="auto">{escape(text)}</p>') if text else ""


def _block(name: str, body: str) -> str:
    return f"<h4>{escape(name)}</h4>{body}"


def _number(article: Article) -> str:
    """The PMID as a link, or the number that the article has in this index alone."""
    if article.is_local:
        return f"Local id {article.pmid}"
    return f'PMID <a href="{escape(article.url)}" target="_blank">{article.pmid}</a>'


def _citation(article: Article) -> str:
    """Where the article stands, and its identifiers as links."""
    journal = article.journal or article.journal_abbreviation
    parts = [
        f"<em>{escape(journal)}</em>" if journal else "",
        escape(_source(article)),
    ]
    parts.append(_number(article))
    if article.doi:
        parts.append(f'DOI <a href="https://doi.org/{quote(article.doi)}" target="_blank">{escape(article.doi)}</a>')
    if article.pmcid:
        parts.append(f'<a href="{_pmc(article)}" target="_blank">{escape(article.pmcid)}</a>')
    return ". ".join(part for part in parts if part)
