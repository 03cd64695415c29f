"""Learn from a small text which words keep the same company: skip-gram word2vec.

python examples/word2vec.py [STEPS]
"""

import re
import sys
from collections import Counter
from pathlib import Path

import numpy as np

import runtime as tf

steps = int(sys.argv[1]) if len(sys.argv) > 1 else 4000
WINDOW, DIMENSIONS, BATCH, SAMPLED = 2, 12, 128, 64

text = (Path(__file__).parent / "data" / "village.txt").read_text().lower()
sentences = [re.findall(r"[a-z]+", sentence) for sentence in re.split(r"[.;]", text)]
counts = Counter(word for sentence in sentences for word in sentence)
words = [word for word, _ in counts.most_common()]
number = {word: index for index, word in enumerate(words)}
pairs = np.array(
    [
        (number[word], number[sentence[other]])
        for sentence in sentences
        for place, word in enumerate(sentence)
        for other in range(max(0, place - WINDOW), min(len(sentence), place + WINDOW + 1))
        if other != place
    ]
)
random = np.random.RandomState(0)

tf.set_random_seed(0)
centers = tf.placeholder(tf.int32, [BATCH], name="centers")
neighbours = tf.placeholder(tf.int64, [BATCH, 1], name="neighbours")
asked = tf.placeholder(tf.int32, [None], name="asked")
embeddings = tf.Variable(tf.random_uniform([len(words), DIMENSIONS], -1.0, 1.0), name="embeddings")
weights = tf.Variable(tf.truncated_normal([len(words), DIMENSIONS], stddev=DIMENSIONS**-0.5))
biases = tf.Variable(tf.zeros([len(words)]))
loss = tf.reduce_mean(
    tf.nn.nce_loss(
        weights=weights,
        biases=biases,
        labels=neighbours,
        inputs=tf.nn.embedding_lookup(embeddings, centers),
        num_sampled=SAMPLED,
        num_classes=len(words),
    )
)
train_op = tf.train.AdagradOptimizer(0.5).minimize(loss)
normalized = tf.nn.l2_normalize(embeddings, 1)
similarity = tf.matmul(tf.gather(normalized, asked), normalized, transpose_b=True)
nearest = tf.nn.top_k(similarity, 5)

with tf.Session() as session:
    session.run(tf.global_variables_initializer())
    for step in range(1, steps + 1):
        batch = pairs[random.randint(len(pairs), size=BATCH)]
        _, loss_now = session.run(
            [train_op, loss], {centers: batch[:, 0], neighbours: batch[:, 1:]}
        )
        if step % 1000 == 0 or step == steps:
            print(f"step {step}: loss {loss_now:.2f}")
    questions = ["monday", "baker", "cat", "spring", "milk"]
    found = session.run(nearest, {asked: [number[word] for word in questions]})
print(f"{len(words)} words; nearest by the company they keep:")
for word, indices in zip(questions, found.indices, strict=True):
    print(f"    {word}: " + ", ".join(words[index] for index in indices[1:]))
