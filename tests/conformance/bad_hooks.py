"""Hooks that break what hooks promise, one promise each, and the check that has to find it."""

import contextlib
import os
import random
import threading
import time
from collections.abc import Callable
from typing import Any

import attrs

import runtime as tf
from runtime.testing import HookAdapter, HookModel

BAD: dict[str, tuple[str, Callable[..., Any]]] = {}
"""For each fault, in words: the check that is meant for it, and the hook's factory."""


def bad(words: str, check: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    def kept(factory: Callable[..., Any]) -> Callable[..., Any]:
        BAD[words] = (check, factory)
        return factory

    return kept


class Hook(tf.train.SessionRunHook):
    """A hook with a model."""

    def __init__(self, model: HookModel) -> None:
        self.loss, self.step, self.x = model.loss, model.global_step, model.x
        self.log = os.path.join(model.directory, "log.txt")


@bad("it counts on an after_run for each before_run", "tolerates-every-order")
class ExpectsAfterRun(Hook):
    def begin(self):
        self.running = False

    def before_run(self, run_context):
        assert not self.running
        self.running = True

    def after_run(self, run_context, run_values):
        self.running = False


@bad("it counts on a run before the end", "tolerates-every-order")
class ExpectsRun(Hook):
    def begin(self):
        self.losses = []

    def before_run(self, run_context):
        return tf.train.SessionRunArgs(self.loss)

    def after_run(self, run_context, run_values):
        self.losses.append(run_values.results)

    def end(self, session):
        self.mean = sum(self.losses) / len(self.losses)


@bad("it counts on being the only one who asks for a stop", "tolerates-every-order")
class AloneStops(Hook):
    def after_run(self, run_context, run_values):
        if run_context.stop_requested:
            raise RuntimeError("who was that?")


@bad("it counts on the caller's fetches being a mapping", "tolerates-every-order")
class KnowsTheCaller(Hook):
    def before_run(self, run_context):
        self.names = run_context.original_args.fetches.keys()


@bad("its on_error counts on being given the context of a run", "tolerates-every-order")
class ErrorOfRun(Hook):
    def on_error(self, run_context, error):
        run_context.request_stop()


@bad("it adds operations before each run", "adds-no-operations")
class GrowsBeforeRun(Hook):
    def before_run(self, run_context):
        return tf.train.SessionRunArgs(self.loss * 2)


@bad("it adds operations at the end, and keeps quiet when that fails", "adds-no-operations")
class GrowsAtTheEnd(Hook):
    def end(self, session):
        with contextlib.suppress(RuntimeError):
            session.run(tf.multiply(self.loss, 3.0))


@bad("it opens the final graph to add what it forgot", "adds-no-operations")
class OpensTheGraph(Hook):
    def after_create_session(self, session, coord):
        session.graph._unsafe_unfinalize()
        with session.graph.as_default():
            tf.no_op(name="forgotten")
        session.graph.finalize()


@bad("before_run returns a tensor", "asks-for-what-can-be-run")
class ReturnsTensor(Hook):
    def before_run(self, run_context):
        return self.loss


@bad("it asks for a tensor by a name that is not there", "asks-for-what-can-be-run")
class AsksForUnknown(Hook):
    def before_run(self, run_context):
        return tf.train.SessionRunArgs({"accuracy": "accuracy:0"})


@bad("it asks for a tensor of a graph of its own", "asks-for-what-can-be-run")
class ForeignTensor(Hook):
    def begin(self):
        with tf.Graph().as_default():
            self.foreign = tf.constant(1.0)

    def before_run(self, run_context):
        return tf.train.SessionRunArgs(self.foreign)


@bad("it rolls dice whether to ask", "asks-for-the-same-again")
class RollsDice(Hook):
    def before_run(self, run_context):
        return tf.train.SessionRunArgs(self.loss) if random.random() < 0.5 else None


@bad("it asks for a stop after a number of runs that all its kind share", "asks-for-the-same-again")
class SharedCounter(Hook):
    runs = 0

    def after_run(self, run_context, run_values):
        SharedCounter.runs += 1
        if SharedCounter.runs % 7 == 0:
            run_context.request_stop()


@bad("it adds its own fetches to the caller's", "leaves-others-alone")
class AddsToFetches(Hook):
    def before_run(self, run_context):
        fetches = run_context.original_args.fetches
        if isinstance(fetches, list) and self.step not in fetches:
            fetches.append(self.step)


@bad("it takes the caller's feeds away", "leaves-others-alone")
class TakesFeeds(Hook):
    def before_run(self, run_context):
        feed = run_context.original_args.feed_dict
        if feed:
            feed.clear()


@bad("it turns tracing on in the caller's options", "leaves-others-alone")
class ChangesOptions(Hook):
    def before_run(self, run_context):
        options = run_context.original_args.options
        if options is not None:
            options.trace_level = tf.RunOptions.FULL_TRACE


@bad("it makes a graph of its own the default one, for good", "leaves-defaults-alone")
class DefaultGraph(Hook):
    def begin(self):
        self.block = tf.Graph().as_default()
        self.block.__enter__()


@bad("it makes the raw session the default one, for good", "leaves-defaults-alone")
class DefaultSession(Hook):
    def before_run(self, run_context):
        self.block = run_context.session.as_default()
        self.block.__enter__()


@bad("its thread goes on with the closed session", "uses-open-sessions")
class LateThread(Hook):
    def end(self, session):
        def run(session=session, step=self.step):
            for _ in range(2000):
                time.sleep(0.001)
                try:
                    session.run(step)
                except RuntimeError:
                    return

        threading.Thread(target=run, daemon=True).start()


@bad("it keeps to the first raw session that it was given", "survives-recovery")
class FirstSession(Hook):
    def begin(self):
        self.session = None

    def after_create_session(self, session, coord):
        self.session = self.session or session

    def after_run(self, run_context, run_values):
        self.session.run(self.step)

    def end(self, session):
        self.session = None


@bad("it counts on after_create_session coming once", "survives-recovery")
class CreatedOnce(Hook):
    def begin(self):
        self.created = False

    def after_create_session(self, session, coord):
        if self.created:
            raise RuntimeError("created twice")
        self.created = True


@bad("it counts runs that fail, and takes them back again", "counts-do-not-go-back")
def counts_back(model: HookModel) -> Any:
    class CountsBack(Hook):
        def begin(self):
            self.runs = 0

        def before_run(self, run_context):
            self.runs += 1

        def after_run(self, run_context, run_values):
            self.runs -= 2 * (self.runs % 3 == 0)

    return CountsBack(model)


@bad("it takes any error of a run of its own lightly", "lets-interrupts-out")
class BareExcept(Hook):
    def after_run(self, run_context, run_values):
        with contextlib.suppress(BaseException):
            run_context.session.run(self.loss)


@bad("it takes a preemption in a run of its own for an error of its own", "lets-interrupts-out")
class WrapsPreemption(Hook):
    def after_run(self, run_context, run_values):
        try:
            run_context.session.run(self.loss)
        except Exception as error:
            raise ValueError("no loss") from error


@bad("it keeps the raw session after the end", "lets-go-of-sessions")
class KeepsSession(Hook):
    def after_create_session(self, session, coord):
        self.session = session


@bad("it keeps the coordinator in a list", "lets-go-of-sessions")
class KeepsCoordinator(Hook):
    def after_create_session(self, session, coord):
        self.coordinators = [*getattr(self, "coordinators", ()), coord]


@bad("it keeps what runs gave it, whole", "lets-go-of-sessions")
class KeepsValues(Hook):
    def before_run(self, run_context):
        return tf.train.SessionRunArgs(self.loss)

    def after_run(self, run_context, run_values):
        self.latest = {"values": run_values}


@bad("a function of the hook's keeps the raw session", "lets-go-of-sessions")
class KeepsClosure(Hook):
    def after_create_session(self, session, coord):
        self.read = lambda: session.run(self.step)


_SESSIONS: list[Any] = []


@bad("a global list keeps the raw session", "lets-go-of-sessions")
class KeepsGlobally(Hook):
    def end(self, session):
        del _SESSIONS[3:]
        _SESSIONS.append(session)


@bad("it leaves a thread running", "leaves-nothing-behind")
class LeavesThread(Hook):
    def after_create_session(self, session, coord):
        self.over = threading.Event()
        threading.Thread(target=self.over.wait, args=(3,), name="watcher", daemon=True).start()

    def __del__(self):
        if hasattr(self, "over"):
            self.over.set()


@bad("it leaves its file open", "leaves-nothing-behind")
class LeavesFile(Hook):
    file: int | None = None

    def begin(self):
        if self.file is None:
            self.file = os.open(self.log, os.O_WRONLY | os.O_CREAT)

    def __del__(self):
        if self.file is not None:
            os.close(self.file)


@bad("it can be begun only once", "can-be-reused")
class BegunOnce(Hook):
    begun = False

    def begin(self):
        if self.begun:
            raise RuntimeError("begun twice")
        self.begun = True


@bad("it closes its file at the end, and opens it only once", "can-be-reused")
class OpensOnce(Hook):
    file: int | None = None

    def begin(self):
        if self.file is None:
            self.file = os.open(self.log, os.O_WRONLY | os.O_CREAT)

    def after_run(self, run_context, run_values):
        os.write(self.file, b"a step\n")

    def end(self, session):
        os.close(self.file)


@bad("it saves less of its state than it loads", "state-comes-back")
class ForgetsState(Hook):
    runs = 0

    def after_run(self, run_context, run_values):
        self.runs += 1

    def state_dict(self):
        return {"runs": self.runs}

    def load_state_dict(self, state):
        pass


@bad("it waits for a step that nobody makes", "does-not-block")
class Waits(Hook):
    def before_run(self, run_context):
        while run_context.session.run(self.step) < 100:
            time.sleep(1)


@attrs.frozen
class BadHook:
    """A fault.

    Attributes:
        name: What is wrong, in words.
        check: The check that is meant for it.
        adapter: The hook.
    """

    name: str
    check: str
    adapter: HookAdapter


def _bad_hook(name: str) -> BadHook:
    check, factory = BAD[name]
    count = (lambda hook: hook.runs) if check == "counts-do-not-go-back" else None
    return BadHook(name, check, HookAdapter(factory, count=count))


BAD_HOOKS = tuple(_bad_hook(name) for name in BAD)
