"""Watch a session move from state to state."""

import runtime as tf

answer = tf.constant(42)


def tell(change):
    print(f"{change.trigger.value}: {change.source.value} -> {change.target.value}")


with tf.train.SingularMonitoredSession() as session:
    print("now", session.lifecycle.state.value)
    session.lifecycle.on_enter_stopping(tell)
    session.lifecycle.on_enter_closed(tell)
    print(session.run(answer))
print("now", session.lifecycle.state.value)
