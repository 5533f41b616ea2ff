"""Writes BibTeX, in UTF-8, with everything escaped that LaTeX or BibTeX would read as its own."""

import unicodedata
from collections.abc import Iterable

from search.article import Article, Author
from search.citation import first_and_last_page, fore_name_of, headings_and_keywords, one_line, warnings

# Braces become commands, because BibTeX counts them whether a backslash stands before them or not.
_ESCAPES = str.maketrans(
    {
        "\\": r"\textbackslash{}",
        "{": r"\textbraceleft{}",
        "}": r"\textbraceright{}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        **{character: f"\\{character}" for character in "%&$#_"},
    }
)
_LETTERS = str.maketrans({"ø": "o", "ł": "l", "ß": "ss", "æ": "ae", "œ": "oe", "đ": "d", "ð": "d", "þ": "th"})
_VERBATIM = str.maketrans({"{": "%7B", "}": "%7D", "\\": "%5C"})


def to_bibtex(articles: Iterable[Article], currency: str = "") -> str:
    """The articles as BibTeX; `currency`, how current the data is, stands once before them, where BibTeX reads nothing."""
    note = f"% {one_line(currency).replace('@', ' at ')}\n\n" if currency else ""
    return note + "\n".join(_entry(article) for article in articles)


def key_of(article: Article) -> str:
    """``smith2019_24293578``: the first author and the year in ASCII, and the PMID or local id, which makes it unique."""
    author = article.authors[0] if article.authors else Author()
    name = unicodedata.normalize("NFKD", (author.last_name or author.collective_name).lower().translate(_LETTERS))
    letters = "".join(character for character in name if character.isascii() and character.isalpha())
    return f"{letters or 'anonymous'}{article.year or ''}_{article.pmid}"


def _entry(article: Article) -> str:
    is_chapter = article.is_book and article.journal not in {"", article.title}
    kind = "incollection" if is_chapter else "book" if article.is_book else "article"
    container = {"incollection": "booktitle", "article": "journal"}.get(kind)
    fields = {
        "title": f"{{{_escaped(article.title)}}}" if article.title else "",
        "author": _authors(article),
        **({container: _escaped(article.journal or article.journal_abbreviation)} if container else {}),
        **_place(article),
        "doi": one_line(article.doi).translate(_VERBATIM),
        "url": article.url,
        "pmid": "" if article.is_local else str(article.pmid),
        "pmcid": _escaped(article.pmcid),
        "keywords": _escaped("; ".join(headings_and_keywords(article))),
        "abstract": _escaped(article.abstract),
        "note": _escaped("; ".join(warnings(article))),
    }
    lines = [f"  {name} = {{{value}}},\n" for name, value in fields.items() if value]
    return f"@{kind}{{{key_of(article)},\n{''.join(lines)}}}\n"


def _place(article: Article) -> dict[str, str]:
    """When and where it was published."""
    pages = "--".join(page for page in first_and_last_page(article.pages) if page)
    return {
        "year": str(article.year or ""),
        "volume": _escaped(article.volume),
        "number": _escaped(article.issue),
        "pages": _escaped(pages),
        "issn": _escaped(article.issn),
        "language": _escaped("; ".join(article.languages)),
    }


def _authors(article: Article) -> str:
    """``Smith, Jr, John A and {PARADIGM-XY Investigators} and others``."""
    names = [name for author in article.authors if (name := _author(author))]
    return " and ".join(names if article.authors_complete else [*names, "others"])


def _author(author: Author) -> str:
    """A person in parts; a group, or a person of one name, in braces, which keep BibTeX from taking it apart."""
    if author.collective_name or not fore_name_of(author):
        name = _escaped(author.collective_name or author.name)
        return f"{{{name}}}" if name else ""
    parts = (author.last_name, author.suffix, fore_name_of(author))
    return ", ".join(_part(part) for part in parts if one_line(part))


def _part(name: str) -> str:
    """A part of a name; one with a comma or an ``and`` of its own in braces."""
    escaped = _escaped(name)
    return f"{{{escaped}}}" if "," in name or "and" in name.lower().split() else escaped


def _escaped(text: str) -> str:
    return one_line(text).translate(_ESCAPES)
