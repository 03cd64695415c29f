"""Fit a plane to noisy points: linear regression by gradient descent.

python examples/linear_regression.py [STEPS]
"""

import sys

import numpy as np

import runtime as tf

steps = int(sys.argv[1]) if len(sys.argv) > 1 else 300

random = np.random.RandomState(0)
points = random.uniform(-1, 1, [200, 2]).astype(np.float32)
heights = points @ [[2.0], [-3.0]] + 0.5 + 0.1 * random.randn(200, 1)

x = tf.placeholder(tf.float32, [None, 2], name="x")
y = tf.placeholder(tf.float32, [None, 1], name="y")
weights = tf.Variable(tf.zeros([2, 1]), name="weights")
bias = tf.Variable(tf.zeros([1]), name="bias")
loss = tf.reduce_mean(tf.square(tf.matmul(x, weights) + bias - y))
train_op = tf.train.GradientDescentOptimizer(0.1).minimize(loss)

with tf.Session() as session:
    session.run(tf.global_variables_initializer())
    for step in range(1, steps + 1):
        _, loss_now = session.run([train_op, loss], {x: points, y: heights})
        if step % 100 == 0 or step == steps:
            print(f"step {step}: mean squared error {loss_now:.4f}")
    (first, second), (offset,) = weights.eval().ravel(), bias.eval()
print(f"height = {first:.2f} a {second:+.2f} b {offset:+.2f}; made as 2 a -3 b +0.5, with noise")
