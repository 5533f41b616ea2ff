"""From what was typed to what is asked: looked up, filtered exactly, ranked, and what is to be said of it."""

from collections.abc import Iterator
from dataclasses import dataclass

from search.abbreviations import abbreviations_in
from search.condition import And, Condition, Term
from search.filter_terms import Narrower
from search.filters import Filters
from search.mesh_tree import MeshTree
from search.open_generation import OpenGeneration
from search.pubmed_syntax import Understood, describe, lookup, understand
from search.results import Understanding
from search.spelling import suggestions


@dataclass(frozen=True, slots=True)
class Request:
    """What a text asks: `condition` filters (None: everything), `found` are the PMIDs that it names (None: it names none)."""

    understanding: Understanding
    condition: Condition | None
    found: tuple[int, ...] | None = None

    @property
    def question(self) -> str:
        """What is ranked by meaning and words; "" for nothing."""
        return self.understanding.question

    @property
    def question_in_full(self) -> str:
        """The question with the other forms of its abbreviations, for the encoder."""
        added = "; ".join(one.added for one in self.understanding.abbreviations)
        return f"{self.question} ({added})" if added else self.question


def readable(text: str) -> str:
    """The text as UTF-8 can hold it, white space around it gone: bytes that are none reach a command line as surrogates."""
    return text.encode("utf-8", "replace").decode().strip()


def read_text(text: str, filters: Filters, files: OpenGeneration, mesh_tree: MeshTree | None) -> Request:
    """Understand a text as a PMID or DOI, as PubMed's syntax, or as free text. Raises QueryError on faulty syntax."""
    named = lookup(text)
    if isinstance(named, Term):
        found = files.lexical.pmids_of(named)
        if len(found):
            return Request(Understanding("", filter=describe(named)), named, tuple(found.tolist()))
    narrower = mesh_tree.narrower if mesh_tree else None
    understood = understand(text, narrower)
    notes = [*_on_lookup(named), *_on_headings(understood, filters, narrower)]
    question = understood.question
    understanding = Understanding(
        question,
        filter=describe(understood.asked) if understood.asked is not None else "",
        notes=tuple(notes),
        # An exact filter asks for the words as they were typed, in one form.
        abbreviations=abbreviations_in(
            understood.free_words if understood.is_syntax else question, files.catalogue, files.lexical
        ),
        suggestions=suggestions(question, files.catalogue, files.lexical),
    )
    return Request(understanding, both(filters.condition(narrower), understood.condition))


def both(first: Condition | None, second: Condition | None) -> Condition | None:
    """Two conditions as one; None where everything meets it."""
    parts = tuple(part for part in (first, second) if part is not None and part != And(()))
    if not parts:
        return None
    return parts[0] if len(parts) == 1 else And(parts)


def _on_lookup(named: Condition | None) -> Iterator[str]:
    if named is not None:
        yield f"No article of this index is {describe(named)}: it was searched for as words."


def _on_headings(understood: Understood, filters: Filters, narrower: Narrower | None) -> Iterator[str]:
    """Which headings were searched with their narrower ones, and which were not for want of NLM's file."""
    counts = {one.heading: len(one.narrower) for one in (*understood.exploded, *filters.exploded(narrower))}
    for heading, count in counts.items():
        yield f"{heading} was searched with {count:,} narrower heading{'s' if count > 1 else ''}."
    if narrower is None and (alone := dict.fromkeys([*understood.headings, *filters.mesh])):
        yield f"Searched without narrower headings: {', '.join(alone)}. With NLM's MeSH file (--mesh-tree) they are found, too."
