"""Which arguments of ``pubmed-search`` do not go together."""

import argparse
from collections.abc import Iterator

from search.answer_wording import FILTER_FLAGS
from search.cli_forms import Screen
from search.results import Mode, Sort

# What says what to ask, beside the question and the filters that are lists: a saved search has its own.
_ASKED_WITH = (
    *("--like", "--like-text", "--unlike", "--queries", "--save", "--mode", "--sort", "--rerank"),
    *("--has-abstract", "--include-retracted"),
)
_NOT_SAVED = ("--queries", "--like-text", "--rerank")


def refusals(given: argparse.Namespace) -> Iterator[str]:
    """What does not go together among the arguments."""
    like = bool(given.like) or given.like_text is not None
    asked = [given.query is not None, like, given.queries is not None]
    if given.saved or given.list_saved or given.delete_saved:
        yield from _refusals_of_saved(given)
    elif not any(asked):
        yield "expected a question, --like PMID..., --like-text FILE or --queries FILE, or --saved NAME"
    if sum(asked) > 1:
        yield "a question, --like and --queries each say what to find: give one of them"
    if like:
        yield from _refusals_of_like(given)
    if given.rerank and given.sort == Sort.DATE:
        yield "--rerank orders by relevance: leave out --sort date"
    if given.explain and given.mode == Mode.LEXICAL:
        yield "--explain goes by meaning: leave out --mode lexical"
    if given.save and (kept_out := [flag for flag in _NOT_SAVED if getattr(given, _name_of(flag)) is not None]):
        yield f"--save keeps a question, or --like PMID..., with its filters: leave out {kept_out[0]}"
    yield from _refusals_of_form(given)


def _refusals_of_like(given: argparse.Namespace) -> Iterator[str]:
    """What does not go with --like and --like-text."""
    if given.mode not in (None, Mode.DENSE):
        yield f"--like ranks by meaning: leave out --mode {given.mode}"
    if given.rerank or given.sort == Sort.DATE:
        yield f"{'--rerank' if given.rerank else '--sort date'} goes with a question, not with --like"


def _refusals_of_form(given: argparse.Namespace) -> Iterator[str]:
    """What does not go with the form of the answer."""
    if given.json and given.format not in (None, Screen.JSON):
        yield f"--json is --format json: leave it out, or --format {given.format}"
    if given.queries is not None and given.format == Screen.ATOM:
        yield "--format atom is the feed of one search: leave out --queries"


def _refusals_of_saved(given: argparse.Namespace) -> Iterator[str]:
    """What does not go with --saved, --list-saved or --delete-saved."""
    chosen = [flag for flag in ("--saved", "--list-saved", "--delete-saved") if getattr(given, _name_of(flag))]
    if len(chosen) > 1:
        yield f"{chosen[0]} and {chosen[1]} are two commands: give one of them"
    parts = {
        "the question": given.query is not None,
        "--year": given.year != (None, None),
        **{flag: bool(getattr(given, name)) for name, flag in FILTER_FLAGS.items()},
        **{flag: getattr(given, _name_of(flag)) not in (None, False, []) for flag in _ASKED_WITH},
    }
    for flag in (flag for flag, is_given in parts.items() if is_given):
        yield f"{chosen[0]} {'asks what was saved' if chosen[0] == '--saved' else 'asks nothing'}: leave out {flag}"
    form = given.format or (Screen.JSON if given.json else None)
    printed = {"--list-saved": (None, Screen.TABLE, Screen.JSON), "--delete-saved": (None,)}
    if form not in printed.get(chosen[0], (form,)):
        yield f"{chosen[0]} finds no articles: leave out --format {form}"


def _name_of(flag: str) -> str:
    """Where argparse keeps what a flag gives."""
    return flag.removeprefix("--").replace("-", "_")
