"""One raw session with its coordinator, its hooks and its stop flag."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from statemachine.testing.model import errors
from statemachine.testing.model.coordinator import Coordinator
from statemachine.testing.model.graph import Raw
from statemachine.testing.model.merge import Context, Merger

if TYPE_CHECKING:
    from statemachine.testing.model.session import Session

STOPPED = "Run called even after should_stop requested."


class Opened:
    """What runs with hooks; MonitoredSession makes a new one when it recovers."""

    def __init__(self, owner: "Session", raw: Raw, coordinator: Coordinator) -> None:
        self.raw = raw
        self.coordinator = coordinator
        self.stop = False
        self.excused = False
        self.closed = False
        self._owner = owner
        self._world = owner.world

    def coordinator_stopped(self) -> bool:
        """Tells whether the coordinator was asked to stop; raises the error that it holds."""
        if self.coordinator.held is not None:
            raise self.coordinator.held
        return self.coordinator.stopped

    def run(self, fetches: Any, feed_dict: Any = None, options: Any = None) -> Any:
        """Runs with hooks; some errors that the coordinator holds come out instead of the own."""
        try:
            return self._step(fetches, feed_dict, options)
        except errors.PREEMPTION:
            raise
        except Exception:
            held = self.coordinator.held
            if held is not None and _outweighs(held):
                raise held from None
            raise

    def _step(self, fetches: Any, feed_dict: Any, options: Any) -> Any:
        if self.closed:
            raise AttributeError("'NoneType' object has no attribute 'run'")
        if self.stop and not self.excused:
            raise RuntimeError(STOPPED)
        context = Context(self.raw, fetches, feed_dict)
        try:
            value = self._run_hooked(context, options)
        except BaseException:
            if self._world.wants("stop_survives_failure"):
                self._take_over(context)
            raise
        self._take_over(context)
        return value

    def _take_over(self, context: Context) -> None:
        if context.stop_requested:
            self.stop, self.excused = True, False

    def _run_hooked(self, context: Context, options: Any) -> Any:
        merger = Merger(self._world, context, options)
        for hook in self._owner.hooks:
            merger.add(hook, self._owner.call(hook.before_run, context))
        merger.finish()
        if self.closed:
            raise AttributeError("'NoneType' object has no attribute 'run'")
        values = self._world.merged_run(self.raw, merger)
        for hook in self._owner.hooks:
            self._owner.call(hook.after_run, context, merger.values_for(hook, values))
        return values["caller"]

    def close(self, pending: BaseException | None = None) -> BaseException | None:
        """Stops and joins the threads, closes the raw session; returns the error on its way."""
        self.closed = True
        return close_all(self._world.close_raw, self.raw, self.coordinator, pending)


def close_all(
    close_raw: Callable[[Raw], None],
    raw: Raw | None,
    coordinator: Coordinator | None,
    pending: BaseException | None = None,
) -> BaseException | None:
    """Closes what there is; the coordinator's error, then the raw session's, take precedence."""
    if coordinator is not None:
        coordinator.request_stop()
        try:
            coordinator.join()
        except BaseException as error:
            pending = error
    if raw is not None:
        try:
            close_raw(raw)
        except Exception:
            return pending
        except BaseException as error:
            return error
    return pending


def _outweighs(held: BaseException) -> bool:
    return isinstance(held, errors.PREEMPTION) or not isinstance(held, Exception)
