"""Which publication types tell a reader something, and in which order."""

from collections.abc import Sequence

from search.facets import Count

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


def telling_first(types: Sequence[Count]) -> list[Count]:
    """Counted publication types, those that matter before the others."""
    return sorted(types, key=lambda one: one.value not in TYPES_THAT_MATTER)


def telling_types(types: Sequence[str]) -> list[str]:
    """The types that matter, without the general ones that a more exact one implies."""
    found = [kind for kind in TYPES_THAT_MATTER if kind in types]
    return [kind for kind in found if not _is_implied(kind, found)]


def _is_implied(kind: str, found: Sequence[str]) -> bool:
    return kind in _IMPLIED and any(_IMPLIED[kind] in other for other in found if other != kind)
