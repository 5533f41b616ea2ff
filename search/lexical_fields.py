"""The fields of the lexical index: which there are, what of an article goes into each, and what each weighs.

Ranked fields hold stems, without positions; exact fields hold words as they are written, with positions, for phrases.
"""

from collections.abc import Sequence
from enum import StrEnum

import tantivy

from search.article import Article, Flag
from search.condition import TextField
from search.filter_terms import terms_of
from search.words import spelt_out, whole_names


class Ranked(StrEnum):
    """The fields whose words are scored."""

    TITLE = "title"
    ABSTRACT = "abstract"
    MESH = "mesh"
    KEYWORDS = "keywords"
    NAMES = "names"
    PEOPLE = "people"
    JOURNAL = "journal"


# Chosen on development queries: README, "Measured".
WEIGHTS = {
    Ranked.TITLE: 0.5,
    Ranked.ABSTRACT: 1.0,
    Ranked.MESH: 0.5,
    Ranked.KEYWORDS: 0.2,
    Ranked.NAMES: 0.5,
    Ranked.PEOPLE: 0.3,
    Ranked.JOURNAL: 0.2,
}

# Where the words of a condition are looked for; people and journals are ranked as they are written, so they serve twice.
EXACT = {
    TextField.TITLE: ("title_words",),
    TextField.ABSTRACT: ("abstract_words",),
    TextField.TITLE_ABSTRACT: ("title_words", "abstract_words"),
    TextField.KEYWORDS: ("keyword_words",),
    TextField.ALL: ("title_words", "abstract_words", "keyword_words", "mesh_words", Ranked.PEOPLE, Ranked.JOURNAL),
}
PMID, YEAR, FACTS = "pmid", "year", "facts"

_STEMMED = (Ranked.TITLE, Ranked.ABSTRACT, Ranked.MESH, Ranked.KEYWORDS)
_WRITTEN = tuple(dict.fromkeys(name for names in EXACT.values() for name in names))


def schema() -> tantivy.Schema:
    """The schema of every lexical index of this format."""
    builder = tantivy.SchemaBuilder()
    for field in _STEMMED:
        builder.add_text_field(field, tokenizer_name="stems", index_option="freq")
    builder.add_text_field(Ranked.NAMES, tokenizer_name="whitespace", index_option="freq")
    for name in _WRITTEN:
        builder.add_text_field(name, tokenizer_name="exact", index_option="position")
    builder.add_text_field(FACTS, tokenizer_name="raw", index_option="basic")
    builder.add_unsigned_field(PMID, indexed=True, fast=True)
    builder.add_unsigned_field(YEAR, indexed=True, fast=True)
    return builder.build()


def document(article: Article) -> tantivy.Document:
    """An article as the lexical index holds it; nothing of it is stored, the catalogue has it all."""
    title, abstract = spelt_out(article.title), spelt_out(article.abstract)
    headings = [spelt_out(heading.descriptor) for heading in article.mesh]
    qualifiers = [qualifier.name for heading in article.mesh for qualifier in heading.qualifiers]
    texts: dict[str, Sequence[str]] = {
        Ranked.TITLE: [title],
        Ranked.ABSTRACT: [abstract],
        Ranked.MESH: [" ".join([*headings, *dict.fromkeys(qualifiers)])],
        Ranked.KEYWORDS: [spelt_out(" ".join(article.keywords))],
        Ranked.NAMES: [" ".join(whole_names(f"{article.title} {article.abstract} {' '.join(article.keywords)}"))],
        "title_words": [title],
        "abstract_words": [abstract],
        "keyword_words": list(map(spelt_out, article.keywords)),
        "mesh_words": headings,
        Ranked.PEOPLE: [spelt_out(author.name) for author in article.authors],
        Ranked.JOURNAL: list(map(spelt_out, (article.journal, article.journal_abbreviation))),
        FACTS: [fact(term.field, term.value) for term in terms_of(article)] + [flag_fact(flag) for flag in article.flags],
    }
    made = tantivy.Document()
    made.add_unsigned(PMID, article.pmid)
    made.add_unsigned(YEAR, article.year or 0)
    for name, values in texts.items():
        for value in filter(None, values):
            made.add_text(name, value)
    return made


def fact(field: str, value: str) -> str:
    """A value of a term field, or its beginning, as one word of the field of facts, which is valid UTF-8."""
    return f"{field}:{value}".encode(errors="surrogatepass").decode(errors="replace")


def flag_fact(flag: Flag) -> str:
    """A flag as one word of the field of facts."""
    return fact("flag", str(flag.name).lower())
