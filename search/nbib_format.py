"""Writes NBIB, NLM's own tagged text ("PubMed format"), which loses the least: MeSH subheadings, types and links stay.

The tags: https://www.nlm.nih.gov/bsd/mms/medlineelements.html
"""

import textwrap
from collections.abc import Iterable, Iterator

from search.article import Article, Author, Correction, Flag, MeshHeading, OtherAbstract
from search.citation import RETRACTED_TYPE, fore_name_of, one_line

_COLUMNS = 80
_UNWRAPPED = frozenset({"PMID", "IS", "LID", "AID", "PMC"})  # readers take these from one line
_TAGS_OF_CORRECTIONS = {
    "CommentIn": "CIN",
    "CommentOn": "CON",
    "CorrectedandRepublishedFrom": "CRF",
    "CorrectedandRepublishedIn": "CRI",
    "ExpressionOfConcernFor": "ECF",
    "ExpressionOfConcernIn": "ECI",
    "ErratumFor": "EFR",
    "ErratumIn": "EIN",
    "OriginalReportIn": "ORI",
    "RetractionIn": "RIN",
    "RetractionOf": "ROF",
    "RepublishedFrom": "RPF",
    "RepublishedIn": "RPI",
    "RetractedandRepublishedFrom": "RRF",
    "RetractedandRepublishedIn": "RRI",
    "SummaryForPatientsIn": "SPIN",
    "UpdateIn": "UIN",
    "UpdateOf": "UOF",
}

Fields = Iterator[tuple[str, str]]


def to_nbib(articles: Iterable[Article], currency: str = "") -> str:
    """The articles as NBIB; `currency`, how current the data is, stands in each record's general note."""
    return "\n".join(_record(article, currency) for article in articles)


def _record(article: Article, currency: str) -> str:
    fields = (
        *_issue(article),
        *_texts(article),
        *_people(article),
        *_journal(article),
        *_subjects(article),
        *_links(article),
        ("GN", "" if article.is_local else currency),
        ("SO", _source(article)),
    )
    return "".join(_field(tag, line) for tag, value in fields if (line := one_line(value)))


def _field(tag: str, value: str) -> str:
    """``TI  - ...``, wrapped between words with six spaces before what continues."""
    label = f"{tag:<4}- "
    if tag in _UNWRAPPED:
        return f"{label}{value}\n"
    wrapped = textwrap.wrap(
        value,
        _COLUMNS,
        initial_indent=label,
        subsequent_indent=" " * len(label),
        break_long_words=False,
        break_on_hyphens=False,
    )
    return "\n".join([*wrapped, ""])


def _issue(article: Article) -> Fields:
    # A record without a PMID ends with the blank line before the next one, and a reader knows the file by its owner's tag.
    yield "OWN", "LOCAL" if article.is_local else ""
    yield "PMID", "" if article.is_local else str(article.pmid)
    yield "LR", article.revised.replace("-", "")
    # NLM says in brackets which edition the ISSN is of; an article does not know, and some readers insist on a word.
    yield "IS", f"{article.issn} (ISSN)" if article.issn else ""
    yield "VI", article.volume
    yield "IP", article.issue
    yield "DP", article.publication_date or str(article.year or "")


def _texts(article: Article) -> Fields:
    book_title = (article.journal or article.title) if article.is_book else ""
    yield "TI", article.title if article.title != book_title else ""
    yield "BTI", book_title
    yield "PG", article.pages
    yield "LID", _doi(article)
    yield "AB", article.abstract
    for other in article.other_abstracts:
        yield from _other_abstract(other)
    yield "CI", article.copyright


def _other_abstract(other: OtherAbstract) -> Fields:
    text = " ".join(f"{section.label}: {section.text}" if section.label else section.text for section in other.sections)
    yield "OAB", f"{other.kind}: {text}" if other.kind else text
    yield "OABL", other.language


def _people(article: Article) -> Fields:
    for author in article.authors:
        if author.collective_name:
            yield "CN", author.collective_name
        else:
            yield "FAU", _full_name(author)
            yield "AU", author.name
    if not article.authors_complete:
        yield "AU", "et al."


def _full_name(author: Author) -> str:
    """``Smith, John A Jr``."""
    first = " ".join(part for part in (fore_name_of(author), author.suffix) if part)
    return f"{author.last_name}, {first}" if first else author.last_name


def _journal(article: Article) -> Fields:
    types = article.publication_types
    yield from (("LA", language) for language in article.languages)
    yield from (("PT", kind) for kind in types)
    if Flag.RETRACTED in article.flags and RETRACTED_TYPE not in types:
        yield "PT", RETRACTED_TYPE
    yield "DEP", article.electronic_date.replace("-", "")
    yield "TT", article.vernacular_title
    yield "TA", article.journal_abbreviation
    yield "JT", "" if article.is_book else article.journal
    yield "PUBM", article.publication_model


def _subjects(article: Article) -> Fields:
    yield from (("MH", _heading(heading)) for heading in article.mesh)
    yield from (("OT", keyword) for keyword in article.keywords)


def _heading(heading: MeshHeading) -> str:
    """``Heart Failure/*drug therapy/mortality``; a star marks a major topic."""
    parts = ((heading.descriptor, heading.major), *((one.name, one.major) for one in heading.qualifiers))
    return "/".join(f"*{name}" if major else name for name, major in parts)


def _links(article: Article) -> Fields:
    yield "AID", _doi(article)
    yield "PMC", article.pmcid
    for one in article.corrections:
        if one.ref_type in _TAGS_OF_CORRECTIONS:
            yield _TAGS_OF_CORRECTIONS[one.ref_type], _linked(one)


def _linked(correction: Correction) -> str:
    """``Lancet. 2000 Dec 9;356(9246):2008. PMID: 11130543``, as far as it is known."""
    source = correction.source.removesuffix(".")
    if correction.pmid is None:
        return source or "Source not given"
    return f"{source}. PMID: {correction.pmid}" if source else f"PMID: {correction.pmid}"


def _doi(article: Article) -> str:
    return f"{article.doi} [doi]" if article.doi else ""


def _source(article: Article) -> str:
    """The citation in one line, ``J Made Up Med. 2014 Mar-Apr;12(4 Suppl 1):371-5. doi: 10.5555/its-own.``, as printed."""
    issue = f"({article.issue})" if article.issue else ""
    number = f";{article.volume}{issue}" if article.volume or issue else ""
    pages = f":{article.pages}" if article.pages else ""
    date = article.publication_date or str(article.year or "")
    parts = (article.journal_abbreviation or article.journal, f"{date}{number}{pages}", article.doi and f"doi: {article.doi}")
    return " ".join(f"{part}." for part in parts if part)
