"""The first 500 hits as points in the plane, like ones near each other; a point opens its article."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import streamlit as st

from search.hit_map import MOST_MAPPED, HitMap
from ui.address import Address
from ui.navigation import go, here
from ui.record import CLOSED

_WIDTH, _LOWEST, _HIGHEST = 790, 240, 560
_ROOM = 0.08
# More terms, and longer ones, would lie over each other.
_TERMS, _LONGEST_TERM = 2, 28
_POINTS = "points"


def draw_map(hits: HitMap, address: Address) -> None:
    """Draw the map; its clusters carry the words that tell them apart."""
    # After an article was closed it is another chart, on which the same point can be clicked again.
    key = f"map-{hash(address.first_page())}-{st.session_state.get(CLOSED, 0)}"

    def open_point() -> None:
        if (pmid := _clicked(st.session_state[key])) is not None:
            go(replace(here(), opened=pmid))

    names = "; ".join(", ".join(cluster.terms) for cluster in hits.clusters)
    alt = f"Map of {len(hits.points)} hits in {len(hits.clusters)} groups: {names}. The list below has the same articles."
    spec = {"layer": [_points(hits), *_labels(hits)], "height": _height(hits)}
    st.vega_lite_chart(spec, key=key, on_select=open_point, selection_mode=_POINTS, alt=alt)
    st.html(
        f'<p class="end">The first {len(hits.points):,} hits, like ones near each other, better ones larger. '
        "A click opens an article.</p>"
    )


def _height(hits: HitMap) -> int:
    """As high as keeps distances along both axes alike in a window of usual width."""
    wide, high = (_ends([getattr(point, axis) for point in hits.points]) for axis in ("x", "y"))
    share = (high[1] - high[0]) / (wide[1] - wide[0])
    return round(min(_HIGHEST, max(_LOWEST, _WIDTH * share)))


def _ends(places: Sequence[float]) -> tuple[float, float]:
    """From where to where an axis goes: some room is left at both ends."""
    return min(places) - _ROOM, max(places) + _ROOM


def _points(hits: HitMap) -> dict[str, Any]:
    rows = [
        {"x": one.x, "y": one.y, "pmid": one.pmid, "title": one.title, "year": one.year, "rank": one.rank, "group": one.cluster}
        for one in hits.points
    ]
    sizes = {"domain": [1, MOST_MAPPED], "range": [220, 25]}
    return {
        "data": {"values": rows},
        "params": [{"name": _POINTS, "select": {"type": "point", "fields": ["pmid"], "on": "click"}}],
        "mark": {"type": "circle", "opacity": 0.75, "cursor": "pointer"},
        "encoding": {
            **_axes(hits),
            "color": {"field": "group", "type": "nominal", "legend": None},
            "size": {"field": "rank", "type": "quantitative", "scale": sizes, "legend": None},
            "tooltip": [
                {"field": "title", "type": "nominal", "title": "Title"},
                {"field": "year", "type": "quantitative", "title": "Year", "format": "d"},
                {"field": "rank", "type": "quantitative", "title": "Rank"},
            ],
        },
    }


def _labels(hits: HitMap) -> list[dict[str, Any]]:
    """The clusters' words, on a halo of the page's colour: points lie under them."""
    rows = [{"x": one.x, "y": one.y, "label": _label(one.terms)} for one in hits.clusters if one.terms]
    ink, paper = ("#e4e9ef", "#11161d") if st.context.theme.type == "dark" else ("#1c2733", "#ffffff")
    size = {"expr": "width < 500 ? 10 : 13"}  # a phone has less room for them
    text = {"type": "text", "fontSize": size, "fontWeight": "bold", "lineBreak": "\n", "tooltip": None}
    encoding = {**_axes(hits), "text": {"field": "label", "type": "nominal"}}
    styles = ({"stroke": paper, "strokeWidth": 4, "opacity": 0.85}, {"color": ink})
    return [{"data": {"values": rows}, "mark": {**text, **style}, "encoding": encoding} for style in styles]


def _label(terms: Sequence[str]) -> str:
    cut = (one if len(one) <= _LONGEST_TERM else f"{one[: _LONGEST_TERM - 1]}…" for one in terms[:_TERMS])
    return "\n".join(cut)


def _axes(hits: HitMap) -> dict[str, Any]:
    return {
        axis: {
            "field": axis,
            "type": "quantitative",
            "axis": None,
            "scale": {"domain": _ends([getattr(point, axis) for point in hits.points]), "nice": False},
        }
        for axis in ("x", "y")
    }


def _clicked(event: Mapping[str, Mapping[str, Sequence[Mapping[str, int]]]]) -> int | None:
    points = event.get("selection", {}).get(_POINTS, ())
    return int(points[0]["pmid"]) if points else None
