"""Read digits with one matrix: logistic regression for ten classes.

python examples/logistic_regression.py [STEPS]
"""

import sys
from pathlib import Path

import numpy as np

import runtime as tf

steps = int(sys.argv[1]) if len(sys.argv) > 1 else 1000

rows = np.loadtxt(Path(__file__).parent / "data" / "digits.csv.gz", delimiter=",", dtype=int)
rows = np.random.RandomState(0).permutation(rows)
images, labels = rows[:, :64] / 16, np.eye(10)[rows[:, 64]]
train, test = slice(360, None), slice(360)

x = tf.placeholder(tf.float32, [None, 64], name="images")
y = tf.placeholder(tf.float32, [None, 10], name="labels")
weights = tf.get_variable("weights", [64, 10], initializer=tf.zeros_initializer())
biases = tf.get_variable("biases", [10], initializer=tf.zeros_initializer())
logits = tf.matmul(x, weights) + biases
loss = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits_v2(labels=y, logits=logits))
train_op = tf.train.GradientDescentOptimizer(0.5).minimize(loss + 1e-3 * tf.nn.l2_loss(weights))
right = tf.equal(tf.argmax(logits, 1), tf.argmax(y, 1))
accuracy = tf.reduce_mean(tf.cast(right, tf.float32))

with tf.Session() as session:
    session.run(tf.global_variables_initializer())
    for step in range(1, steps + 1):
        _, loss_now = session.run([train_op, loss], {x: images[train], y: labels[train]})
        if step % 250 == 0 or step == steps:
            print(f"step {step}: cross entropy {loss_now:.3f}")
    print(f"test accuracy {accuracy.eval({x: images[test], y: labels[test]}):.1%}")
    ink_for_zero = weights.eval()[:, 0].reshape(8, 8)
print("where ink speaks for a zero (+) and against it (-):")
for line in np.sign(np.round(ink_for_zero, 1)).astype(int):
    print("    " + "".join("-.+"[sign + 1] * 2 for sign in line))
