"""Squeeze digits through eight numbers and draw them again: an autoencoder.

python examples/autoencoder.py [STEPS]
"""

import sys
from pathlib import Path

import numpy as np

import runtime as tf

steps = int(sys.argv[1]) if len(sys.argv) > 1 else 3000

rows = np.loadtxt(Path(__file__).parent / "data" / "digits.csv.gz", delimiter=",", dtype=int)
random = np.random.RandomState(0)
images = random.permutation(rows)[:, :64] / 16
train, test = images[360:], images[:360]

tf.set_random_seed(0)
x = tf.placeholder(tf.float32, [None, 64], name="images")
with tf.variable_scope("encoder"):
    net = tf.layers.dense(x, 64, activation=tf.nn.relu)
    code = tf.layers.dense(net, 8, name="code")
with tf.variable_scope("decoder"):
    net = tf.layers.dense(code, 64, activation=tf.nn.relu)
    drawn = tf.layers.dense(net, 64, activation=tf.nn.sigmoid, name="drawn")
loss = tf.losses.mean_squared_error(labels=x, predictions=drawn)
train_op = tf.train.AdamOptimizer(2e-3).minimize(loss)


def draw(*pictures: np.ndarray) -> None:
    """Print pictures side by side."""
    for lines in zip(*(picture.reshape(8, 8) for picture in pictures), strict=True):
        print(
            "    ".join("".join(" .:-=+*#%@"[int(ink * 9)] * 2 for ink in line) for line in lines)
        )


with tf.Session() as session:
    session.run(tf.global_variables_initializer())
    for step in range(1, steps + 1):
        batch = train[random.randint(len(train), size=128)]
        _, loss_now = session.run([train_op, loss], {x: batch})
        if step % 500 == 0 or step == steps:
            print(f"step {step}: mean squared error {loss_now:.4f}")
    redrawn, error = session.run([drawn, loss], {x: test})
print(f"images never seen: {error:.4f}; always drawing the mean: {test.var(axis=0).mean():.4f}")
for original, again in zip(test[:2], redrawn, strict=False):
    draw(original, again)
