"""PubMed's syntax: what each rule makes of a text, where each mistake is, and that nothing else ever goes wrong."""

import random
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from search.article import Flag
from search.condition import And, Condition, Flagged, Not, Or, Term, TermField, TextField, Words, Years
from search.errors import QueryError
from search.filter_terms import Explosion
from search.pubmed_syntax import LONGEST_SYNTAX, Understood, describe, lookup, understand

ASTHMA = Term(TermField.MESH, "asthma")
REVIEW = Term(TermField.PUBLICATION_TYPE, "review")
HAS_ABSTRACT = Not(Flagged(Flag.TITLE_ONLY))
PIECES = [
    *(
        '"',
        "\u201c",
        "\u201d",
        "[",
        "]",
        "(",
        ")",
        " ",
        "*",
        ":",
        "/",
        "\n",
        "AND",
        "OR",
        "NOT",
        "and",
        "hasabstract",
        "[text]",
    ),
    *(
        "[ti]",
        "[mh]",
        "[mh:noexp]",
        "[dp]",
        "[au]",
        "[la]",
        "[doi]",
        "[pmid]",
        "[ad]",
        "[tiab:~2]",
        "[xyz]",
        "2019",
        "2019:2024",
    ),
    *(
        "asthma",
        "smith j",
        "10.1/x",
        "10.1000/a(b)c",
        "123",
        "immun*",
        "TGF-β1",
        "...",
        "\x00",
        "\u202e",
        "\U0001f600",
        "İ",
        "ß",
    ),
]


def everywhere(*words: str) -> tuple[Words, ...]:
    return tuple(Words(TextField.ALL, word) for word in words)


@pytest.mark.parametrize(
    ("text", "condition", "question"),
    [
        (
            'asthma[mh] AND 2019:2024[dp] NOT review[pt] "lung function"[tiab] smith j[au]',
            And(
                (
                    ASTHMA,
                    Years(2019, 2024),
                    Not(REVIEW),
                    Words(TextField.TITLE_ABSTRACT, "lung function"),
                    Term(TermField.AUTHOR, "smith j", prefix=True),
                )
            ),
            "asthma lung function",
        ),
        ("immun*[ti]", Words(TextField.TITLE, "immun", prefix=True), "immun"),
        ('"lung immun*"[ab]', Words(TextField.ABSTRACT, "lung immun", prefix=True), "lung immun"),
        ("asthma children[ti]", Words(TextField.TITLE, "asthma children"), "asthma children"),
        ("asthma[mh] does vitamin d help", ASTHMA, "does vitamin d help"),
        ("asthma[mh] (does vitamin d help)", ASTHMA, "does vitamin d help"),
        ("does vitamin d help asthma[mh]", Term(TermField.MESH, "does vitamin d help asthma"), "does vitamin d help asthma"),
        (
            "asthma[mh] AND statins and muscle pain",
            And((ASTHMA, *everywhere("statins", "muscle", "pain"))),
            "statins and muscle pain",
        ),
        ("asthma[mh] AND statins does it help", And((ASTHMA, *everywhere("statins", "help"))), "statins does it help"),
        (
            "asthma[mh] 2019[dp] (statins OR aspirin)",
            And((ASTHMA, Years(2019, 2019), Or(everywhere("statins", "aspirin")))),
            "statins aspirin",
        ),
        (
            "vitamin d AND immun*",
            And((*everywhere("vitamin", "d"), Words(TextField.ALL, "immun", prefix=True))),
            "vitamin d immun",
        ),
        ("the AND of", And(everywhere("the", "of")), "the of"),
        ('"lung function" OR spirometry', Or(everywhere("lung function", "spirometry")), "lung function spirometry"),
        ('"lung function" asthma[mh]', ASTHMA, "lung function"),
        ("HLA-B*57:01 AND abacavir", And(everywhere("HLA-B*57:01", "abacavir")), "HLA-B*57:01 abacavir"),
        ("p53 & mdm2 AND apoptosis", And(everywhere("p53", "mdm2", "apoptosis")), "p53 & mdm2 apoptosis"),
        ("NOT review[pt]", Not(REVIEW), ""),
        ("NOT review[pt] does vitamin d help", Not(REVIEW), "does vitamin d help"),
        ("statins NOT (muscle OR pain)", And((*everywhere("statins"), Not(Or(everywhere("muscle", "pain"))))), "statins"),
        ("NOT (NOT review[pt])", REVIEW, ""),
        ("smith j[au]", Term(TermField.AUTHOR, "smith j", prefix=True), ""),
        ("n engl j med[ta]", Term(TermField.JOURNAL, "n engl j med"), ""),
        ("English[la]", Term(TermField.LANGUAGE, "eng"), ""),
        ("asthma/drug therapy[mh]", Term(TermField.MESH, "asthma/drug therapy"), "asthma drug therapy"),
        ('"Heart Failure"[majr]', Term(TermField.MAJOR_MESH, "heart failure"), "Heart Failure"),
        ("Asthma*[mh]", Term(TermField.MESH, "asthma", prefix=True), "Asthma"),
        ("\u201clung function\u201d[ti]", Words(TextField.TITLE, "lung function"), "lung function"),
        ("asthma[mh] hasabstract does it help", And((ASTHMA, HAS_ABSTRACT)), "does it help"),
        ("hasabstract[text]", HAS_ABSTRACT, ""),
        ("asthma[mh] NOT HasAbstract [text]", And((ASTHMA, Flagged(Flag.TITLE_ONLY))), "asthma"),
        ("24293578[pmid] OR 7[uid]", Or((Term(TermField.PMID, "24293578"), Term(TermField.PMID, "7"))), ""),
        ("10.1016/S0140-6736(05)71083-7[doi]", Term(TermField.DOI, "10.1016/s0140-6736(05)71083-7"), ""),
        ("(https://doi.org/10.1056/NEJMoa1301680[aid])", Term(TermField.DOI, "10.1056/nejmoa1301680"), ""),
    ],
)
def test_rules(text: str, condition: Condition, question: str) -> None:
    understood = understand(text)
    assert (understood.is_syntax, understood.condition, understood.question) == (True, condition, question)
    assert understood.asked == condition


