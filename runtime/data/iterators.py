"""Iterators: operations that give a dataset's next element, and what a session holds for them.

Source of the rules: the ``tf.compat.v1.data.Iterator`` documentation.
"""

import itertools
import threading
import weakref
from collections.abc import Iterator as ElementIterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any, Final

from runtime import errors
from runtime.data.definitions import DATASETS
from runtime.data.sources import Element, Source, Watch
from runtime.data.structures import check_fits, specs_for
from runtime.graph import dtypes, nest
from runtime.graph.convert import convert_to_tensor
from runtime.graph.definition import Definition, Kernel, Spec, View, not_differentiable
from runtime.graph.failures import reraise
from runtime.graph.graph import get_default_graph
from runtime.graph.operation import Operation
from runtime.graph.ops.rules import fixed, no_output
from runtime.graph.plan import Request, ancestors, compile_program
from runtime.graph.state import DEADLINE, SessionState
from runtime.graph.tensor import Tensor

if TYPE_CHECKING:
    from runtime.data.dataset import Dataset

_HANDLES: "weakref.WeakValueDictionary[bytes, IteratorState]" = weakref.WeakValueDictionary()
_NUMBERS: Final = itertools.count(1)


class IteratorState:
    """Where an iterator stands in one session.

    Args:
        op: The iterator.
    """

    def __init__(self, op: Operation) -> None:
        self._op = op
        self._lock = threading.Lock()
        self._elements: ElementIterator[Element] | None = None
        self._watch = Watch()
        self.handle = f"{op.name}/{next(_NUMBERS)}".encode()
        _HANDLES[self.handle] = self

    def reset(self, source: Source) -> None:
        """Begins with the first element.

        Args:
            source: What to iterate over.
        """
        with self._locked():
            self._elements = source.elements(self._watch)

    def next(self) -> Element:
        """The next element.

        Returns:
            Its components.

        Raises:
            OutOfRangeError: If there is none.
            FailedPreconditionError: If the iterator was not initialized.
        """
        with self._locked():
            if self._elements is None:
                self._elements = self._first()
            for element in self._elements:
                return element
            self._elements = iter(())
        raise errors.OutOfRangeError(None, None, "End of sequence")

    def _first(self) -> ElementIterator[Element]:
        raise errors.FailedPreconditionError(
            None,
            None,
            "GetNext() failed because the iterator has not been initialized. Ensure that you have "
            f"run the initializer operation for this iterator ({self._op.name!r}) before getting "
            "the next element.",
        )

    def _locked(self) -> AbstractContextManager[None]:
        return _held(self._lock, self._watch)

    def cancel(self) -> None:
        """Makes whoever waits for an element fail: the session is closed."""
        self._watch.closed = True


@contextmanager
def _held(lock: threading.Lock, watch: Watch) -> ElementIterator[None]:
    """Holds a lock; gives up waiting for it when the run's time is up or the session is closed."""
    while not lock.acquire(timeout=_patience()):
        watch.check()
    try:
        watch.check()
        yield
    finally:
        lock.release()


def _patience() -> float:
    remaining = DEADLINE.remaining()
    return 0.1 if remaining is None else min(0.1, max(0.0, remaining))


class OneShotState(IteratorState):
    """Where an iterator stands that initializes itself when it is used for the first time."""

    def __init__(self, op: Operation) -> None:
        super().__init__(op)
        self._own = SessionState()

    def _first(self) -> ElementIterator[Element]:
        request = Request([self._op.inputs[0]], lambda parts: parts[0], [], [], {}, kept=())
        program = compile_program(request)
        try:
            source: Source = program.bind(self._own)()
        except Exception as error:
            reraise(error, program)
        return source.elements(self._watch)

    def cancel(self) -> None:
        """Makes whoever waits for an element fail: the session is closed."""
        super().cancel()
        self._own.cancel()


def _component_specs(view: View) -> tuple[Spec, ...]:
    pairs = zip(view["types"], view["shapes"], strict=True)
    return tuple([Spec(dtype, dims) for dtype, dims in pairs])


def _bind_next(view: View) -> Kernel:
    if len(view["types"]) > 1:
        return IteratorState.next
    return lambda state: state.next()[0]


def _bind_next_by_handle(view: View) -> Kernel:
    following = _bind_next(view)
    return lambda handle: following(_state_of(handle))


def _state_of(handle: Any) -> IteratorState:
    key = handle.item() if hasattr(handle, "item") else handle
    state = _HANDLES.get(key)
    if state is None:
        raise ValueError(
            f"{key!r} is no handle of an iterator of an open session. Get one by running "
            "iterator.string_handle() in the same session."
        )
    return state


def _iterator(name: str, state: Any) -> Definition:
    return Definition(
        name,
        fixed(dtypes.resource, ()),
        state=state,
        stateful=True,
        gradient=not_differentiable,
    )


# Any: arguments of a definition.
def _on_iterator(name: str, infer: Any = no_output, **how: Any) -> Definition:
    return Definition(name, infer, stateful=True, gradient=not_differentiable, **how)


ITERATOR = _iterator("IteratorV2", IteratorState)
ONE_SHOT = _iterator("OneShotIterator", OneShotState)
MAKE = _on_iterator(
    "MakeIterator", references=(1,), kernel=lambda source, state: state.reset(source)
)
HANDLE = _on_iterator(
    "IteratorToStringHandle",
    fixed(dtypes.string, ()),
    references=(0,),
    kernel=lambda state: state.handle,
)
GET_NEXT = _on_iterator(
    "IteratorGetNext",
    _component_specs,
    references=(0,),
    bind=_bind_next,
    aliases=True,
    floating=True,
)
GET_NEXT_BY_HANDLE = _on_iterator(
    "IteratorGetNextByHandle",
    _component_specs,
    bind=_bind_next_by_handle,
    aliases=True,
    floating=True,
)


