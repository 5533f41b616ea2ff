"""The values by which articles are filtered: which ones an article has, and which ones a user's words stand for.

Both legs of a search go by these: the bitmaps of `columns` and the fields of the lexical index hold the terms of `terms_of`.
"""

import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

from search.article import Article, Author, MeshHeading
from search.condition import Condition, Or, Term, TermField
from search.errors import QueryError

# Gives the narrower headings of a MeSH heading or publication type.
Narrower: TypeAlias = Callable[[str], tuple[str, ...]]

# Letters that Unicode does not take apart into a base and an accent, and signs that are typed in several ways.
_FOLDED = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ı": "i"}  # noqa: RUF001
    | dict.fromkeys("’‘ʼ", "'")  # noqa: RUF001  (the typographic ones are the point)
    | dict.fromkeys("‐–", "-")  # noqa: RUF001
)
_ACCENTS = re.compile("[\u0300-\u036f]")
_AROUND_SLASH = re.compile(r"\s*/\s*")
_BETWEEN_INITIALS = re.compile(r"(?<= \w) (?=\w(?: |$))")
_AUTHOR_SIGNS = str.maketrans({".": " ", ",": " ", "-": " ", "'": None})
_DOI_ADDRESS = re.compile(r"^(?:https?://(?:dx\.)?doi\.org/|doi:\s*)")
_PMID = re.compile("[0-9]{1,8}")
_LONGEST_INITIALS = 2
# The hot ones of some 700,000 headings with subheadings, which fill most of PubMed.
_TERMS_KEPT = 2**18

# The fields of `subject_terms`.
SUBJECT_FIELDS = frozenset(
    {
        TermField.MESH,
        TermField.MAJOR_MESH,
        TermField.SUBHEADING,
        TermField.PUBLICATION_TYPE,
        TermField.JOURNAL,
        TermField.LANGUAGE,
    }
)

# The code of NLM (MARC), then what users write: the name, the two letters of ISO 639-1, another three of ISO 639-2.
_LANGUAGES = """
afr afrikaans af; alb albanian sq sqi; ara arabic ar; arm armenian hy hye; aze azerbaijani az; baq basque eu eus;
bos bosnian bs; bul bulgarian bg; cat catalan ca; chi chinese zh zho; cze czech cs ces; dan danish da; dut dutch nl nld;
eng english en; epo esperanto eo; est estonian et; fin finnish fi; fre french fr fra; geo georgian ka kat;
ger german de deu; gle irish ga; glg galician gl; gre greek el ell; heb hebrew he; hin hindi hi; hrv croatian hr;
hun hungarian hu; ice icelandic is isl; ind indonesian id; ita italian it; jpn japanese ja; kor korean ko; lat latin la;
lav latvian lv; lit lithuanian lt; mac macedonian mk mkd; may malay ms msa; nor norwegian no; per persian fa fas;
pol polish pl; por portuguese pt; rum romanian ro ron; rus russian ru; slo slovak sk slk; slv slovenian sl slovene;
spa spanish es castilian; srp serbian sr; swe swedish sv; tha thai th; tur turkish tr; ukr ukrainian uk; vie vietnamese vi;
wel welsh cy cym
"""
_LANGUAGE_CODES = {name: line.split()[0] for line in _LANGUAGES.split(";") for name in line.split()[1:]}
_LANGUAGE_NAMES = {code: name for code, name, *_ in (line.split() for line in _LANGUAGES.split(";"))}


def language_name(code: str) -> str:
    """The English name of a language, or its code where that is a rare one."""
    return _LANGUAGE_NAMES.get(code, code).capitalize()


@dataclass(frozen=True, slots=True)
class Explosion:
    """A heading that finds its narrower headings, too; `subheading` is "" or begins with its slash, and goes with each."""

    heading: str
    subheading: str
    narrower: tuple[str, ...]

    @property
    def values(self) -> tuple[str, ...]:
        """What is looked for: the heading first, then the narrower ones."""
        return tuple(name + self.subheading for name in (self.heading, *self.narrower))


def terms_of(article: Article) -> Iterator[Term]:
    """Every value of an article, each once, but for its PMID."""
    yield from subject_terms(article)
    yield from dict.fromkeys(_author_terms(article))
    if doi := normalised(TermField.DOI, article.doi):
        yield Term(TermField.DOI, doi)


def subject_terms(article: Article) -> Iterator[Term]:
    """The values of an article in the fields that many articles share: MeSH, publication type, journal, language."""
    yield from (term for term in dict.fromkeys(_all_subject_terms(article)) if term.value)


def normalised(field: TermField, text: str) -> str:
    """The form of a value in which it is stored and looked up; "" where nothing of it is left.

    Case, accents, further white space and trailing dots do not count; nor do dots in journals, nor dots, commas, hyphens and
    apostrophes in authors. A trailing ``*`` is never part of a value.
    """
    value = _stripped(_folded(text))
    shape = _SHAPES.get(field)
    return _stripped(shape(value)) if shape else value


