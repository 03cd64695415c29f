"""Read digits with two hidden layers, dropout, and batches from a `Dataset`.

python examples/mlp.py [STEPS]
"""

import sys
from pathlib import Path

import numpy as np

import runtime as tf

steps = int(sys.argv[1]) if len(sys.argv) > 1 else 1500

rows = np.loadtxt(Path(__file__).parent / "data" / "digits.csv.gz", delimiter=",", dtype=np.int64)
rows = np.random.RandomState(0).permutation(rows)
images, labels = (rows[:, :64] / 16).astype(np.float32), rows[:, 64]
train, test = slice(360, None), slice(360)

tf.set_random_seed(0)
batches = tf.data.Dataset.from_tensor_slices((images[train], labels[train]))
batches = batches.shuffle(1437, seed=0).repeat().batch(64)
next_images, next_labels = batches.make_one_shot_iterator().get_next()

x = tf.placeholder_with_default(next_images, [None, 64], name="images")
y = tf.placeholder_with_default(next_labels, [None], name="labels")
training = tf.placeholder_with_default(True, [], name="training")
hidden = tf.layers.dense(x, 128, activation=tf.nn.relu, name="hidden1")
hidden = tf.layers.dropout(hidden, 0.2, training=training)
hidden = tf.layers.dense(hidden, 64, activation=tf.nn.relu, name="hidden2")
logits = tf.layers.dense(hidden, 10, name="logits")
loss = tf.losses.sparse_softmax_cross_entropy(labels=y, logits=logits)
global_step = tf.train.get_or_create_global_step()
rate = tf.train.exponential_decay(3e-3, global_step, decay_steps=500, decay_rate=0.5)
train_op = tf.train.AdamOptimizer(rate).minimize(loss, global_step=global_step)
accuracy = tf.reduce_mean(tf.cast(tf.equal(tf.argmax(logits, 1), y), tf.float32))

hooks = [tf.train.StopAtStepHook(last_step=steps)]
with tf.train.SingularMonitoredSession(hooks=hooks) as session:
    step = 0
    while not session.should_stop():
        step += 1
        _, loss_now = session.run([train_op, loss])
        if step % 250 == 0 or step == steps:
            print(f"step {step}: loss {loss_now:.3f}")
    whole_test = {x: images[test], y: labels[test], training: False}
    print(f"test accuracy {session.raw_session().run(accuracy, whole_test):.1%}")
