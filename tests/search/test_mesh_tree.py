"""The tree of MeSH, from both of NLM's files."""

import gzip
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from search.errors import SourceError
from search.mesh_tree import MeshTree
from search.pubmed_syntax import understand

TREES = """\
Body Regions;A01
Respiratory Tract Diseases;C08
Bronchial Diseases;C08.127
Asthma;C08.127.108
Asthma, Aspirin-Induced;C08.127.108.110
Status Asthmaticus;C08.127.108.880
Bronchitis;C08.127.446
Lung Diseases;C08.381
Asthma;C20.543.480.680.095
Asthma, Occupational;C20.543.480.680.095.500
Asthmatics;C08.127.1080
Publication Formats;V02
Review;V02.600
Systematic Review;V02.600.500
"""
DESCRIPTORS = """\
<?xml version="1.0"?>
<!DOCTYPE DescriptorRecordSet SYSTEM "https://www.nlm.nih.gov/databases/dtd/nlmdescriptorrecordset_20260101.dtd">
<DescriptorRecordSet LanguageCode="eng">
<DescriptorRecord DescriptorClass="1">
  <DescriptorUI>D001249</DescriptorUI>
  <DescriptorName><String>Asthma</String></DescriptorName>
  <PharmacologicalActionList><PharmacologicalAction><DescriptorReferredTo>
    <DescriptorUI>D001993</DescriptorUI><DescriptorName><String>Bronchodilator Agents</String></DescriptorName>
  </DescriptorReferredTo></PharmacologicalAction></PharmacologicalActionList>
  <TreeNumberList><TreeNumber>C08.127.108</TreeNumber><TreeNumber>C20.543</TreeNumber></TreeNumberList>
</DescriptorRecord>
<DescriptorRecord DescriptorClass="3">
  <DescriptorName><String>Male</String></DescriptorName>
</DescriptorRecord>
<DescriptorRecord DescriptorClass="1">
  <DescriptorName><String>Sj&#246;gren&apos;s Asthma</String></DescriptorName>
  <TreeNumberList><TreeNumber>C20.543.480</TreeNumber></TreeNumberList>
</DescriptorRecord>
</DescriptorRecordSet>
"""


def written(path: Path, text: str, *, packed: bool = False) -> Path:
    path.write_bytes(gzip.compress(text.encode()) if packed else text.encode())
    return path


@pytest.fixture
def tree(tmp_path: Path) -> MeshTree:
    return MeshTree.read(written(tmp_path / "mtrees2026.bin", TREES))


def test_narrower_headings_are_below_any_place_of_a_heading(tree: MeshTree) -> None:
    assert tree.narrower("Asthma") == ("Asthma, Aspirin-Induced", "Asthma, Occupational", "Status Asthmaticus")
    assert tree.narrower("Bronchial Diseases") == (
        "Asthma",
        "Asthma, Aspirin-Induced",
        "Asthmatics",
        "Bronchitis",
        "Status Asthmaticus",
    )
    assert tree.narrower("Review") == ("Systematic Review",)


@pytest.mark.parametrize("heading", ["asthma", "ASTHMA", " Asthma ", "Asthma.", "Ästhma"])
def test_what_filters_do_not_count_does_not_count(tree: MeshTree, heading: str) -> None:
    assert tree.narrower(heading) == tree.narrower("Asthma")


@pytest.mark.parametrize("heading", ["Crohn's Disease", "crohn\u2019s disease.", "CROHN\u2018S  DISEASE"])
def test_apostrophes_are_one(heading: str) -> None:
    assert MeshTree.of([("Crohn\u2019s Disease", "C01"), ("Ileitis", "C01.1")]).narrower(heading) == ("Ileitis",)


@pytest.mark.parametrize("heading", ["Status Asthmaticus", "Body Regions", "C08", "no such heading", ""])
def test_leaves_and_unknown_headings_have_none(tree: MeshTree, heading: str) -> None:
    assert tree.narrower(heading) == ()


def test_a_heading_below_itself_is_not_narrower() -> None:
    assert MeshTree.of([("A", "C01"), ("B", "C01.1"), ("A", "C01.1.1")]).narrower("a") == ("B",)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_files_may_be_packed_and_begin_with_a_mark(tmp_path: Path, tree: MeshTree, mark: str, packed: bool) -> None:
    assert MeshTree.read(written(tmp_path / "trees", mark + TREES.replace("\n", "\r\n") + "\n", packed=packed)) == tree
    descriptors = MeshTree.read(written(tmp_path / "desc", mark + DESCRIPTORS, packed=packed))
    assert descriptors.narrower("asthma") == ("Sjögren's Asthma",)
    assert descriptors.order == ("C08.127.108", "C20.543", "C20.543.480")


def test_entities_are_not_expanded(tmp_path: Path) -> None:
    secret = written(tmp_path / "secret", "secret")
    text = DESCRIPTORS.replace('dtd">', f'dtd" [<!ENTITY leak SYSTEM "{secret.as_uri()}">]>').replace("Sj&#246;", "&leak;")
    names = MeshTree.read(written(tmp_path / "desc", text)).names
    assert "secret" not in "".join(names)


def test_a_syntax_query_explodes_by_it(tree: MeshTree) -> None:
    understood = understand("asthma[mh] NOT review[pt]", tree.narrower)
    assert [(one.heading, len(one.narrower)) for one in understood.exploded] == [("asthma", 3), ("review", 1)]


@pytest.mark.parametrize(
    ("write", "said"),
    [
        (lambda path: None, "cannot be read"),
        (lambda path: path.mkdir(), "cannot be read"),
        (lambda path: written(path, ""), "found none"),
        (
            lambda path: written(path, "Body Regions;A01\n\nnot a tree\n"),
            "line 3: expected a line such as 'Body Regions;A01', found 'not a",
        ),
        (lambda path: path.write_bytes(b"Body\xff;A01\n"), "in UTF-8"),
        (lambda path: path.write_bytes(gzip.compress(TREES.encode())[:-12]), "cannot be read"),
        (lambda path: path.write_bytes(b"\x1f\x8bxxxx"), "cannot be read"),
        (lambda path: written(path, DESCRIPTORS[:-200]), "cut short or broken"),
        (lambda path: written(path, "<PubmedArticleSet/>"), "found other XML"),
        (lambda path: written(path, "<DescriptorRecordSet/>"), "found none"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, write: Callable[[Path], object], said: str) -> None:
    path = tmp_path / "file"
    write(path)
    with pytest.raises(SourceError, match=said) as caught:
        MeshTree.read(path)
    assert str(caught.value).startswith(str(path))
    assert "nlm.nih.gov" in str(caught.value)


@given(st.lists(st.lists(st.integers(0, 3), min_size=1, max_size=5), max_size=30))
def test_bisection_finds_what_a_scan_finds(places: list[list[int]]) -> None:
    numbers = [f"C{place[0]:02}" + "".join(f".{part:03}" for part in place[1:]) for place in places]
    headings = {number: f"heading {number[-1]}" for number in numbers}
    tree = MeshTree.of((heading, number) for number, heading in headings.items())
    for heading in set(headings.values()):
        own = [number for number in headings if headings[number] == heading]
        below = {name for number, name in headings.items() if any(number.startswith(one + ".") for one in own)}
        assert tree.narrower(heading) == tuple(sorted(below - {heading}))
