"""Faults that are put into our own session, machine and log, one at a time.

A mutant names a function, a part of its source, and what stands there instead.
"""

import contextlib
import importlib
import inspect
import textwrap
from collections.abc import Iterator
from typing import Any
from unittest import mock

import attrs

from runtime.testing.adapter import SessionAdapter
from runtime.testing.numpy_sessions import monitored, singular

SESSION = "runtime.session"
START = "runtime.starting"
STEP = "runtime.step"
MONITORED = "runtime.monitored_session"
RECOVERY = "runtime.recovery"


@attrs.frozen
class Mutant:
    """A fault.

    Attributes:
        name: What is wrong with it, in words.
        where: The function, as module:name.
        old: What stands there.
        new: What stands there instead.
        recovers: Whether it takes a session that recovers to see it.
    """

    name: str
    where: str
    old: str
    new: str
    recovers: bool = False

    @property
    def adapter(self) -> SessionAdapter:
        """The session that it is sought in."""
        return monitored if self.recovers else singular

    @contextlib.contextmanager
    def in_force(self) -> Iterator[None]:
        """Puts the fault in, and takes it out again."""
        module_name, _, path = self.where.partition(":")
        module = importlib.import_module(module_name)
        owner: Any = module
        *owners, name = path.split(".")
        for part in owners:
            owner = getattr(owner, part)
        with mock.patch.object(owner, name, self._mutated(owner, name, module)):
            yield

    def _mutated(self, owner: Any, name: str, module: Any) -> Any:
        found = inspect.getattr_static(owner, name)
        function = getattr(found, "__func__", found)
        source = textwrap.dedent(inspect.getsource(inspect.unwrap(function)))
        assert source.count(self.old) == 1, (
            f"{self.where} has changed, and no longer holds, once, what the mutant {self.name!r} "
            f"replaces: {self.old!r}. Give the mutant what stands there now"
        )
        made: dict[str, Any] = {}
        exec(compile(source.replace(self.old, self.new), self.where, "exec"), vars(module), made)
        return made[name]


