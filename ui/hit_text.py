"""An article as HTML: the one place where text from records becomes markup, and all of it is escaped.

Records are shown with `st.html` alone. Streamlit's other elements read labels and text as Markdown, in which titles
such as "*In vivo* :red[...] $p$" would be formatted instead of shown.
"""

from collections.abc import Iterable, Sequence
from html import escape
from urllib.parse import quote

from search.article import AbstractSection, Article, Author, Flag

SHOWN_AUTHORS = 3
SHOWN_TYPES = 3
SNIPPET_LENGTH = 420

# From the strongest evidence to the weakest; "Journal Article", funding and language say nothing to a reader.
TYPES_THAT_MATTER = (
    "Practice Guideline",
    "Guideline",
    "Consensus Development Conference",
    "Systematic Review",
    "Meta-Analysis",
    "Network Meta-Analysis",
    "Randomized Controlled Trial",
    "Randomized Controlled Trial, Veterinary",
    "Pragmatic Clinical Trial",
    "Adaptive Clinical Trial",
    "Equivalence Trial",
    "Controlled Clinical Trial",
    "Clinical Trial, Phase IV",
    "Clinical Trial, Phase III",
    "Clinical Trial, Phase II",
    "Clinical Trial, Phase I",
    "Clinical Trial Protocol",
    "Clinical Trial",
    "Observational Study",
    "Validation Study",
    "Scoping Review",
    "Review",
    "Case Reports",
    "Preprint",
    "Editorial",
    "Letter",
    "Comment",
    "News",
)
# A general type, and the word by which a more exact one is recognised.
_IMPLIED = {"Clinical Trial": "Trial", "Review": "Review", "Guideline": "Guideline", "Meta-Analysis": "Meta-Analysis"}

_BADGES = {
    Flag.RETRACTED: ("Retracted", "grave"),
    Flag.RETRACTION_NOTICE: ("Retraction notice", "warning"),
    Flag.EXPRESSION_OF_CONCERN: ("Expression of concern", "warning"),
    Flag.ERRATUM: ("Erratum", "warning"),
    Flag.TITLE_ONLY: ("Title only", "quiet"),
    Flag.BOOK: ("Book", "quiet"),
}
_PUBMED = "https://pubmed.ncbi.nlm.nih.gov"
_NOTICES = {
    "RetractionIn": "Retraction notice",
    "ExpressionOfConcernIn": "Notice of concern",
    "ErratumIn": "Erratum notice",
    "RetractionOf": "Retracted article",
}


def title_of(article: Article) -> str:
    """The title as plain text; the original one where there is no other."""
    return article.title or article.vernacular_title or f"Article {article.pmid}, which has no title"


def linked_title(article: Article) -> str:
    """The title, linking to the article's page on PubMed, where it has one, in a new tab."""
    if not article.url:
        return f'<span dir="auto">{escape(title_of(article))}</span>'
    return (
        f'<a href="{escape(article.url)}" target="_blank" dir="auto" title="Opens PubMed in a new tab">'
        f"{escape(title_of(article))}</a>"
    )


def byline(article: Article) -> str:
    """The first authors, the journal in italics and the year."""
    names = [author.name for author in article.authors[:SHOWN_AUTHORS]]
    if names and (len(article.authors) > SHOWN_AUTHORS or not article.authors_complete):
        names.append("et al")
    journal = article.journal or article.journal_abbreviation
    year = str(article.year) if article.year is not None else article.publication_date
    parts = [escape(", ".join(names)), f"<em>{escape(journal)}</em>" if journal else "", escape(year)]
    return ". ".join(part for part in parts if part)


def badges(article: Article) -> str:
    """What a reader must know before trusting the article, then what kind of article it is; "" for a plain one."""
    known = [_badge(*_BADGES[flag]) for flag in _BADGES if flag in article.flags]
    kinds = [_badge(kind, "kind") for kind in _kinds(article.publication_types)[:SHOWN_TYPES]]
    items = "".join([*known, *_notices(article), *kinds])
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
    parts.append(_named("MeSH headings", [f"{heading.descriptor}{'*' * heading.major}" for heading in article.mesh]))
    parts.append(_block("Citation", f"<p>{_citation(article)}</p>"))
    return f'<div class="details">{"".join(parts)}</div>'


def _kinds(types: Sequence[str]) -> list[str]:
    """The types that matter, without the general ones that a more exact one implies."""
    found = [kind for kind in TYPES_THAT_MATTER if kind in types]
    return [kind for kind in found if not _is_implied(kind, found)]


def _is_implied(kind: str, found: Sequence[str]) -> bool:
    return kind in _IMPLIED and any(_IMPLIED[kind] in other for other in found if other != kind)


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
    """Labelled sections with their labels as headings."""
    return "".join(
        (f"<h{depth}>{escape(section.label)}</h{depth}>" if section.label else "") + f'<p dir="auto">{escape(section.text)}</p>'
        for section in sections
    )


def _all_authors(article: Article) -> list[str]:
    names = [_full_name(author) for author in article.authors]
    return names if article.authors_complete or not names else [*names, "et al"]


def _full_name(author: Author) -> str:
    parts = (author.fore_name or author.initials, author.last_name, author.suffix)
    return author.collective_name or " ".join(part for part in parts if part)


def _named(name: str, values: Iterable[str]) -> str:
    """A heading over a comma-separated list; nothing for an empty one."""
    text = ", ".join(value for value in values if value)
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
    place = f"{article.volume}{f'({article.issue})' if article.issue else ''}{f':{article.pages}' if article.pages else ''}"
    source = f"{article.publication_date or article.year or ''}{f';{place}' if place else ''}"
    parts = [f"<em>{escape(article.journal or article.journal_abbreviation)}</em>" if article.journal else "", escape(source)]
    parts.append(_number(article))
    if article.doi:
        parts.append(f'DOI <a href="https://doi.org/{quote(article.doi)}" target="_blank">{escape(article.doi)}</a>')
    if article.pmcid:
        target = f"https://pmc.ncbi.nlm.nih.gov/articles/{quote(article.pmcid, safe='')}/"
        parts.append(f'<a href="{target}" target="_blank">{escape(article.pmcid)}</a>')
    return ". ".join(part for part in parts if part)
