"""What hooks get in place of a graph, a raw session and values when there is only a log."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, NoReturn

import attrs
import numpy as np

from runtime.graph.dtypes import as_dtype
from runtime.graph.graph import Graph
from runtime.graph.keys import GraphKeys
from runtime.graph.ops.array import placeholder
from runtime.graph.ops.control_flow import no_op
from runtime.signatures import names_of
from statemachine.values import Value

__all__ = ["NotRecorded", "RecordedGraph", "RecordedSession", "Unrecorded", "given", "rebuilt"]

Answer = Callable[[str], Any]
"""Gives what was recorded under a name, or raises NotRecorded."""


class NotRecorded(LookupError):
    """A hook needs something that the log does not hold; the message says what, and why."""


class RecordedGraph(Graph):
    """Has a stand-in for each tensor and operation that a log names, made when it is looked up.

    They can be named, fetched and fed, and not computed.

    Args:
        names: The names that the log knows.
        dtypes: The types of tensors, as far as they are known.
        global_step: The name of the global step.
    """

    def __init__(
        self, names: Iterable[str], dtypes: Mapping[str, str], global_step: str = "global_step:0"
    ) -> None:
        super().__init__()
        self._known = {name.removesuffix(":0"): name for name in sorted({*names, global_step})}
        self._dtypes = {global_step: "int64", **dtypes}
        found = self.get_tensor_by_name(global_step)
        found.set_shape([])
        self.add_to_collection(GraphKeys.GLOBAL_STEP, found)

    # Any: as the method that it extends.
    def _by_name(self, name: str, allow_tensor: bool, allow_operation: bool) -> Any:
        operation = name.removesuffix(":0")
        known = self._known.get(operation)
        if known is not None and operation not in self._operations:
            self._make(operation, known)
        return super()._by_name(name, allow_tensor, allow_operation)

    def _make(self, operation: str, known: str) -> None:
        finalized = self.finalized
        if finalized:
            self._unsafe_unfinalize()
        with self.as_default(), self.name_scope(None):
            if known.endswith(":0"):
                placeholder(_dtype(self._dtypes.get(known)), name=operation)
            else:
                no_op(name=operation)
        if finalized:
            self.finalize()


def _dtype(name: str | None) -> Any:
    try:
        return as_dtype(name or "float32")
    except TypeError:
        return as_dtype("float32")


class RecordedSession:
    """Answers a hook's runs from the log.

    Attributes:
        graph: The graph.
        answer: What is known at this moment.
    """

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.answer: Answer = _nothing_known
        self.event_listener = None
        self.hook_states = None

    # Any: as Session.run.
    def run(
        self, fetches: Any, feed_dict: Any = None, options: Any = None, run_metadata: Any = None
    ) -> Any:
        """What the log holds of the fetches at this moment.

        Raises:
            NotRecorded: If it does not hold all of it.
        """
        return rebuilt(fetches, self.answer)

    def as_default(self) -> NoReturn:
        """There is no session."""
        raise NotRecorded(_NO_SESSION)

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("__"):
            raise AttributeError(name)
        raise NotRecorded(f"{_NO_SESSION}: it can't give {name!r}")


_NO_SESSION: Final = "hooks are replayed against a log, where there is no raw session"


def _nothing_known(name: str) -> NoReturn:
    raise NotRecorded(f"the log does not hold {name!r}: no session was made yet")


# Any: structures of fetches are an open set.
def rebuilt(asked: Any, give: Answer) -> Any:
    """A structure of fetches with values in the place of its elements."""
    if isinstance(asked, Mapping):
        pairs = [(key, rebuilt(part, give)) for key, part in asked.items()]
        made = dict if type(asked) is dict else type(asked)
        return made(pairs)  # type: ignore[call-arg]  # mappings are made from pairs
    if isinstance(asked, (list, tuple)):
        parts = [rebuilt(part, give) for part in asked]
        return type(asked)(*parts) if hasattr(asked, "_fields") else type(asked)(parts)
    if attrs.has(type(asked)):
        names = [field.name for field in attrs.fields(type(asked))]
        return type(asked)(*(rebuilt(getattr(asked, name), give) for name in names))
    return give(str(names_of(asked)))


def given(value: Value) -> Any:
    """A recorded value as a run gave it.

    Raises:
        NotRecorded: If the log does not hold it whole; the message says why.
    """
    if value.dtype == "none":
        return None
    held = value.value
    if held is None:
        raise NotRecorded(_why_not_held(value))
    if isinstance(held, str):
        return held.encode()
    try:
        return np.dtype(value.dtype).type(held)
    except TypeError:
        return held


def _why_not_held(value: Value) -> str:
    if value.sha256 is not None:
        return (
            f"the log holds only the digest of {value.name!r} ({value.words}); a log with "
            'record="scalars" holds scalars'
        )
    if value.shape:
        return (
            f"the log does not hold {value.name!r} ({value.words}), because it is no scalar; fetch "
            "what you need of it as a scalar"
        )
    return f"the log does not hold the whole of {value.name!r} ({value.words})"


class Unrecorded:
    """Stands for a value that the log does not hold: it can be passed on, and not used.

    Args:
        why: Why it is not there.
        on_use: Told of a use.
    """

    __slots__ = ("_on_use", "_why")

    def __init__(self, why: str, on_use: Callable[[str], None]) -> None:
        self._why = why
        self._on_use = on_use

    def _refuse(self, *_: object) -> NoReturn:
        self._on_use(self._why)
        raise NotRecorded(self._why)

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("__"):
            raise AttributeError(name)
        self._refuse()

    def __repr__(self) -> str:
        return "<not recorded>"

    __hash__ = None  # type: ignore[assignment]  # nothing is known of what it equals
    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = _refuse
    __bool__ = __int__ = __float__ = __complex__ = __index__ = __len__ = _refuse
    __str__ = __format__ = __iter__ = __getitem__ = __array__ = __contains__ = _refuse
    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = _refuse
    __rtruediv__ = __floordiv__ = __rfloordiv__ = __mod__ = __pow__ = __neg__ = __abs__ = _refuse
    __matmul__ = __rmatmul__ = __round__ = __bytes__ = _refuse
