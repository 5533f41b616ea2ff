"""Where the files of reference managers and databases keep a record's PMID: RIS has no tag for it.

A number is taken only where it says that it is a PMID, by its label, its address or the database that it comes from:
a wrong PMID would put one article in the place of another. Record numbers (``ID  - 889``, ``U1  - 102199191``) say nothing.
"""

import re
from collections.abc import Callable, Iterator

from indexer.notation import pmid_of

_PUBMED = re.compile(r"pubmed|medline|\bnlm\b|(?:cmedm|mdc|mdl|mnh)$", re.IGNORECASE)  # the short ones are EBSCO's MEDLINE
_TAG_OF_DATABASE = {"scopus": "C2", "embase": "C5"}
_LABELLED_TAGS = ("AN", "ID", "N1", *(f"{letter}{number}" for letter in "MCU" for number in range(1, 9)))
_URL_TAGS = ("UR", "L1", "L2", "L3", "LK")

# A line of nothing but labelled numbers, as in `PMID: 24293578 PMCID: PMC3912345` and `PUBMED 38407106,EMBASE 643589775`.
# Elsewhere "PMID: 11130543" ends the citation of another article. What a number has taken it keeps: the ways of dividing
# letters between a label and a number's own multiply with every number.
_LABELLED_LINE = re.compile(r"(?>[A-Za-z]{2,10}(?: ID)?[:=]? ?[A-Za-z]{0,4}\d{1,12}(?:[,;|. ]+|$))+")
_LABELLED = re.compile(r"\b(?:(?:PMID|PubMed ID)[:=]? ?(\d+)|(?:PubMed|MEDLINE)[:=]? ?(\d{5,}))(?!\d)", re.IGNORECASE)
_MARKED = re.compile(r"(\d{1,8}) ?\[pmid\]", re.IGNORECASE)  # PubMed Central
_URL = re.compile(
    r"(?:pubmed\.ncbi\.nlm\.nih\.gov/|ncbi\.nlm\.nih\.gov/(?:m/)?pubmed/|pubmed\.gov/|europepmc\.org/(?:article|abstract)/med/"
    r"|[?&]db=(?:cmedm|mdc|mdl|mnh)&an=)(\d{1,8})(?!\d)",
    re.IGNORECASE,
)


def pmids_named(lines: Callable[..., list[str]]) -> set[int]:
    """The PMIDs that a record names as its own; `lines` gives the lines under some tags."""
    return {pmid for digits in _candidates(lines) if (pmid := pmid_of(digits))}


def _candidates(lines: Callable[..., list[str]]) -> Iterator[str]:
    """What stands where a PMID stands."""
    yield from lines("PMID")
    databases = lines("DB") or lines("DP")
    if all(_PUBMED.search(name) for name in databases):
        yield from lines("AN")
    for database, tag in _TAG_OF_DATABASE.items():
        if any(database in name.lower() for name in databases):
            yield from lines(tag)
    for line in lines(*_LABELLED_TAGS):
        yield from _MARKED.findall(line) if _MARKED.fullmatch(line) else ()
        if _LABELLED_LINE.fullmatch(line):
            yield from (found.group(1) or found.group(2) for found in _LABELLED.finditer(line))
    for line in lines(*_URL_TAGS):
        yield from _URL.findall(line)
