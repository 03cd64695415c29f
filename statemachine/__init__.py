"""The event-sourced core of a monitored session: lifecycle, event log, replay and audit.

Everything here works on a log alone: it knows no graph, no hook class and no session class.
(The distribution python-statemachine has a package of the same name; the two can't be
installed in one environment.)
"""

from statemachine.audit import AuditReport, Finding, Verdict, audit
from statemachine.block import Block, Record
from statemachine.errors import (
    IllegalStep,
    LogError,
    LogExists,
    LogNotWritable,
    LogWriteFailed,
    UnreadableHead,
    UnreadableLog,
    UnusableKey,
)
from statemachine.events import Event, EventKind
from statemachine.form import Damaged, Header
from statemachine.head import Head
from statemachine.log import EventLog
from statemachine.machine import Lifecycle, Transition, Walker
from statemachine.replay import Checkpoint, ErrorInfo, SessionState, replay
from statemachine.signed_note import SigningKey, VerifierKey
from statemachine.store import Durability, EventStore, FileStore, MemoryStore
from statemachine.table import State, Trigger
from statemachine.verification import Verification, verify
from statemachine.witness import Witness

__all__ = [
    "AuditReport",
    "Block",
    "Checkpoint",
    "Damaged",
    "Durability",
    "ErrorInfo",
    "Event",
    "EventKind",
    "EventLog",
    "EventStore",
    "FileStore",
    "Finding",
    "Head",
    "Header",
    "IllegalStep",
    "Lifecycle",
    "LogError",
    "LogExists",
    "LogNotWritable",
    "LogWriteFailed",
    "MemoryStore",
    "Record",
    "SessionState",
    "SigningKey",
    "State",
    "Transition",
    "Trigger",
    "UnreadableHead",
    "UnreadableLog",
    "UnusableKey",
    "Verdict",
    "Verification",
    "VerifierKey",
    "Walker",
    "Witness",
    "audit",
    "replay",
    "verify",
]
