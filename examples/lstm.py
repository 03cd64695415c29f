"""Learn a text character by character with an LSTM, and let it write.

python examples/lstm.py [STEPS]
"""

import sys
from pathlib import Path

import numpy as np

import runtime as tf

steps = int(sys.argv[1]) if len(sys.argv) > 1 else 800
UNITS, BATCH, LENGTH = 96, 16, 32

text = (Path(__file__).parent / "data" / "village.txt").read_text()
alphabet = sorted(set(text))
codes = np.array([alphabet.index(character) for character in text])
random = np.random.RandomState(0)

tf.set_random_seed(0)
characters = tf.placeholder(tf.int32, [None, None], name="characters")
following = tf.placeholder(tf.int32, [None, None], name="following")
embedding = tf.get_variable("embedding", [len(alphabet), 24])
cell = tf.nn.rnn_cell.LSTMCell(UNITS)
start = cell.zero_state(tf.shape(characters)[0], tf.float32)
outputs, end = tf.nn.dynamic_rnn(
    cell, tf.nn.embedding_lookup(embedding, characters), initial_state=start
)
logits = tf.layers.dense(outputs, len(alphabet), name="logits")
loss = tf.reduce_mean(
    tf.nn.sparse_softmax_cross_entropy_with_logits(labels=following, logits=logits)
)
optimizer = tf.train.AdamOptimizer(5e-3)
gradients, variables = zip(*optimizer.compute_gradients(loss), strict=True)
clipped, _ = tf.clip_by_global_norm(gradients, 5.0)
train_op = optimizer.apply_gradients(zip(clipped, variables, strict=True))
chances = tf.nn.softmax(logits[:, -1] / 0.5)


def write(session: tf.Session, beginning: str, length: int) -> str:
    """Go on with a text: draw a character, feed it back with the state, and again."""
    feed = {characters: [[alphabet.index(character) for character in beginning]]}
    for _ in range(length):
        probabilities, state = session.run([chances, end], feed)
        chosen = random.choice(len(alphabet), p=probabilities[0] / probabilities[0].sum())
        beginning += alphabet[chosen]
        feed = {characters: [[chosen]], start: state}
    return beginning


with tf.Session() as session:
    session.run(tf.global_variables_initializer())
    for step in range(1, steps + 1):
        places = random.randint(len(codes) - LENGTH, size=BATCH)[:, None] + np.arange(LENGTH)
        feed = {characters: codes[places], following: codes[places + 1]}
        _, loss_now = session.run([train_op, loss], feed)
        if step % 200 == 0 or step == steps:
            print(f"step {step}: {np.exp(loss_now):.1f} characters are as likely as the next")
    print(write(session, "On Monday ", 160))
