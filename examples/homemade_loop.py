"""A training loop of another make, and the adapter that holds it against the documented order.

The loop has callbacks in the manner of today's frameworks. It computes with PyTorch if that is
there, else in plain Python. What it promises is less than a monitored session does: no scaffold, no
coordinator, no event log; so those checks are skipped, and say why.

    python examples/homemade_loop.py
    monitored-session conform examples.homemade_loop:TrainerAdapter
"""

import contextlib
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Protocol

from runtime.testing import SessionAdapter, check_session
from statemachine.testing import Feature, Sees
from statemachine.testing.live import LiveStage


class Callback:
    def on_setup(self) -> None: ...
    def on_fit_start(self, trainer: "Trainer") -> None: ...
    def on_batch_start(self, trainer: "Trainer", batch: Any) -> None: ...
    def on_batch_end(self, trainer: "Trainer", batch: Any, output: Any) -> None: ...
    def on_fit_end(self, trainer: "Trainer") -> None: ...


class Backend(Protocol):
    def run(self, batch: Any) -> Any: ...
    def close(self) -> None: ...


class Trainer:
    """Calls its callbacks around each batch; to be used in `with`."""

    def __init__(self, callbacks: Sequence[Callback], open_backend: Callable[[], Backend]) -> None:
        self.callbacks = tuple(callbacks)
        self.should_stop = self.closed = False
        for callback in self.callbacks:
            callback.on_setup()
        self.backend = open_backend()
        try:
            for callback in self.callbacks:
                callback.on_fit_start(self)
        except BaseException:
            self.backend.close()
            raise

    def train_batch(self, batch: Any) -> Any:
        if self.should_stop or self.closed:
            raise RuntimeError("this trainer was stopped or closed")
        for callback in self.callbacks:
            callback.on_batch_start(self, batch)
        output = self.backend.run(batch)
        for callback in self.callbacks:
            callback.on_batch_end(self, batch, output)
        return output

    def close(self) -> None:
        if self.closed:
            raise RuntimeError("this trainer is closed")
        try:
            for callback in self.callbacks:
                callback.on_fit_end(self)
        finally:
            self._release()

    def _release(self) -> None:
        self.closed = self.should_stop = True
        self.backend.close()

    def __enter__(self) -> "Trainer":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        if self.closed:
            return False
        out_of_data = isinstance(error, StopIteration | EndOfData)
        if error is None or out_of_data:
            self.close()
        else:
            self._release()
        return out_of_data


class EndOfData(Exception):
    """Is raised by a loader that has no more batches."""


# The adapter: a class for the callbacks, and one for the trainer.


class Bridge(Callback):
    """Calls a hook of the kit where the trainer calls a callback."""

    def __init__(self, session: "Session", hook: Any) -> None:
        self.session, self.hook = session, hook

    def on_setup(self) -> None:
        self.hook.begin()

    def on_fit_start(self, trainer: Trainer) -> None:
        self.hook.after_create_session(None, None)

    def on_batch_start(self, trainer: Trainer, batch: Any) -> None:
        self.hook.before_run(self.session.context)
        trainer.should_stop |= self.session.context.stop_requested

    def on_batch_end(self, trainer: Trainer, batch: Any, output: Any) -> None:
        self.hook.after_run(self.session.context, self.session.stage.values())
        trainer.should_stop |= self.session.context.stop_requested

    def on_fit_end(self, trainer: Trainer) -> None:
        self.hook.end(None)


class Batches:
    """The backend: the kit's raw session, which sees that it is run and closed."""

    def __init__(self, stage: LiveStage) -> None:
        self.raw = stage.open_raw()

    def run(self, batch: Any) -> Any:
        return self.raw.run(*batch)

    def close(self) -> None:
        with contextlib.suppress(Exception):
            self.raw.close()


class Session:
    """The trainer, with the names that the kit calls."""

    def __init__(self, stage: LiveStage, hooks: Sequence[Any]) -> None:
        self.stage = stage
        callbacks = [Bridge(self, hook) for hook in hooks]
        self.trainer = Trainer(callbacks, lambda: Batches(stage))
        self.close = self.trainer.close

    def run(self, fetches: Any, feed_dict: Any = None) -> Any:
        self.context = self.stage.context()  # one for all hooks of a run
        return self.trainer.train_batch((fetches, feed_dict))

    def should_stop(self) -> bool:
        return self.trainer.should_stop

    def __enter__(self) -> "Session":
        return self

    def __exit__(self, *exception: Any) -> bool:
        return self.trainer.__exit__(*exception)


class Errors:
    """The error classes of the loop's world, by the names that scenarios give them."""

    OutOfRangeError = EndOfData
    AbortedError = type("AbortedError", (Exception,), {})
    UnavailableError = type("UnavailableError", (Exception,), {})
    InvalidArgumentError = type("InvalidArgumentError", (Exception,), {})
    UnknownError = type("UnknownError", (Exception,), {})
    FailedPreconditionError = type("FailedPreconditionError", (Exception,), {})
    NotFoundError = type("NotFoundError", (Exception,), {})


class TrainerAdapter(SessionAdapter):
    name = "Trainer of examples/homemade_loop.py"
    features = frozenset({Feature.CLOSE, Feature.STOP})
    sees = frozenset({Sees.RAW})
    errors = Errors

    def construct(self, stage: LiveStage, hooks: Any) -> Session:
        return Session(stage, hooks)


# What the loop is made for.


class Line:
    """Fits a line to a few points, with PyTorch if it is there."""

    def __init__(self) -> None:
        self.slope = 0.0

    def run(self, batch: tuple[float, float]) -> float:
        x, y = batch
        self.slope -= 0.1 * gradient(self.slope, x, y)
        return self.slope

    def close(self) -> None: ...


def gradient(slope: float, x: float, y: float) -> float:
    """The derivative of (slope * x - y)² with respect to the slope."""
    try:
        import torch
    except ImportError:
        return 2 * x * (slope * x - y)
    weight = torch.tensor(slope, requires_grad=True)
    ((weight * x - y) ** 2).backward()
    return float(weight.grad)


def main() -> None:
    with Trainer([], Line) as trainer:
        for number in range(200):
            x = (number % 10) / 10
            slope = trainer.train_batch((x, 3 * x))
    print(f"slope {slope:.2f}")
    print(check_session(TrainerAdapter()))


if __name__ == "__main__":
    main()
