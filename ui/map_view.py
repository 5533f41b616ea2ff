"""The first 500 hits as points in the plane, like ones near each other; a point opens its article."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import altair as alt
import streamlit as st

from search.hit_map import MOST_MAPPED, HitMap
from ui.address import Address
from ui.navigation import go, here

_WIDTH, _LOWEST, _HIGHEST = 790, 240, 560
_ROOM = 0.08
# More terms, and longer ones, would lie over each other.
_TERMS, _LONGEST_TERM = 2, 28
_POINTS = "points"


def draw_map(hits: HitMap, address: Address) -> None:
    """Draw the map; its clusters carry the words that tell them apart."""
    clicked = alt.selection_point(name=_POINTS, fields=["pmid"], on="click", empty=False)
    key = f"map-{hash(address.first_page())}"

    def open_point() -> None:
        if (pmid := _clicked(st.session_state[key])) is not None:
            go(replace(here(), opened=pmid))

    chart = (_points(hits).add_params(clicked) + _labels(hits)).properties(height=_height(hits))
    names = "; ".join(", ".join(cluster.terms) for cluster in hits.clusters)
    alt_text = f"Map of {len(hits.points)} hits in {len(hits.clusters)} groups: {names}. The list below has the same articles."
    st.altair_chart(chart, key=key, on_select=open_point, selection_mode=_POINTS, alt=alt_text)


def _height(hits: HitMap) -> int:
    """As high as keeps distances along both axes alike in a window of usual width."""
    wide, high = (_ends([getattr(point, axis) for point in hits.points]) for axis in ("x", "y"))
    share = (high[1] - high[0]) / (wide[1] - wide[0])
    return round(min(_HIGHEST, max(_LOWEST, _WIDTH * share)))


def _ends(places: Sequence[float]) -> tuple[float, float]:
    """From where to where an axis goes: some room is left at both ends."""
    return min(places) - _ROOM, max(places) + _ROOM


def _points(hits: HitMap) -> alt.Chart:
    rows = [
        {"x": one.x, "y": one.y, "pmid": one.pmid, "title": one.title, "year": one.year, "rank": one.rank, "group": one.cluster}
        for one in hits.points
    ]
    chart: alt.Chart = (
        alt.Chart({"values": rows})
        .mark_circle(size=60, opacity=0.75, cursor="pointer")
        .encode(
            x=_axis("x", hits),
            y=_axis("y", hits),
            color=alt.Color("group:N", legend=None),
            size=alt.Size("rank:Q", scale=alt.Scale(domain=[1, MOST_MAPPED], range=[220, 25]), legend=None),
            tooltip=[
                alt.Tooltip("title:N", title="Title"),
                alt.Tooltip("year:Q", title="Year", format="d"),
                alt.Tooltip("rank:Q", title="Rank"),
            ],
        )
    )
    return chart


def _labels(hits: HitMap) -> Any:  # noqa: ANN401  (altair's layers have no common type)
    """The clusters' words, on a halo of the page's colour: points lie under them."""
    rows = [{"x": one.x, "y": one.y, "label": _label(one.terms)} for one in hits.clusters if one.terms]
    ink, paper = ("#e4e9ef", "#11161d") if st.context.theme.type == "dark" else ("#1c2733", "#ffffff")
    text = alt.Chart({"values": rows}).encode(x=_axis("x", hits), y=_axis("y", hits), text="label:N")
    style = partial(text.mark_text, fontSize=13, fontWeight="bold", lineBreak="\n", tooltip=None)
    return style(stroke=paper, strokeWidth=4, opacity=0.85) + style(color=ink)


def _label(terms: Sequence[str]) -> str:
    cut = (one if len(one) <= _LONGEST_TERM else f"{one[: _LONGEST_TERM - 1]}…" for one in terms[:_TERMS])
    return "\n".join(cut)


def _axis(channel: str, hits: HitMap) -> Any:  # noqa: ANN401  (altair's channels have no common type)
    kind = alt.X if channel == "x" else alt.Y
    ends = _ends([getattr(point, channel) for point in hits.points])
    return kind(f"{channel}:Q", axis=None, scale=alt.Scale(domain=ends, nice=False))


def _clicked(event: Mapping[str, Mapping[str, Sequence[Mapping[str, int]]]]) -> int | None:
    points = event.get("selection", {}).get(_POINTS, ())
    return int(points[0]["pmid"]) if points else None
