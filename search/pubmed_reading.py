"""The tree of a text in PubMed's syntax, read as a condition and a question."""

from dataclasses import dataclass, field

from lark import Token, Tree

from search.condition import And, Condition, Not, Or, TermField, TextField
from search.condition_text import HAS_ABSTRACT
from search.filter_terms import Explosion, Narrower, condition_of, explosion_of
from search.pubmed_tags import QUOTES, DateField, Tag, fault, shown, tag_of
from search.pubmed_values import Value, all_words, condition_for, value_of, years

# Each change between AND and OR puts all that stands before one level deeper, and readers of a condition go down its levels.
MOST_CHANGES = 50
_TOPICS = (*TextField, TermField.MESH, TermField.MAJOR_MESH)


@dataclass(slots=True)
class Reading:
    """Reads one tree, and collects what else there is to say of it."""

    narrower: Narrower | None
    exploded: dict[Explosion, None] = field(default_factory=dict)
    headings: dict[str, None] = field(default_factory=dict)
    _words: list[str] = field(default_factory=list)
    _free_words: list[str] = field(default_factory=list)
    _topics: list[str] = field(default_factory=list)
    _changes: int = 0

    @property
    def question(self) -> str:
        """The words without tags that are not excluded; where there are none, the values of the tags that name a topic."""
        return " ".join(self._words or self._topics)

    @property
    def free_words(self) -> str:
        """Those words of the question that filter nothing."""
        return " ".join(self._free_words)

    def condition(self, tree: Tree[Token]) -> Condition | None:
        """The exact filter of a whole text; None where all of it is free. Raises QueryError."""
        return self._chain(tree, free=True, wanted=True)

    def _chain(self, tree: Tree[Token], *, free: bool, wanted: bool) -> Condition | None:
        """The terms of one pair of parentheses; those that no operator touches are free text if `free`."""
        parts: list[tuple[Token | None, Condition]] = []
        operator: Token | None = None
        for place, child in enumerate(tree.children):
            if isinstance(child, Token):
                operator = child
                continue
            behind = tree.children[place + 1 : place + 2]
            touched = operator is not None or any(isinstance(one, Token) for one in behind)
            part = self._item(child, free=free and not touched, wanted=wanted and operator != "NOT")
            if part is not None:
                parts.append((operator, part))
            operator = None
        return self._joined(parts)

    def _item(self, tree: Tree[Token], *, free: bool, wanted: bool) -> Condition | None:
        if tree.data == "leaf":
            return self._leaf([token for token in tree.children if isinstance(token, Token)], free=free, wanted=wanted)
        has_operator = any(isinstance(child, Token) for child in tree.children)
        return self._chain(tree, free=free and not has_operator, wanted=wanted)

    def _joined(self, parts: list[tuple[Token | None, Condition]]) -> Condition | None:
        """From left to right. An AND within an AND is one AND; an OR stays together, being the forms of one value at times."""
        kind: type[And | Or] = And
        held: list[Condition] = []
        for operator, part in parts:
            joins = Or if operator == "OR" else And
            if joins is not kind and len(held) > 1:
                self._count_change(operator)
                held = [kind(tuple(held))]
            kind = joins
            signed = _negated(part) if operator == "NOT" else part
            held.extend(signed.parts if kind is And and isinstance(signed, And) else (signed,))
        return None if not held else held[0] if len(held) == 1 else kind(tuple(held))

    def _count_change(self, operator: Token | None) -> None:
        self._changes += 1
        if self._changes > MOST_CHANGES and operator is not None:
            raise fault(operator.start_pos or 0, f"at most {MOST_CHANGES} changes between AND and OR", "one more")

    def _leaf(self, tokens: list[Token], *, free: bool, wanted: bool) -> Condition | None:
        if tokens[0].type == "HASABSTRACT":
            return HAS_ABSTRACT
        if tokens[-1].type != "TAG":
            return self._untagged(tokens[0], free=free, wanted=wanted)
        tags = [(tag_of(token, token.start_pos or 0), token) for token in tokens if token.type == "TAG"]
        values = [value_of(token, token.start_pos or 0) for token in tokens if token.type in ("RUN", "QUOTED")]
        for tag, token in tags:
            if len(values) > 1 and tag.field is not DateField.PUBLICATION:
                raise fault(token.start_pos or 0, "the tag [dp], for a range is one of dates", shown(token))
        return self._tagged(tags[0][0], values, wanted=wanted)

    def _untagged(self, token: Token, *, free: bool, wanted: bool) -> Condition | None:
        text = " ".join(token.strip(QUOTES).split())
        if wanted and any(map(str.isalnum, text)):
            self._words.append(text if free else text.replace("* ", " ").removesuffix("*"))
        if free:
            self._free_words.append(text)
            return None
        start = token.start_pos or 0
        if token.type == "QUOTED":
            return condition_for(TextField.ALL, value_of(token, start))
        return all_words(token, start)

    def _tagged(self, tag: Tag, values: list[Value], *, wanted: bool) -> Condition:
        if tag.field is DateField.PUBLICATION:
            return years(*values)
        value = values[0]
        if wanted and tag.field in _TOPICS:
            self._topics.append(value.text.replace("/", " ") if isinstance(tag.field, TermField) else value.text)
        if tag.explodes and isinstance(tag.field, TermField) and (exploded := self._exploded(tag.field, value)):
            return exploded
        if tag.field in (TermField.MESH, TermField.MAJOR_MESH):
            self.headings[value.text + "*" * value.truncated] = None
        return condition_for(tag.field, value)

    def _exploded(self, field: TermField, value: Value) -> Condition | None:
        """Any of a heading and its narrower ones; None where none are known."""
        explosion = None if value.truncated else explosion_of(value.text, self.narrower)
        if explosion is None:
            return None
        self.exploded[explosion] = None
        return Or(tuple(condition_of(field, one) for one in explosion.values))


def _negated(condition: Condition) -> Condition:
    return condition.part if isinstance(condition, Not) else Not(condition)