def test_operators_bind_equally_from_left_to_right() -> None:
    a, b, c = (Words(TextField.TITLE, letter) for letter in "abc")
    assert understand("a[ti] OR b[ti] AND c[ti]").condition == And((Or((a, b)), c))
    assert understand("a[ti] AND b[ti] OR c[ti]").condition == Or((And((a, b)), c))
    assert understand("a[ti] OR b[ti] c[ti]").condition == And((Or((a, b)), c))
    assert understand("a[ti] OR (b[ti] AND c[ti])").condition == Or((a, And((b, c))))
    assert understand("a[ti] NOT b[ti] NOT c[ti]").condition == And((a, Not(b), Not(c)))
    assert understand("a[ti] OR b[ti] NOT c[ti]").condition == And((Or((a, b)), Not(c)))


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "does vitamin d help?",
        'a 5" needle (and [this',
        '"lung function" in children',
        "this and that or not",
        "AND",
        "asthma AND",
        "OR asthma",
        "p[53] [Treatment of asthma].",
        '"asthma[mh] AND children"',
        "hasabstract",
        "immun* ***",
        "SANDOR ANDERSON NOTE",
        "[ti]",
        "x AND ...",
        "mean [+/- SD] of [CI]",
        "(OR = 2.3, 95% CI 1.1-4.8)",
        "smoking (OR 2.3) and asthma",
        "quartile 4: OR = 2.46",
        "the adjusted OR 1.5 of smokers",
        "COPD: AND then",
        "PATIENTS AND METHODS: 32 men were treated",
        "BACKGROUND AND AIMS. We studied mice",
        "RESEARCH DESIGN AND METHODS In 14 patients",
        "we treated mice. METHODS AND ANALYSIS:We will",
        "DESIGN, SETTING, AND PARTICIPANTS: a cohort",
        "EFFECT OF ZINC ON THE COMMON COLD AND COUGH",
        "BINDING OF ZINC AND NF-kappaB IN THE HUMAN LUNG",
        "asthma AND " + "very " * 20 + "long",
        "We treated asthma AND COPD. They got better.",
        "We measured the prothrombin time [PT] in many patients. It was long.",
        "We measured the surface of titanium[Ti] in mice. It was near chromium[VI], too.",
        "chromium and " + "many other metals " * 20 + "with one of us [ad] in a trial",
    ],
)
def test_anything_else_is_free_text(text: str) -> None:
    assert understand(text) == Understood(text)


