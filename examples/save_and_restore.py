"""Save and restore by hand, through the raw session."""

import runtime as tf
from statemachine import EventLog

counter = tf.get_variable("counter", [], tf.int64, initializer=tf.zeros_initializer())
count = tf.assign_add(counter, 1)
saver = tf.train.Saver()

with tf.train.SingularMonitoredSession(event_log="counting.arrows") as session:
    session.run(count)
    session.run(count)
    # The raw session calls no hooks; saving and restoring through it are events all the same.
    path = saver.save(session.raw_session(), "./by-hand")
    session.run(count)
    saver.restore(session.raw_session(), path)
    print("after restoring:", session.run(counter))

for event in EventLog.open("counting.arrows"):
    if event.kind.value.startswith("checkpoint.saved"):
        print(event.kind.value, event.detail["path"])

with tf.train.SingularMonitoredSession(checkpoint_filename_with_path=path) as session:
    print("in a new session:", session.run(counter))