def condition_of(field: TermField, text: str, *, truncated: bool = False) -> Condition:
    """What a user typed for a field; with `truncated`, any value that begins with it.

    Authors as PubMed has them: initials may be more (``smith j`` is Smith J and Smith JA), a name is whole (``smith`` is any
    Smith and no Smithson, ``smith john`` is also Smith John Andrew). Raises QueryError where no value is left of `text`, and
    on a PMID that is no number or not whole.
    """
    value = normalised(field, text)
    if not value:
        raise QueryError(f"The field {field} needs a value to look for; found {text!r}.")
    if field is TermField.PMID and (truncated or not _PMID.fullmatch(value)):
        raise QueryError(f"A PMID is a number of at most 8 digits, written whole; found {text!r}.")
    if truncated or field not in _AUTHOR_FIELDS:
        return Term(field, value, prefix=truncated)
    before, _, last = value.rpartition(" ")
    if before and len(last) <= _LONGEST_INITIALS:
        return Term(field, value, prefix=True)
    return Or((Term(field, value), Term(field, value + " ", prefix=True)))


def explosion_of(value: str, narrower: Narrower | None) -> Explosion | None:
    """What a heading, with or without a subheading, stands for beside itself; None where that is nothing, as before a ``*``."""
    if narrower is None or value.rstrip().endswith("*"):
        return None
    heading, slash, subheading = value.partition("/")
    found = narrower(heading.strip())
    return Explosion(heading.strip(), slash + subheading, found) if found else None


def _all_subject_terms(article: Article) -> Iterator[Term]:
    for heading in article.mesh:
        yield from _mesh_terms(heading)
    for publication_type in article.publication_types:
        yield _term(TermField.PUBLICATION_TYPE, publication_type)
    for name in (article.journal, article.journal_abbreviation, article.issn):
        yield _term(TermField.JOURNAL, name)
    for language in article.languages:
        yield _term(TermField.LANGUAGE, language)


def _mesh_terms(heading: MeshHeading) -> Iterator[Term]:
    """A heading is a main topic where it is marked so itself, or where one of its subheadings is."""
    yield _term(TermField.MESH, heading.descriptor)
    if heading.major or any(qualifier.major for qualifier in heading.qualifiers):
        yield _term(TermField.MAJOR_MESH, heading.descriptor)
    for qualifier in heading.qualifiers:
        qualified = f"{heading.descriptor}/{qualifier.name}"
        yield _term(TermField.SUBHEADING, qualifier.name)
        yield _term(TermField.MESH, qualified)
        if qualifier.major:
            yield _term(TermField.MAJOR_MESH, qualified)


def _author_terms(article: Article) -> Iterator[Term]:
    """PubMed's first and last author are persons; nobody knows the last one of a list that was cut."""
    names = [_names(author) for author in article.authors]
    people = [some for some, author in zip(names, article.authors, strict=True) if not author.collective_name]
    last = people[-1:] if article.authors_complete else []
    for field, named in ((TermField.AUTHOR, names), (TermField.FIRST_AUTHOR, people[:1]), (TermField.LAST_AUTHOR, last)):
        yield from (Term(field, name) for some in named for name in some if name)


def _names(author: Author) -> list[str]:
    """``smith ja``, ``smith ja jr``, ``smith john andrew``; the name of a group."""
    written = [author.collective_name or f"{author.last_name} {author.initials}"]
    if not author.collective_name:
        written += [f"{written[0]} {author.suffix}"] if author.suffix else []
        written += [f"{author.last_name} {author.fore_name}"] if author.fore_name else []
    return [normalised(TermField.AUTHOR, name) for name in written]


@lru_cache(_TERMS_KEPT)
def _term(field: TermField, text: str) -> Term:
    return Term(field, normalised(field, text))


def _folded(text: str) -> str:
    """No case, no accents, one space between words."""
    if not text.isascii():
        bare = _ACCENTS.sub("", unicodedata.normalize("NFKD", text)).casefold().translate(_FOLDED)
        text = unicodedata.normalize("NFKC", bare)
    return " ".join(text.lower().split())


def _stripped(value: str) -> str:
    return value.strip().rstrip(" .*")


def _journal(value: str) -> str:
    return " ".join(value.replace(".", " ").split()).removeprefix("the ")


def _author(value: str) -> str:
    return _BETWEEN_INITIALS.sub("", " ".join(value.translate(_AUTHOR_SIGNS).split()))


def _heading(value: str) -> str:
    return _AROUND_SLASH.sub("/", value)


_AUTHOR_FIELDS = (TermField.AUTHOR, TermField.FIRST_AUTHOR, TermField.LAST_AUTHOR)
_SHAPES: dict[TermField, Callable[[str], str]] = {
    TermField.MESH: _heading,
    TermField.MAJOR_MESH: _heading,
    TermField.JOURNAL: _journal,
    TermField.LANGUAGE: lambda value: _LANGUAGE_CODES.get(value, value),
    TermField.DOI: lambda value: _DOI_ADDRESS.sub("", value),
    TermField.PMID: lambda value: value.lstrip("0"),
    **dict.fromkeys(_AUTHOR_FIELDS, _author),
}
