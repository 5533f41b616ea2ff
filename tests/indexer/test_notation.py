"""Values as NLM writes them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.notation import LARGEST_PMID, author_named, iso_date, leading_year, mesh_heading_of, pmid_of, squeeze
from search.article import Author, MeshHeading, MeshQualifier


def test_every_kind_of_white_space_is_one_space() -> None:
    assert squeeze("\n 5\u00a0µg\u2009/\u3000ml\t\r\n of TGF-β1 ") == "5 µg / ml of TGF-β1"


@given(st.integers(min_value=1, max_value=LARGEST_PMID))
def test_pmids_come_back(pmid: int) -> None:
    assert pmid_of(f" {pmid}\n") == pmid


@pytest.mark.parametrize(
    "written", [None, "", " ", "0", "-1", "+1", "1.0", "1_000", "PMC1", "१", "²", str(LARGEST_PMID + 1), "9" * 5000]
)
def test_what_is_no_pmid(written: str | None) -> None:
    assert pmid_of(written) is None


@pytest.mark.parametrize(
    ("date", "year"),
    [
        ("2014", 2014),
        ("1998 Dec-1999 Jan", 1998),
        ("Fall 2017", 2017),
        ("1998-1999", 1998),
        ("2000 Spring-Summer", 2000),
        ("1809", 1809),
        ("12014", None),
        ("Mar 12", None),
        ("", None),
    ],
)
def test_leading_year(date: str, year: int | None) -> None:
    assert leading_year(date) == year


@pytest.mark.parametrize(
    ("parts", "date"),
    [
        (("2014", "3", "7"), "2014-03-07"),
        (("2014", "Mar", "07"), "2014-03-07"),
        (("2014", "March", ""), "2014-03"),
        (("2014", "13", "7"), "2014"),
        (("2014", "03", "32"), "2014-03"),
        (("2014", "", "7"), "2014"),
        (("", "03", "07"), ""),
        (("2014", "03", "0311"), "2014-03"),
        (("2014", "03", "001" + "0" * 5000), "2014-03"),
        (("2014", "001" + "0" * 5000, "07"), "2014"),
    ],
)
def test_iso_date_goes_as_far_as_the_date_is_known(parts: tuple[str, str, str], date: str) -> None:
    assert iso_date(*parts) == date


@pytest.mark.parametrize(
    ("name", "author"),
    [
        ("Smith JA", Author("Smith", initials="JA")),
        ("Smith JA Jr", Author("Smith", initials="JA", suffix="Jr")),
        ("Smith JA 3rd", Author("Smith", initials="JA", suffix="3rd")),
        ("DE LA CRUZ AB", Author("DE LA CRUZ", initials="AB")),
        ("Ødegård Å", Author("Ødegård", initials="Å")),
        ("Smith, John A", Author("Smith", "John A")),
        ("Madonna", Author("Madonna")),
        ("WHO", Author("WHO")),
        ("World Health Organization", Author("World Health Organization")),
    ],
)
def test_author_named(name: str, author: Author) -> None:
    assert author_named(name) == author


@pytest.mark.parametrize(
    ("written", "heading"),
    [
        ("Humans", MeshHeading("Humans")),
        ("*Communication", MeshHeading("Communication", major=True)),
        (
            "Botulinum Toxins, Type A/*administration & dosage/adverse effects",
            MeshHeading(
                "Botulinum Toxins, Type A",
                (MeshQualifier("administration & dosage", major=True), MeshQualifier("adverse effects")),
            ),
        ),
    ],
)
def test_mesh_heading(written: str, heading: MeshHeading) -> None:
    assert mesh_heading_of(written) == heading
