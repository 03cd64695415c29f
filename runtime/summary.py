"""``tf.summary``: values for TensorBoard, and the files that it reads.

Needs the extra ``summary`` (``pip install 'monitored-session[summary]'``); nothing of it is
imported before a summary is made.

Source of the names: the ``tf.compat.v1.summary`` module documentation.
"""

from typing import Any

from runtime.graph.export import missing
from runtime.summary_format import messages
from runtime.summary_ops import audio, histogram, image, merge, merge_all, scalar, text
from runtime.summary_writer import FileWriter, FileWriterCache

__all__ = [
    "FileWriter",
    "FileWriterCache",
    "audio",
    "histogram",
    "image",
    "merge",
    "merge_all",
    "scalar",
    "text",
]

_MESSAGES = {
    "Event": "event",
    "HistogramProto": "summary",
    "SessionLog": "event",
    "Summary": "summary",
    "SummaryDescription": "summary",
    "SummaryMetadata": "summary",
    "TaggedRunMetadata": "event",
}
_fail = missing("tf.summary", globals())


def __getattr__(name: str) -> Any:  # Any: classes of a package that is imported when needed
    module = _MESSAGES.get(name)
    return _fail(name) if module is None else getattr(messages(module), name)