MUTANTS = (
    # The start
    Mutant(
        "begin and after_create_session are called in reverse order",
        f"{START}:Start._each_hook",
        "in enumerate(self._hooks):",
        "in reversed([*enumerate(self._hooks)]):",
    ),
    Mutant(
        "the first hook's begin is told and not called",
        f"{START}:Start._each_hook",
        "            call(hook)",
        "            if index or point != 'beginning': call(hook)",
    ),
    Mutant(
        "after_create_session is called for the last hook twice",
        f"{START}:Start._launch",
        "hook.after_create_session(self.raw, self.coordinator)",
        "[hook.after_create_session(self.raw, self.coordinator) "
        "for _ in range(1 + (hook is self._hooks[-1]))]",
    ),
    Mutant(
        "after_create_session is given no session",
        f"{START}:Start._launch",
        "hook.after_create_session(self.raw,",
        "hook.after_create_session(None,",
    ),
    Mutant(
        "the graph is not finalized",
        f"{START}:Start._finalize",
        "self._scaffold.finalize()",
        "pass",
    ),
    Mutant(
        "begin is called after the graph was finalized",
        f"{START}:Start.run",
        'self._each_hook("beginning", lambda hook: hook.begin())',
        "(self._scaffold_given.finalize(), "
        'self._each_hook("beginning", lambda hook: hook.begin()))',
    ),
    Mutant(
        "a raw session is opened twice, and one of them leaks",
        f"{START}:Start._initialize",
        '    self._tell("init op")',
        "    self._engine.open_session(self.graph, self._master, self._config)\n"
        '    self._tell("init op")',
    ),
    Mutant(
        "the init op is not run",
        f"{START}:Start._initialize",
        "self.raw.run(scaffold.init_op, feed_dict=scaffold.init_feed_dict)",
        "pass",
    ),
    Mutant(
        "init_fn is called before the init op is run",
        f"{START}:Start._initialize",
        "    self.raw.run(scaffold.init_op",
        "    scaffold.init_fn and scaffold.init_fn(self.raw)\n    self.raw.run(scaffold.init_op",
    ),
    Mutant(
        "init_fn is not called",
        f"{START}:Start._initialize",
        "scaffold.init_fn(self.raw)",
        "pass",
    ),
    Mutant(
        "a checkpoint is restored before the init op is run, which overwrites it",
        f"{START}:Start._initialize",
        '    self._tell("init op")',
        "    if self._checkpoint_file:\n"
        "        self._scaffold.saver.restore(self.raw, self._checkpoint_file)\n"
        "        self._checkpoint_file = None\n"
        '    self._tell("init op")',
    ),
    Mutant(
        "init op and init_fn are skipped where a checkpoint is restored",
        f"{START}:Start._initialize",
        "    self.raw.run(scaffold.init_op",
        "    if not self._checkpoint_file: self.raw.run(scaffold.init_op",
    ),
    Mutant(
        "a checkpoint is not restored",
        f"{START}:Start._restore",
        "saver.restore(self.raw, path)",
        "pass",
    ),
    Mutant(
        "the local init op is not run",
        f"{START}:Start._make_ready",
        "self.raw.run(self._scaffold.local_init_op, feed_dict=feeds)",
        "pass",
    ),
    Mutant(
        "a model that is not ready counts as ready",
        f"{START}:Start._check_ready",
        "value.size == 0:",
        "True:",
    ),
    Mutant(
        "queue runners are not started",
        f"{START}:Start._launch",
        "self._engine.start_queue_runners(self.raw, self.coordinator)",
        "pass",
    ),
    Mutant(
        "after_create_session is called before queue runners are started",
        f"{START}:Start._launch",
        "    if self._engine.has_queue_runners(self.graph):",
        "    for hook in self._hooks: hook.after_create_session(self.raw, self.coordinator)\n"
        "    if self._engine.has_queue_runners(self.graph):",
    ),
    Mutant(
        "a start that failed leaves its raw session open",
        f"{START}:_undo_open",
        'steps.append(("undo closing", start.close_raw))',
        "pass",
    ),
    Mutant(
        "a start that failed leaves the graph finalized",
        f"{START}:undo",
        "start.restore_graph()",
        "pass",
    ),
    Mutant(
        "a start that failed calls end",
        f"{START}:undo",
        "        start.restore_graph()",
        "        start.restore_graph()\n        for hook in start._hooks: hook.end(start.raw)",
    ),
    Mutant(
        "the error of a failed start does not come out",
        f"{START}:Start.run",
        "        undo(self, error)\n        raise",
        "        undo(self, error)\n        raise RuntimeError('construction failed') from error",
    ),
    # A run
    Mutant(
        "before_run is called for one hook less",
        f"{SESSION}:HookedSession._gather",
        "        request = hook.before_run(context)",
        "        request = hook.before_run(context) if index + 1 < len(before) else None",
    ),
    Mutant(
        "after_run is called in reverse order, and told so",
        f"{SESSION}:HookedSession._step_with",
        "in enumerate(after):",
        "in reversed([*enumerate(after)]):",
    ),
    Mutant(
        "after_run is called in reverse order, and told otherwise",
        f"{SESSION}:HookedSession._step_with",
        "        hook.after_run(context,",
        "        hook = after[-1 - index][0]\n        hook.after_run(context,",
    ),
    Mutant(
        "after_run is called only for hooks that have asked for something",
        f"{SESSION}:HookedSession._step_with",
        "        hook.after_run(context,",
        "        if result is not None: hook.after_run(context,",
    ),
    Mutant(
        "a hook is given another hook's results",
        f"{SESSION}:HookedSession._step_with",
        "results.get(self._places[index])",
        "results.get(self._places[-1 - index])",
    ),
    Mutant(
        "hooks are given no results",
        f"{SESSION}:HookedSession._step_with",
        "results.get(self._places[index])",
        "None",
    ),
    Mutant(
        "feeds of two hooks are merged without a check for conflicts",
        f"{STEP}:Requests._claim",
        "    if other is not name:",
        '    if other is not name and "two hooks" not in conflict:',
    ),
    Mutant(
        "feeds of hook and caller are merged without a check for conflicts",
        f"{STEP}:Requests._claim",
        "    if other is not name:",
        '    if other is not name and "two hooks" in conflict:',
    ),
    Mutant(
        "a tensor fed by name and as an object is no conflict",
        f"{STEP}:Requests._claim",
        "self.engine.feed_key(self.graph, key)",
        "key",
    ),
    Mutant(
        "what hooks want to be fed is dropped",
        f"{STEP}:Requests.merged_feeds",
        "{**self.feeds, **(feed_dict or {})}",
        "feed_dict",
    ),
    Mutant(
        "what hooks want to be fetched is dropped",
        f"{STEP}:Requests.merged_fetches",
        "merged[index] = asked",
        "pass",
    ),
    Mutant(
        "the caller gets the hooks' results, too",
        f"{SESSION}:raw_run",
        'return results["caller"], results',
        "return results, results",
    ),
    Mutant(
        "there is a raw run for the caller, and one for the hooks",
        f"{SESSION}:raw_run",
        "        results = raw.run(requests.merged_fetches(fetches), feeds, options, metadata)",
        "        results = {'caller': raw.run(fetches, feeds), **raw.run(requests.fetches, feeds)}",
    ),
    Mutant(
        "the hooks' run options are dropped",
        f"{STEP}:Requests.merged_options",
        "self.engine.merge_options(merged, other)",
        "pass",
    ),
    Mutant(
        "the caller's run options are changed",
        f"{STEP}:Requests.merged_options",
        "self.engine.copy_options(options)",
        "options",
    ),
    Mutant(
        "a hook's error in after_run is swallowed",
        f"{SESSION}:HookedSession._step_with",
        "        hook.after_run(context, SessionRunValues(result, shown, metadata))",
        "        with contextlib.suppress(Exception): "
        "hook.after_run(context, SessionRunValues(result, shown, metadata))",
    ),
    Mutant(
        "run gives back nothing",
        f"{SESSION}:HookedSession._step",
        "    return value",
        "    return None",
    ),
    # Stops
    Mutant(
        "a stop that a hook asks for is lost",
        f"{SESSION}:HookedSession._step",
        "    if context.asked:\n        self._note_stop()\n",
        "",
    ),
    Mutant(
        "a stop that a hook asks for is lost if the run fails",
        f"{SESSION}:HookedSession._fail_step",
        "        self._note_stop()",
        "        context.asked = 0",
    ),
    Mutant(
        "a stop that a step function asks for is lost",
        f"{SESSION}:HookedSession._stop_by_step_fn",
        "self._note_stop)",
        "lambda: None)",
    ),
    Mutant(
        "runs go on after a stop",
        f"{SESSION}:HookedSession._codes_despite_stop",
        "self._refuse_stopped(codes)",
        "pass",
    ),
    Mutant(
        "should_stop does not ask the coordinator",
        f"{SESSION}:SingularMonitoredSession.should_stop",
        "self._coord.should_stop() or ",
        "",
    ),
    Mutant(
        "should_stop keeps an error of a thread to itself",
        f"{SESSION}:SingularMonitoredSession.should_stop",
        "self._coord.raise_requested_exception()",
        "pass",
    ),
    Mutant(
        "should_stop of a closed session is False",
        f"{SESSION}:SingularMonitoredSession.should_stop",
        "return True",
        "return False",
    ),
    Mutant(
        "a preemption that a thread has reported does not come out of a run",
        f"{SESSION}:HookedSession._held_instead_of",
        "    except PREEMPTION as held:\n        return held\n",
        "",
    ),
    # Step functions
    Mutant(
        "a step function is given the monitored session as the raw one",
        f"{SESSION}:HookedSession._call_step_fn",
        "StepContext(raw,",
        "StepContext(self,",
    ),
    Mutant(
        "what a step function returns is lost",
        f"{SESSION}:HookedSession._call_step_fn",
        "    return value",
        "    return None",
    ),
    Mutant(
        "a step function's error is swallowed",
        f"{SESSION}:HookedSession._call_step_fn",
        '        self._leave_step_fn("step fn!", error)\n        raise',
        '        self._leave_step_fn("step fn!", error)\n        return None',
    ),
    Mutant(
        "request_stop of a step function does not end it",
        f"{SESSION}:StepContext.request_stop",
        'raise StopIteration("step_fn has requested the iterations to stop.")',
        "pass",
    ),
    Mutant(
        "the arguments of a step function are not checked",
        f"{SESSION}:check_step_fn",
        "    if problem:",
        "    if not callable(step_fn):",
    ),
    # The end
    Mutant(
        "end is not called after a clean exit",
        f"{SESSION}:_Exit.__init__",
        "self._ends_owed = self._error is None",
        'self._ends_owed = self._by == "close"',
    ),
    Mutant(
        "end is called after an error",
        f"{SESSION}:_Exit.__init__",
        "self._ends_owed = self._error is None",
        "self._ends_owed = True",
    ),
    Mutant(
        "end is not called after the end of the input",
        f"{SESSION}:_Exit.__init__",
        "self._ends_owed = self._error is None",
        "self._ends_owed = error is None",
    ),
    Mutant(
        "end is called in reverse order",
        f"{SESSION}:_Exit._call_ends",
        "            self._call_end(index, hook)",
        "            self._call_end(index, hooks[-1 - index])",
    ),
    Mutant(
        "end is called when the session is closed already",
        f"{SESSION}:_Exit.__init__",
        "[self._call_ends, self._join_threads, self._close_raw]",
        "[self._join_threads, self._close_raw, self._call_ends]",
    ),
    Mutant(
        "end is given no session",
        f"{SESSION}:_Exit._call_end",
        "hook.end(self._start.raw)",
        "hook.end(None)",
    ),
    Mutant(
        "the other hooks are ended although one has failed",
        f"{SESSION}:_Exit._call_end",
        "        raise",
        "        return",
    ),
    Mutant(
        "an error of end does not come out",
        f"{SESSION}:_Exit._call_ends",
        "        self._error = error",
        "        pass",
    ),
    Mutant(
        "OutOfRangeError is not suppressed",
        f"{SESSION}:_Exit.__init__",
        "isinstance(error, CLEAN)",
        "isinstance(error, StopIteration)",
    ),
    Mutant(
        "StopIteration is not suppressed",
        f"{SESSION}:_Exit.__init__",
        "isinstance(error, CLEAN)",
        "isinstance(error, errors.OutOfRangeError)",
    ),
    Mutant(
        "subclasses of the end of the input are not suppressed",
        f"{SESSION}:_Exit.__init__",
        "isinstance(error, CLEAN)",
        "type(error) in CLEAN",
    ),
    Mutant(
        "every error is suppressed",
        f"{SESSION}:_Exit.go",
        "    return self._error is None and self._clean is not None",
        "    return True",
    ),
    Mutant(
        "another error comes out than the one that was raised",
        f"{SESSION}:_Exit.go",
        "raise self._error",
        'raise RuntimeError("closing failed") from self._error',
    ),
    Mutant(
        "the raw session is not closed",
        f"{SESSION}:_Exit._close_raw",
        "self._start.close_raw()",
        "pass",
    ),
    Mutant(
        "the raw session is closed twice",
        f"{SESSION}:_Exit._close_raw",
        "        self._start.close_raw()",
        "        self._start.close_raw()\n        self._start.close_raw()",
    ),
    Mutant(
        "an error of closing the raw session comes out",
        f"{SESSION}:_Exit._close_raw",
        "    except Exception as error:",
        "    except ZeroDivisionError as error:",
    ),
    Mutant(
        "an error that a thread has reported does not come out",
        f"{SESSION}:_Exit._take_thread_error",
        '    self._replace("join error replaced", error)\n    self._error = error',
        '    self._replace("join error replaced", error)',
    ),
    Mutant(
        "threads are not asked to stop",
        f"{START}:Start.join_threads",
        "    self.coordinator.request_stop()",
        "    return",
    ),
    Mutant(
        "the graph stays finalized",
        f"{SESSION}:_Exit.go",
        "self._start.restore_graph()",
        "pass",
    ),
    Mutant(
        "a closed session can be run",
        f"{SESSION}:_Exit.go",
        "self._session._raw, self._session._lost = None, False",
        "self._session._lost = False",
    ),
    Mutant(
        "a second close says nothing",
        f"{SESSION}:HookedSession.close",
        'raise RuntimeError("Session is already closed.")',
        "return",
    ),
    Mutant(
        "a hook may run and close the session that is calling it",
        f"{SESSION}:HookedSession._refuse",
        "    raise RuntimeError(message)",
        "    return None",
    ),
    # The log
    Mutant(
        "begin and after_create_session are told late",
        f"{START}:Start._each_hook",
        "        self._journal.record(Place(point, index, self._mark).code)\n"
        "        try:\n            call(hook)",
        "        try:\n            call(hook)\n"
        "            self._journal.record(Place(point, index, self._mark).code)",
    ),
    Mutant(
        "after_run is told late",
        f"{SESSION}:HookedSession._step_with",
        "        record(code | context.asked)\n"
        "        result = results.get(self._places[index])\n"
        "        hook.after_run(context, SessionRunValues(result, shown, metadata))",
        "        result = results.get(self._places[index])\n"
        "        hook.after_run(context, SessionRunValues(result, shown, metadata))\n"
        "        record(code | context.asked)",
    ),
    Mutant(
        "end is told late",
        f"{SESSION}:_Exit._call_ends",
        '            self._journal.tell(Place("ending", index).code)\n'
        "            self._call_end(index, hook)",
        "            self._call_end(index, hook)\n"
        '            self._journal.tell(Place("ending", index).code)',
    ),
    Mutant(
        "an error of end is not told",
        f"{SESSION}:_Exit._failed",
        'self._journal.tell_raised({"error": error_detail(error)})',
        "pass",
    ),
    Mutant(
        "an error is told without its class",
        f"{SESSION}:_Exit._failed",
        '{"error": error_detail(error)}',
        "{}",
    ),
    Mutant(
        "the end of the session is not told",
        f"{SESSION}:_Exit._finish",
        'self._change("closed", 0, Trigger.CLOSE, EMPTY)',
        "pass",
    ),
    Mutant(
        "what a run fetches is not told",
        f"{SESSION}:HookedSession._describe_signature",
        "self._journal.add(EventKind.RUN_SIGNATURE, _bounded(description), number)",
        "pass",
    ),
    # The machine
    Mutant(
        "the machine's state does not change",
        "statemachine.machine:Lifecycle.move",
        "self._model.trigger(trigger.value)",
        "pass",
    ),
    Mutant(
        "the machine leaves running by another way",
        "statemachine.machine:Lifecycle.move",
        "self._model.trigger(trigger.value)",
        'self._model.trigger("abort" if trigger.value == "stop" else trigger.value)',
    ),
    # Recoveries
    Mutant(
        "a preemption is not recovered from",
        "runtime.backoff:Backoff.allows",
        "return self.most is None or attempt <= self.most",
        "return False",
        recovers=True,
    ),
    Mutant(
        "the old raw session is not closed",
        f"{RECOVERY}:Recovery._abandon",
        'steps.append(("old closing", start.close_raw))',
        "pass",
        recovers=True,
    ),
    Mutant(
        "begin is called again in a recovery",
        f"{START}:Start.create_again",
        "        self._create()",
        "        for hook in self._hooks: hook.begin()\n        self._create()",
        recovers=True,
    ),
    Mutant(
        "the scaffold is not finalized again in a recovery",
        f"{START}:Start._finalize",
        "self._scaffold.finalize()",
        "self._finalized or self._scaffold.finalize()",
        recovers=True,
    ),
    Mutant(
        "a recovery forgets that a hook has asked for a stop",
        f"{MONITORED}:MonitoredSession._recover",
        "    observed = self._recovery.run_again(repeated)",
        "    self._mark = 0\n    observed = self._recovery.run_again(repeated)",
        recovers=True,
    ),
    Mutant(
        "a recovery forgets that the coordinator was asked to stop",
        f"{MONITORED}:MonitoredSession._carry_stop",
        "    self._stop_carried = self._stop_carried or self._coord.should_stop()",
        "    pass",
        recovers=True,
    ),
    Mutant(
        "a failed attempt to create a session is not closed",
        f"{START}:Start._prepare_another_attempt",
        "interrupt = _undo_open(self, failure)",
        "interrupt = None",
        recovers=True,
    ),
    Mutant(
        "end is called for a session that was lost",
        f"{SESSION}:_Exit.__init__",
        "self._lost = session._lost",
        "self._lost = False",
        recovers=True,
    ),
)
"""All of them."""