class Iterator:
    """Gives out the elements of datasets, one in each run.

    Made by `make_one_shot_iterator`, `make_initializable_iterator`, `Iterator.from_structure` or
    `Iterator.from_string_handle`.
    """

    def __init__(
        self,
        reference: Tensor,
        spec: Any,
        initializer: Operation | None = None,
        by_handle: bool = False,
    ) -> None:
        self._reference = reference
        self._spec = spec
        self._initializer = initializer
        self._by_handle = by_handle

    @staticmethod
    def from_structure(
        output_types: Any,
        output_shapes: Any = None,
        shared_name: str | None = None,
        output_classes: Any = None,
    ) -> "Iterator":
        """An iterator that can be initialized with any dataset of such elements.

        Args:
            output_types: The structure of element types.
            output_shapes: The structure of shapes; unknown if None.
            shared_name: Without effect: an iterator is shared by the runs of one session.
            output_classes: Without effect.

        Returns:
            The iterator; `make_initializer` makes what initializes it.
        """
        return Iterator(ITERATOR(), specs_for(output_types, output_shapes))

    @staticmethod
    def from_string_handle(
        string_handle: Any,
        output_types: Any,
        output_shapes: Any = None,
        output_classes: Any = None,
    ) -> "Iterator":
        """What stands for the iterator that a string names, which may change from run to run.

        Args:
            string_handle: A scalar of string: what `string_handle` of an iterator gave.
            output_types: The structure of element types.
            output_shapes: The structure of shapes; unknown if None.
            output_classes: Without effect.

        Returns:
            An iterator.
        """
        handle = convert_to_tensor(string_handle, dtypes.string)
        return Iterator(handle, specs_for(output_types, output_shapes), by_handle=True)

    @property
    def initializer(self) -> Operation:
        """The operation that begins with the first element.

        Raises:
            ValueError: If the iterator has none.
        """
        if self._initializer is None:
            raise ValueError(
                "The iterator does not have an initializer. A one-shot iterator needs none; for "
                "one that can be initialized use tf.data.make_initializable_iterator, and for one "
                "from Iterator.from_structure call make_initializer with a dataset."
            )
        return self._initializer

    def make_initializer(self, dataset: "Dataset", name: str | None = None) -> Operation:
        """An operation that begins with the first element of a dataset.

        Args:
            dataset: The dataset.
            name: Name of the operation.

        Returns:
            The operation.

        Raises:
            TypeError: If the dataset's elements are not such as the iterator gives out.
        """
        check_fits(dataset.element_spec, self._spec)
        with get_default_graph().name_scope(name or "make_initializer"):
            result: Operation = MAKE(dataset.variant, self._reference, name=name or "MakeIterator")
        return result

    def get_next(self, name: str | None = None) -> Any:
        """The next element.

        Args:
            name: Name of the operation.

        Returns:
            Tensors in the structure of the dataset's elements. All that comes out of one call
            belongs to one element in a run; each run takes another. After the last the run
            raises OutOfRangeError.
        """
        specs = nest.flatten(self._spec)
        attributes = {"types": [s.dtype for s in specs], "shapes": [s.dims for s in specs]}
        definition = GET_NEXT_BY_HANDLE if self._by_handle else GET_NEXT
        op = definition.create([self._reference], attributes, name or "IteratorGetNext")
        return nest.pack_sequence_as(self._spec, op.outputs)

    def string_handle(self, name: str | None = None) -> Tensor:
        """A name of the iterator in a session, for `from_string_handle`.

        Args:
            name: Name of the operation.

        Returns:
            A scalar of string.
        """
        if self._by_handle:
            return self._reference
        result: Tensor = HANDLE(self._reference, name=name)
        return result

    @property
    def element_spec(self) -> Any:
        """The structure of elements, of `tf.TensorSpec`."""
        return self._spec

    @property
    def output_types(self) -> Any:
        """The element types, in the structure of elements."""
        return nest.map_structure(lambda spec: spec.dtype, self._spec)

    @property
    def output_shapes(self) -> Any:
        """The static shapes, in the structure of elements."""
        return nest.map_structure(lambda spec: spec.shape, self._spec)

    @property
    def output_classes(self) -> Any:
        """`tf.Tensor`, in the structure of elements."""
        return nest.map_structure(lambda spec: Tensor, self._spec)


def check_one_shot(variant: Tensor) -> None:
    """Checks that a dataset can be made without anything that a run may change.

    Args:
        variant: The dataset.

    Raises:
        ValueError: If it needs a placeholder, a variable, or something random.
    """
    for op in ancestors([variant.op], lambda tensor: False):
        if op.type == "Placeholder":
            raise ValueError(
                f"Cannot capture a placeholder (name:{op.name}, type:{op.type}) by value. {_ADVICE}"
            )
        if op.definition.stateful and op.definition not in DATASETS:
            raise ValueError(
                f"Cannot capture a stateful node (name:{op.name}, type:{op.type}) by value. "
                f"{_ADVICE}"
            )


_ADVICE: Final = (
    "A one-shot iterator makes its dataset by itself, so the dataset can't use what a run feeds or "
    "changes. Use tf.data.make_initializable_iterator() instead, and run iterator.initializer."
)
