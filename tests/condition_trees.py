"""Random trees of conditions, for whatever answers them."""

from hypothesis import strategies as st

from search.condition import And, Condition, Not, Or


def trees(leaves: st.SearchStrategy[Condition]) -> st.SearchStrategy[Condition]:
    """Conditions of `leaves`, joined and negated at random."""
    return st.recursive(
        leaves,
        lambda part: st.one_of(
            st.builds(And, st.lists(part, max_size=3).map(tuple)),
            st.builds(Or, st.lists(part, max_size=3).map(tuple)),
            st.builds(Not, part),
        ),
    )
