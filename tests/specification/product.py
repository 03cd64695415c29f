"""Walks the package's acceptor and the second model side by side, to every place that both reach.

On one side is what `statemachine.audit` goes by: the table of the lifecycle and the rules beyond
neighbours. On the other side is the model that `model` makes from the file. A *pair* is how both
stand after one history. From each pair every letter is tried on both; a letter that one takes and
the other doesn't is a `Difference`. Since how a side goes on depends on nothing but how it stands,
a walk that ends has compared all histories over these letters, however long.
"""

import collections
import functools
from collections.abc import Iterator, Sequence

import attrs

from statemachine.events import MARK_SHIFT, EventKind
from statemachine.unmarked import Branches, Follower, code_told
from tests.specification.alphabet import event_of
from tests.specification.model import Broken, Latest, Letter, Model, Standing

_MARKS = 7 << MARK_SHIFT


@attrs.frozen
class Pair:
    """How both sides stand.

    Attributes:
        model: The second model.
        branches: The places where the session may stand by the table.
        faults: How many errors have come out of calls so far, up to what is counted.
    """

    model: Standing
    branches: Branches = attrs.field(eq=lambda branches: tuple(b.standing for b in branches))
    faults: int = 0


@attrs.frozen
class Difference:
    """A history that one side accepts and the other does not.

    Attributes:
        history: The letters that both accept.
        letter: The next one; None where the question is whether the history may end.
        by_model: Whether the model accepts it.
        rule: The rule that refuses it, if the model does.
    """

    history: tuple[Letter, ...]
    letter: Letter | None
    by_model: bool
    rule: str = ""

    def __str__(self) -> str:
        words = " ".join(_word(letter) for letter in self.history)
        what = "the end of the log" if self.letter is None else _word(self.letter)
        accepts, refuses = ("model", "table") if self.by_model else ("table", "model")
        why = f" ({self.rule})" if self.rule else ""
        return f"after [{words}] the {accepts} accepts {what}, the {refuses} does not{why}"


def _word(letter: Letter) -> str:
    told = letter.error
    about = [letter.call, letter.by, letter.state, told[1][0] if told else ""]
    hook = "" if letter.hook is None else f"#{letter.hook}"
    told_words = ",".join(word for word in about if word)
    return f"{letter.kind}{hook}" + (f"({told_words})" if told_words else "")


class Walk:
    """One walk over all pairs.

    Args:
        hooks: How many hooks the session has.
        letters: Everything that is tried at each pair.
        model: The second model; None for the one that the file makes.
        on_error: The places in their list of those that have an `on_error`, ascending.
        follower: The acceptor of the package; None for the one that follows the table.
        most_faults: How many errors may come out of calls; None for any number.

    Attributes:
        pairs: How many pairs have been compared.
        tried: How many letters have been judged, by one side at least.
    """

    def __init__(
        self,
        hooks: int,
        letters: Sequence[Letter],
        model: Model | None = None,
        follower: Follower | None = None,
        most_faults: int | None = None,
        on_error: tuple[int, ...] = (),
    ) -> None:
        self._letters = letters
        self._model = model or Model(hooks, letters=letters, on_error=on_error)
        self._follower = follower or Follower(hooks, on_error)
        self._most_faults = most_faults
        self._came: dict[Pair, tuple[Pair, Letter] | None] = {}
        self.pairs = self.tried = 0
        self._after: dict[object, Branches] = {}
        self._by_code: dict[int, list[Letter]] = collections.defaultdict(list)
        for letter in letters:
            self._by_code[code_told(event_of(letter))].append(letter)
        self._beside = [one for one in letters if EventKind(one.kind).in_second_lane]
        self._near = functools.cache(self._locally_allowed)

    def _locally_allowed(self, *last: Latest | None) -> frozenset[Letter]:
        model = self._model
        return frozenset(one for one in self._letters if model.broken_at_once(*last, one) is None)

    def differences(self) -> Iterator[Difference]:
        """Every difference, those of short histories first."""
        start = Pair(self._model.start, self._follower.branches)
        self._came = {start: None}
        waiting = collections.deque([start])
        while waiting:
            pair = waiting.popleft()
            self.pairs += 1
            yield from self._end(pair)
            for letter in self._worth_trying(pair):
                after = self._try(pair, letter)
                if isinstance(after, Difference):
                    yield after
                elif after is not None and after not in self._came:
                    self._came[after] = pair, letter
                    waiting.append(after)

    def _worth_trying(self, pair: Pair) -> Iterator[Letter]:
        """The letters that one side at least does not refuse for their neighbour alone."""
        codes = {c & ~_MARKS for b in pair.branches for c in self._follower.codes_after(b.code)}
        by_table = (letter for code in codes for letter in self._by_code.get(code, ()))
        near = self._near(pair.model.previous, pair.model.strict)
        tried = dict.fromkeys((*by_table, *self._beside, *near))
        self.tried += len(tried)
        return (one for one in tried if not self._is_too_faulty(pair, one))

    def _is_too_faulty(self, pair: Pair, letter: Letter) -> bool:
        return letter.kind == "raised" and pair.faults == self._most_faults

    def _try(self, pair: Pair, letter: Letter) -> Pair | Difference | None:
        branches = self._branches_after(pair.branches, letter)
        standing = self._model.step(pair.model, letter)
        if bool(branches) != isinstance(standing, Standing):
            rule = standing.rule if isinstance(standing, Broken) else ""
            return Difference(self.history(pair), letter, not branches, rule)
        if not isinstance(standing, Standing):
            return None
        counted = self._most_faults is not None and letter.kind == "raised"
        return Pair(standing, branches, pair.faults + counted)

    def _branches_after(self, branches: Branches, letter: Letter) -> Branches:
        key = tuple(branch.standing for branch in branches), letter
        if key not in self._after:
            self._after[key] = self._follower.after(branches, event_of(letter))
        return self._after[key]

    def _end(self, pair: Pair) -> Iterator[Difference]:
        by_model = self._model.may_end(pair.model)
        if self._follower.may_end(pair.branches) != by_model:
            yield Difference(self.history(pair), None, by_model)

    def history(self, pair: Pair) -> tuple[Letter, ...]:
        """A shortest history that leads to a pair."""
        letters: list[Letter] = []
        came = self._came[pair]
        while came is not None:
            pair, letter = came
            letters.append(letter)
            came = self._came[pair]
        return tuple(reversed(letters))