@pytest.mark.parametrize(
    "text",
    [
        "COPD AND ASTHMA",
        "HEART FAILURE OR CARDIAC INSUFFICIENCY",
        "(asthma) AND (children)",
        "asthma NOT (copd)",
        "p53+ AND MDM2",
        "asthma, AND copd",
        "HLA-B AND HLA-B*57:01",
        "St. John's wort AND E. Coli",
        "copd OR hasabstract",
        "asthma [mh]",
        "asthma[mh] Does it help in children with severe asthma? What about their parents?",
        "n. engl. j. med.[ta] AND asthma",
        "Circulation. Heart failure [TA]",
        "Proc. Natl. Acad. Sci. U. S. A. [TA]",
        "N. Engl. J. Med.[TA] AND ASTHMA[MH]",
        "Asthma[MeSH Terms] We would like to know whether it helps. Does it help?",
        " OR ".join(["emphysema", "chronic bronchitis", "copd"] * 20),
    ],
)
def test_what_is_syntax(text: str) -> None:
    assert understand(text).is_syntax


def test_a_long_strategy_of_a_review_is_syntax() -> None:
    drugs = " OR ".join(f'"statin {number}"[tiab]' for number in range(60))
    trials = '((randomized controlled trial[pt]) OR (controlled clinical trial [pt]) OR randomi*[tiab] OR "drug therapy"[sh])'
    for text in (
        f"({drugs}) AND {trials} NOT (animals[mh] NOT humans[mh])",
        f"({drugs}) AND {trials}".replace("[tiab]", "").replace("[pt]", " ").replace("[sh]", ""),
        f"({drugs}) AND {trials} NOT (animals[mh] NOT humans[mh])".upper(),
    ):
        assert len(text) > 300
        assert understand(text).is_syntax


@pytest.mark.parametrize(
    ("text", "free_words"),
    [("asthma[mh] does it help", "does it help"), ("copd AND pain", ""), ("asthma[mh] AND copd", ""), ("copd", "")],
)
def test_words_that_filter_nothing(text: str, free_words: str) -> None:
    assert understand(text).free_words == free_words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2019[dp]", Years(2019, 2019)),
        ("2019:2024[dp]", Years(2019, 2024)),
        ("2019 : 2024 [pdat]", Years(2019, 2024)),
        ("2019:[dp]", Years(2019)),
        (":2019[dp]", Years(None, 2019)),
        ("2019:3000[Publication Date]", Years(2019)),
        ('"2019/01/01"[dp]:"2024/12/31"[dp]', Years(2019, 2024)),
        ('"2019/1/1"[Date - Publication] : "3000"[Date - Publication]', Years(2019)),
        ('"2019":"2024"[dp]', Years(2019, 2024)),
        ("2019/01:2024/12[dp]", Years(2019, 2024)),
        ("2019[dp]:2024[dp]", Years(2019, 2024)),
    ],
)
def test_dates(text: str, expected: Years) -> None:
    assert understand(text).condition == expected


@pytest.mark.parametrize(
    ("names", "field"),
    [
        ("ti, Title, TITLE", TextField.TITLE),
        ("ab, Abstract", TextField.ABSTRACT),
        ("tiab, Title/Abstract, title / abstract", TextField.TITLE_ABSTRACT),
        ("tw, Text Word, all, All Fields", TextField.ALL),
        ("ot, Other Term", TextField.KEYWORDS),
    ],
)
def test_tags_of_words(names: str, field: TextField) -> None:
    assert {understand(f"asthma[{name}]").condition for name in names.split(", ")} == {Words(field, "asthma")}


