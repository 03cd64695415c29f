"""Fit a line, then ask the log what happened."""

import numpy as np

import runtime as tf
from statemachine import EventLog, audit, replay

x = tf.placeholder(tf.float32, [None], name="x")
y = tf.placeholder(tf.float32, [None], name="y")
slope = tf.get_variable("slope", [], initializer=tf.zeros_initializer())
loss = tf.reduce_mean(tf.square(slope * x - y))
step = tf.train.get_or_create_global_step()
train_op = tf.train.GradientDescentOptimizer(0.1).minimize(loss, global_step=step)

feeds = {x: np.linspace(-1, 1, 20), y: 3 * np.linspace(-1, 1, 20)}
hooks = [tf.train.StopAtStepHook(last_step=100)]
with tf.train.SingularMonitoredSession(hooks=hooks, event_log="line.arrows") as session:
    while not session.should_stop():
        _, fitted = session.run([train_op, slope], feeds)
print(f"slope {fitted:.3f}")

log = EventLog.open("line.arrows")
state = replay(log)
print(f"{state.steps_done} steps, then {state.state.value}: {state.stop_reason}")
print(audit(log))
