"""Hooks for `replay`, as a user would name them on the command line."""

import runtime as tf


class Averages(tf.train.SessionRunHook):
    """Needs an array."""

    def before_run(self, run_context):
        return tf.train.SessionRunArgs("fed:0")

    def after_run(self, run_context, run_values):
        run_values.results.mean()


def same():
    return [tf.train.StopAtStepHook(num_steps=5)]


def earlier():
    return [tf.train.StopAtStepHook(num_steps=2)]


def unanswered():
    return [tf.train.StopAtStepHook(num_steps=5), Averages()]


def broken():
    raise ValueError("no configuration")


def wrong():
    return ["a hook"]


NUMBER = 3