@pytest.mark.parametrize(
    ("names", "field"),
    [
        ("mh, MH, mesh, MeSH Terms, mh:noexp, MeSH Terms:noexp", TermField.MESH),
        ("majr, MeSH Major Topic, majr:noexp", TermField.MAJOR_MESH),
        ("sh, MeSH Subheading", TermField.SUBHEADING),
        ("pt, Publication Type", TermField.PUBLICATION_TYPE),
        ("ta, jour, Journal", TermField.JOURNAL),
        ("la, lang, Language", TermField.LANGUAGE),
    ],
)
def test_tags_of_values(names: str, field: TermField) -> None:
    assert {understand(f"Some Value[{name}]").condition for name in names.split(", ")} == {Term(field, "some value")}


@pytest.mark.parametrize(
    ("names", "field"),
    [
        ("au, Author, fau, cn", TermField.AUTHOR),
        ("1au, Author - First", TermField.FIRST_AUTHOR),
        ("lastau, Author - Last", TermField.LAST_AUTHOR),
    ],
)
def test_tags_of_authors(names: str, field: TermField) -> None:
    whole = Or((Term(field, "smith"), Term(field, "smith ", prefix=True)))
    assert {understand(f"Smith[{name}]").condition for name in names.split(", ")} == {whole}


@pytest.mark.parametrize(
    ("text", "column", "said"),
    [
        ("[ti] asthma[mh]", 1, "expected a term, found [ti]"),
        ("asthma AND [ti]", 12, "expected a term behind AND, found [ti]"),
        ('""[ti]', 1, 'expected a value with at least one letter or digit, found ""'),
        ("asthma[mh] AND", 15, "expected a term behind AND, found the end of the text"),
        ("asthma[mh] AND OR x", 16, "expected a term behind AND, found OR"),
        ("asthma[mh] AND NOT x", 16, "expected NOT without AND before it, found AND NOT"),
        ("asthma AND NOT copd", 12, "expected NOT without AND before it, found AND NOT"),
        ('copd AND "asthma', 10, "expected a closing quotation mark, found only this one"),
        ("asthma AND (copd", 12, "expected a closing parenthesis for this one, found none"),
        ("(lung cancer)[ti]", 14, "expected a tag directly behind one term, found [ti] behind parentheses"),
        ("AND asthma[mh]", 1, "expected a term, found AND"),
        ("(OR asthma[mh])", 2, "expected a term behind (, found OR"),
        ("asthma[mh] ()", 13, "expected a term behind (, found )"),
        ("asthma[mh] (x", 12, "expected a closing parenthesis for this one, found none"),
        ("asthma[mh] x)", 13, "expected an opening parenthesis before, found a closing one alone"),
        ('asthma[mh] "x', 12, "expected a closing quotation mark, found only this one"),
        ("asthma[mh] x [y", 14, "expected a tag such as [mh], found a bracket that is not closed"),
        ("asthma[mh] x]", 13, "expected a tag such as [mh], found only its closing bracket"),
        ("(a OR b)[ti]", 9, "expected a tag directly behind one term, found [ti] behind parentheses"),
        ("a[ti][ab]", 6, "expected a tag directly behind one term, found [ab] behind another tag"),
        ("asthma[mhh] AND x", 7, "expected one of PubMed's tags, perhaps [mh], found [mhh]"),
        ("asthma[titel] AND x", 7, "perhaps [title], found [titel]"),
        ("asthma[ti:noexp]", 7, "expected one of PubMed's tags"),
        ("asthma[text] AND x", 7, "expected one of PubMed's tags"),
        ("hasabstract[ti]", 12, "expected hasabstract without a tag, or with [text], found [ti]"),
        ("x AND harvard[ad]", 14, "expected a field that this index holds, found [ad]: it has no affiliations"),
        ("chromium[VI]", 9, "found [VI]: it has no issues, pages and volumes to search by"),
        ('"a b"[tiab:~3]', 6, "words near each other cannot be asked for here"),
        ("x AND 2019/02[dp]", 7, "expected whole years, for dates are filtered by year here, found 2019/02"),
        ("2019/01/01[dp]", 1, "expected whole years"),
        ('"2019/01/01"[dp]:"2024/06/30"[dp]', 19, "expected whole years"),
        ("2024:2019[dp]", 1, "expected the earlier year first, found 2024 before 2019"),
        ("2019:soon[dp]", 6, "expected a year such as 2019 or a range such as 2019:2024, found soon"),
        ("201*[dp]", 1, "found 201*"),
        ("a[ti]:b[ti]", 2, "expected the tag [dp], for a range is one of dates, found [ti]"),
        ("asthma[mh]: a review", 21, "expected the tag [dp] behind the second date of a range, found the end of the text"),
        ("2019[dp] OR :[dp]", 13, "expected a"),
        ("2019[dp]:", 10, "expected the second date of a range behind the colon, found the end of the text"),
        ("im*[ti]", 1, "expected at least 3 letters or digits before the *, found im*"),
        ("vitamin d*[ti]", 1, "expected at least 3 letters or digits before the *, found vitamin d*"),
        ("asthma AND im*", 12, "expected at least 3 letters or digits before the *, found im*"),
        ("immun* cell[ti]", 6, "expected the * directly behind the beginning of the last word"),
        ("x AND *algia", 7, "expected the * directly behind the beginning of the last word"),
        ("lung *[ti]", 6, "expected the * directly behind the beginning of the last word"),
        ("x[ti] AND ...", 11, "expected a value with at least one letter or digit, found ..."),
        ("x[pmid]", 1, "expected one PMID, a number of 1 to 8 digits, or a local id, found x"),
        ("223456789[pmid]", 1, "expected one PMID"),
        ("10.1056/*[doi]", 1, "expected one whole DOI such as 10.1056/NEJMoa1301680"),
    ],
)
def test_mistakes_are_named_with_their_column(text: str, column: int, said: str) -> None:
    with pytest.raises(QueryError) as caught:
        understand(text)
    message = str(caught.value)
    assert message.startswith(f"Column {column}: expected ")
    assert said in message
    assert message.endswith(".")
    assert "\n" not in message


