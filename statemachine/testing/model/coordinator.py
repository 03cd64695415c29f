"""The coordinator of the model; its threads are only counted."""

from statemachine.testing.recorder import Recorder, describe_error


class Coordinator:
    """Holds the first stop request, and the error that came with it."""

    def __init__(self, number: int, recorder: Recorder) -> None:
        self.held: BaseException | None = None
        self.stopped = False
        self.joined = False
        self._number = number
        self._recorder = recorder
        self._obedient: list[str] = []
        recorder.emit("coord_create", c=number)

    def should_stop(self) -> bool:
        """Tells whether somebody asked to stop."""
        return self.stopped

    def request_stop(self, error: BaseException | None = None) -> None:
        """Is called on the driving thread; after the join an error is raised at once."""
        self._recorder.emit("coord_stop", c=self._number, exc=describe_error(error))
        if error is not None and self.joined:
            raise error
        self._stop(error)

    def report(self, error: BaseException) -> None:
        """Is called by a thread that failed."""
        if not self.stopped:
            exc = describe_error(error)
            self._recorder.emit_background("coord_stop", c=self._number, exc=exc)
        self._stop(error)

    def register(self, place: str) -> None:
        """Adds a thread that ends when asked to."""
        if self.stopped:
            self._recorder.emit_background("thread_exit", of=place)
        else:
            self._obedient.append(place)

    def join(self) -> None:
        """Waits for the threads and raises the error that is held."""
        self.joined = True
        self._recorder.emit("coord_join", c=self._number, exc=describe_error(self.held))
        if self.held is not None:
            raise self.held

    def _stop(self, error: BaseException | None) -> None:
        if self.stopped:
            return
        self.stopped = True
        self.held = error
        for place in self._obedient:
            self._recorder.emit_background("thread_exit", of=place)
