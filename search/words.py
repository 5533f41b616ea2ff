"""What a word is to the lexical index: folding, stemming, stop words, and the tokens of molecules and genes kept whole."""

import functools
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator

import tantivy

# Lucene's list for English: short, so that "vitamin A" loses its A and "not" is not asked for, and little else goes.
STOP_WORDS = frozenset(
    """
    a an and are as at be but by for if in into is it no not of on or such that the their then there these they this to was
    will with
    """.split()  # noqa: SIM905  (a list of so many words is hard to read)
)
# Questions have them and abstracts hardly do, so that BM25 takes them for rare. In capitals they are abbreviations.
_ASKING = re.compile(
    r"\b(?:[Ww]h(?:at|ich|y|en|ere)|[Hh]ow|[Dd](?:o|oes|id)|[Hh]a(?:s|ve|d)|[Ww]ere|[Bb]een|[Ff]rom)\b(?![-/])", re.ASCII
)
# Of "a newborn's pain" the s is no word, and would be marked wherever there is another.
_POSSESSIVE = re.compile(r"(?<=[^\W\d_])['\N{RIGHT SINGLE QUOTATION MARK}]s\b")
# Longer runs of letters are sequences, addresses or noise.
_LONGEST = 60
# "TGF-β1" and "TGF-beta1" are one name; text and questions are both spelt out. tantivy takes no half of a surrogate pair.
_SPELT = dict.fromkeys(range(0xD800, 0xE000), " ") | str.maketrans(
    dict(
        pair.split("=")
        for pair in """
        α=alpha β=beta γ=gamma δ=delta ε=epsilon ζ=zeta η=eta θ=theta ι=iota κ=kappa λ=lambda μ=mu ν=nu ξ=xi ο=omicron π=pi
        ρ=rho σ=sigma ς=sigma τ=tau υ=upsilon φ=phi χ=chi ψ=psi ω=omega µ=mu ϕ=phi ϵ=epsilon Γ=gamma Δ=delta Θ=theta
        Λ=lambda Ξ=xi Π=pi Σ=sigma Φ=phi Ψ=psi Ω=omega
        """.split()  # noqa: RUF001, SIM905  (Greek is the point, and a list of so many words is hard to read)
    )
)
_HYPHENS = "-\N{HYPHEN}\N{NON-BREAKING HYPHEN}\N{EN DASH}"
_JOINED = re.compile(rf"[^\W_]+(?:[{_HYPHENS}][^\W_]+)*")
_COMPOUND = re.compile(rf"[^\W_]+(?:[{_HYPHENS}'\N{{RIGHT SINGLE QUOTATION MARK}}][^\W_]+)*")
_JOINTS = re.compile(r"[\W_]+")
_WORD = re.compile(r"[^\W_]+")
_SHORT_PART = 3


def spelt_out(text: str) -> str:
    """The text with its Greek letters as their names, and without what is no character at all."""
    return text if text.isascii() else text.translate(_SPELT)


def whole_names(text: str) -> Iterator[str]:
    """The names in a text that its words would tear apart, in one piece: ``IL-6`` as ``il6``, ``TGF-β1`` as ``tgfbeta1``.

    A name has letters and digits (BRCA1, 5-HT2A, COVID-19), a Greek letter, or parts that are joined and one of at most
    three letters (NF-kB): `cost-effectiveness` is two words and no name.
    """
    return (_in_one_piece(written) for written in _joined(text) if _is_name(written))


def names_asked(text: str) -> Iterator[str]:
    """The names of a question, in one piece: those with a digit, a Greek letter or a capital.

    In "pre-school" the parts are what is meant, and asked for already: nDCG@10 on MED is 0.5 lower where it counts once more.
    """
    return (_in_one_piece(written) for written in _joined(text) if _is_name(written) and not _is_plain(written))


def _joined(text: str) -> list[str]:
    """The words of a text, hyphens and all, that are not plain letters: nearly all are, and a build looks at every one."""
    return [word for word in _JOINED.findall(text) if not (word.isascii() and word.isalpha())]


def _is_plain(written: str) -> bool:
    return written == spelt_out(written).lower() and not any(map(str.isdigit, written))


def names_at(text: str) -> Iterator[tuple[str, int, int]]:
    """The names in a text in one piece, and where each begins and ends."""
    for found in _JOINED.finditer(text):
        if _is_name(found.group()):
            yield _in_one_piece(found.group()), found.start(), found.end()


def _in_one_piece(written: str) -> str:
    # CO₂ and ¹⁸F are typed CO2 and 18F.
    return _JOINTS.sub("", unicodedata.normalize("NFKC", spelt_out(written)).casefold())


def _is_name(written: str) -> bool:
    if (written.isascii() and written.isalpha()) or len(written) > _LONGEST or not any(map(str.isalpha, written)):
        return False
    if any(map(str.isdigit, written)) or spelt_out(written) != written:
        return True
    parts = _JOINTS.split(written)
    return len(parts) > 1 and min(map(len, parts)) <= _SHORT_PART


def exact_words(text: str) -> list[str]:
    """The words of a text as they are written, in lower case and without accents: what exact fields hold."""
    return _exact().analyze(spelt_out(text))


def stems(text: str) -> list[str]:
    """The stems of a text's words, stop words left out: what is ranked."""
    return _stemming().analyze(spelt_out(text))


def stem_counts(text: str) -> Counter[str]:
    """How often each stem occurs in a text."""
    return Counter(stems(text))


def without_asking(text: str) -> str:
    """A question without the words that only ask, "what", "does", and without the s of possessives."""
    return _ASKING.sub(" ", _POSSESSIVE.sub(" ", text))


def spelt_words(text: str) -> Iterator[re.Match[str]]:
    """Every word of a text where it stands."""
    return _WORD.finditer(text)


def compounds(text: str) -> Iterator[re.Match[str]]:
    """Every word of a text where it stands, with those that hyphens and apostrophes join to it: ``Parkinson's``."""
    return _COMPOUND.finditer(text)


def register(index: tantivy.Index) -> None:
    """Teach an index the two analyzers that its schema names."""
    index.register_tokenizer("stems", _stemming())
    index.register_tokenizer("exact", _exact())


@functools.cache
def _exact() -> tantivy.TextAnalyzer:
    return _folding().build()


@functools.cache
def _stemming() -> tantivy.TextAnalyzer:
    stop = tantivy.Filter.custom_stopword(sorted(STOP_WORDS))
    return _folding().filter(stop).filter(tantivy.Filter.stemmer("english")).build()


def _folding() -> tantivy.TextAnalyzerBuilder:
    builder = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.simple())
    for step in (tantivy.Filter.remove_long(_LONGEST), tantivy.Filter.lowercase(), tantivy.Filter.ascii_fold()):
        builder = builder.filter(step)
    return builder
