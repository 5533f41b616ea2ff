"""What every bibliographic export says of an article in the same words: its lines, pages, dates, warnings and currency."""

import re

from search.article import Article, Author, Correction, Flag
from search.command import plain
from search.results import IndexSummary

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
RETRACTED_TYPE = "Retracted Publication"

# They come back: the RIS reader knows a retracted article by these words.
WARNINGS = {
    Flag.RETRACTED: RETRACTED_TYPE,
    Flag.EXPRESSION_OF_CONCERN: "Expression of concern published",
    Flag.ERRATUM: "Erratum published",
    Flag.RETRACTION_NOTICE: "Retraction of Publication",
}
_REF_TYPES = {
    Flag.RETRACTED: "RetractionIn",
    Flag.EXPRESSION_OF_CONCERN: "ExpressionOfConcernIn",
    Flag.ERRATUM: "ErratumIn",
    Flag.RETRACTION_NOTICE: "RetractionOf",
}
_RANGE = re.compile(r"([^\s-]+) ?- ?([^\s-]+)")
_PAGE = re.compile(r"([^0-9]*)([0-9]{1,18})([^0-9]*)")


def one_line(text: str) -> str:
    """The text as a single line: a line break or a control character could begin a field, or end a record."""
    return " ".join(plain(text).split())


def first_and_last_page(pages: str) -> tuple[str, str]:
    """The ends of the first range in MEDLINE's notation, which leaves out repeated digits and prefixes.

    ``123-9`` is ("123", "129"), ``S45-50; discussion 51`` is ("S45", "S50"), and ``e1234`` is ("e1234", "").
    """
    stretch = one_line(re.split("[;,]", pages, maxsplit=1)[0])
    found = _RANGE.fullmatch(stretch)
    return (found.group(1), _completed(found.group(1), found.group(2))) if found else (stretch, "")


def _completed(first: str, last: str) -> str:
    """The last page with the digits and the prefix that it shares with the first."""
    begins, ends = _PAGE.fullmatch(first), _PAGE.fullmatch(last)
    if not begins or not ends or ends.group(1) not in {"", begins.group(1)}:
        return last
    digits, end_digits = begins.group(2), ends.group(2)
    if len(end_digits) < len(digits):
        end_digits = digits[: -len(end_digits)] + end_digits
    return f"{begins.group(1)}{end_digits}{ends.group(3)}" if int(end_digits) >= int(digits) else last


def fore_name_of(author: Author) -> str:
    """The first names, or the initials set apart as NLM does where it knows no more: ``J A``."""
    return one_line(author.fore_name) or " ".join(one_line(author.initials).replace(" ", ""))


def headings_and_keywords(article: Article) -> list[str]:
    """MeSH descriptors and the authors' keywords, each once."""
    words = (*(heading.descriptor for heading in article.mesh), *article.keywords)
    return list(dict.fromkeys(line for word in words if (line := one_line(word))))


def warnings(article: Article) -> list[str]:
    """What a reader must know before citing: ``Retracted Publication (J Med. 2021;13:9. PMID 32000003)``, worst first."""
    return [_warning(article, flag) for flag in WARNINGS if flag in article.flags]


def _warning(article: Article, flag: Flag) -> str:
    links = [one for one in article.corrections if one.ref_type == _REF_TYPES[flag]]
    named = "; ".join(line for one in links if (line := _source(one)))
    return f"{WARNINGS[flag]} ({named})" if named else WARNINGS[flag]


def _source(link: Correction) -> str:
    pmid = f"PMID {link.pmid}" if link.pmid else ""
    return ". ".join(part for part in (one_line(link.source).removesuffix("."), pmid) if part)


def as_of(index: IndexSummary) -> str:
    """How current the data is, which NLM asks every export to show."""
    updated = f" as of {index.updated}" if index.updated else ""
    return one_line(f"PubMed{updated} (last file {index.last_file}); there may be newer records")