def test_headings_take_their_narrower_ones_in() -> None:
    narrower = {"asthma": ("Asthma, Aspirin-Induced", "Status Asthmaticus"), "review": ("Systematic Review",)}
    understood = understand(
        "asthma/drug therapy[mh] NOT review[pt] OR asthma[majr:noexp] OR Lung[mh] OR asthm*[mh]",
        lambda heading: narrower.get(heading, ()),
    )
    therapy = ("asthma/drug therapy", "asthma, aspirin-induced/drug therapy", "status asthmaticus/drug therapy")
    types = ("review", "systematic review")
    others = (Term(TermField.MAJOR_MESH, "asthma"), Term(TermField.MESH, "lung"), Term(TermField.MESH, "asthm", prefix=True))
    exploded = And(
        (
            Or(tuple(Term(TermField.MESH, value) for value in therapy)),
            Not(Or(tuple(Term(TermField.PUBLICATION_TYPE, value) for value in types))),
        )
    )
    assert understood.condition == Or((exploded, *others))
    assert understood.asked == Or((And((Term(TermField.MESH, "asthma/drug therapy"), Not(REVIEW))), *others))
    assert understood.exploded == (
        Explosion("asthma", "/drug therapy", narrower["asthma"]),
        Explosion("review", "", narrower["review"]),
    )
    assert understood.headings == ("asthma", "Lung", "asthm*")
    assert understood.question == "asthma drug therapy asthma Lung asthm"


def test_headings_without_a_tree_stand_for_themselves() -> None:
    understood = understand("asthma[mh] OR Asthma[majr] OR review[pt]")
    assert understood.exploded == ()
    assert understood.headings == ("asthma", "Asthma")


