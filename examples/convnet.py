"""Read digits with a convolution net: two convolutions, batch normalization, pooling.

python examples/convnet.py [STEPS]
"""

import sys
from pathlib import Path

import numpy as np

import runtime as tf

steps = int(sys.argv[1]) if len(sys.argv) > 1 else 600

rows = np.loadtxt(Path(__file__).parent / "data" / "digits.csv.gz", delimiter=",", dtype=np.int64)
random = np.random.RandomState(0)
rows = random.permutation(rows)
images, labels = (rows[:, :64] / 16).reshape(-1, 8, 8, 1), rows[:, 64]
train, test = np.arange(360, len(rows)), np.arange(360)

tf.set_random_seed(0)
x = tf.placeholder(tf.float32, [None, 8, 8, 1], name="images")
y = tf.placeholder(tf.int64, [None], name="labels")
training = tf.placeholder(tf.bool, [], name="training")
net = tf.layers.conv2d(x, 16, 3, padding="same", activation=tf.nn.relu, name="conv1")
net = tf.layers.conv2d(net, 32, 3, padding="same", use_bias=False, name="conv2")
net = tf.nn.relu(tf.layers.batch_normalization(net, momentum=0.9, training=training))
net = tf.layers.max_pooling2d(net, pool_size=2, strides=2)
net = tf.layers.dropout(tf.layers.flatten(net), 0.4, training=training)
logits = tf.layers.dense(net, 10, name="logits")
loss = tf.losses.sparse_softmax_cross_entropy(labels=y, logits=logits)
with tf.control_dependencies(tf.get_collection(tf.GraphKeys.UPDATE_OPS)):
    train_op = tf.train.AdamOptimizer(2e-3).minimize(loss)
accuracy = tf.reduce_mean(tf.cast(tf.equal(tf.argmax(logits, 1), y), tf.float32))

with tf.Session() as session:
    session.run(tf.global_variables_initializer())
    for step in range(1, steps + 1):
        batch = random.choice(train, 64)
        feed = {x: images[batch], y: labels[batch], training: True}
        _, loss_now = session.run([train_op, loss], feed)
        if step % 100 == 0 or step == steps:
            print(f"step {step}: loss {loss_now:.3f}")
    whole_test = {x: images[test], y: labels[test], training: False}
    print(f"test accuracy {session.run(accuracy, whole_test):.1%}")