@pytest.mark.parametrize(
    ("text", "field", "value"),
    [
        ("24293578", TermField.PMID, "24293578"),
        (" PMID: 24293578 ", TermField.PMID, "24293578"),
        ("pmid:123", TermField.PMID, "123"),
        ("00123", TermField.PMID, "123"),
        ("https://pubmed.ncbi.nlm.nih.gov/24293578/", TermField.PMID, "24293578"),
        ("10.1056/NEJMoa1301680", TermField.DOI, "10.1056/nejmoa1301680"),
        ("doi:10.1056/NEJMoa1301680", TermField.DOI, "10.1056/nejmoa1301680"),
        ("DOI: 10.1056/NEJMoa1301680.", TermField.DOI, "10.1056/nejmoa1301680"),
        ("https://doi.org/10.1016/S0140-6736(05)71083-7", TermField.DOI, "10.1016/s0140-6736(05)71083-7"),
    ],
)
def test_lookup(text: str, field: TermField, value: str) -> None:
    assert lookup(text) == Term(field, value)


@pytest.mark.parametrize(
    "text", ["", "0", "223456789", "24293578 asthma", "24293578[pmid]", "10.1056/a b", "10.1/x", "PMID", "pmid:"]
)
def test_what_is_not_looked_up(text: str) -> None:
    assert lookup(text) is None


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(PIECES) | st.text(max_size=8), max_size=30).map("".join))
def test_any_text_has_an_answer_or_one_error(text: str) -> None:
    assert_answered(text)


def test_ten_thousand_random_texts_have_an_answer_or_one_error() -> None:
    chance = random.Random(20)
    started = time.perf_counter()
    errors = sum(not assert_answered(random_text(chance)) for _ in range(10_000))
    assert 1_000 < errors < 9_000  # or the texts would be all of one kind
    assert time.perf_counter() - started < 60


def random_text(chance: random.Random) -> str:
    pieces = [*PIECES, chr(chance.randrange(0x110000))]
    return chance.choice(["", " "]).join(chance.choices(pieces, k=chance.randrange(25)))


def answer(text: str) -> Understood | QueryError:
    """The answer to a text, or the one error that a text may have."""
    try:
        return understand(text)
    except QueryError as error:
        return error


def assert_answered(text: str) -> bool:
    """Whether the text has an answer."""
    understood = answer(text)
    if isinstance(understood, QueryError):
        assert str(understood).startswith("Column ")
        assert "\n" not in str(understood)
        return False
    assert understood.is_syntax or understood == Understood(text)
    if understood.condition is not None:
        assert describe(understood.condition)
    return True


LONG_PIECES = [
    *(
        "(",
        ")",
        '"',
        "[",
        "]",
        "[ti]",
        "a[ti] ",
        "AND ",
        "a AND ",
        "a OR b AND ",
        "NOT ",
        ":",
        "] :",
        "a",
        " ",
        "a ",
        "*",
        "a* ",
    ),
    *("10.1000/(", "10.1000/()", "-", "[- ", "(a OR ", "\u201c ", "hasabstract ", "2019:", "é", "\U0001f600"),
]


@pytest.mark.parametrize("piece", LONG_PIECES)
@pytest.mark.parametrize("frame", ["{}", "x AND {}", "{}[ti]", 'x AND "{}"', "x AND [{}]"])
@pytest.mark.parametrize("length", [LONGEST_SYNTAX - 10, 100_000])
def test_long_texts_take_no_time(piece: str, frame: str, length: int) -> None:
    text = frame.format(piece * (length // len(piece)))
    started = time.process_time()
    understood = answer(text)
    assert time.process_time() - started < 1
    assert isinstance(understood, Understood) or len(str(understood)) < 300


def test_nesting_is_limited_with_a_sentence() -> None:
    assert understand("(" * 50 + "a[ti]" + ")" * 50).condition == Words(TextField.TITLE, "a")
    with pytest.raises(QueryError, match=r"^Column 51: expected at most 50 levels of parentheses, found one more\.$"):
        understand("(" * 3000 + "a[ti]" + ")" * 3000)
    with pytest.raises(QueryError, match=r"expected at most 50 changes between AND and OR"):
        understand("a OR a AND " * 900 + "a")
    with pytest.raises(QueryError, match=r"^Expected at most 20,000 characters of PubMed's syntax, found 100,000: "):
        understand("a[ti]" * 20_000)
