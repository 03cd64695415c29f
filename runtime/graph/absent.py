"""What public TensorFlow-1 programs ask for and is not here, with what takes its place."""

from typing import Final

__all__ = ["ALTERNATIVES"]

_CLUSTER: Final = (
    "There is one process and one device. Leave it out and use tf.train.MonitoredTrainingSession; "
    "tf.device is accepted and makes no difference."
)
_LOOKUP: Final = "Use tf.string_to_hash_bucket_fast, or a table of tf.lookup."
_ITERATORS: Final = (
    "Where an iterator stands is not saved: a training that goes on begins with the first element. "
    "Use tf.data.Dataset.skip with a number of your own, or shuffle with another seed."
)
_COLUMNS: Final = (
    "Use tf.data.experimental.CsvDataset, with tf.data.Dataset.map for names of columns, then "
    "shuffle, repeat and batch."
)
_EXAMPLES: Final = (
    "Use tf.data.TFRecordDataset, then batch, then map with tf.parse_example and "
    "tf.sparse_tensor_to_dense for features of variable length."
)
_SERVING: Final = (
    "Save with tf.train.Saver, whose .meta file holds the graph, and load both with "
    "tf.train.import_meta_graph."
)

ALTERNATIVES: Final = {
    "bfloat16": "NumPy has no such type; use tf.float16 or tf.float32.",
    "to_bfloat16": "NumPy has no such type; use tf.cast(x, tf.float16) or tf.to_float.",
    "compat.v2": "This is the API of TensorFlow 1: graphs, and sessions that run them. Use "
    "tf.compat.v1, which is tf itself.",
    "contrib.cudnn_rnn": "Use tf.nn.rnn_cell.LSTMCell with tf.nn.dynamic_rnn, which works "
    "through a sequence in one operation.",
    "contrib.eager": "Graphs are run by sessions here: tf.Session, tf.train.MonitoredSession.",
    "contrib.image": "There is tf.image; turn and warp images with NumPy in tf.py_func.",
    "contrib.keras": "Use tf.contrib.layers or tf.layers.",
    "contrib.learn": "Build the model with tf.contrib.layers, train it by "
    "tf.train.MonitoredTrainingSession or tf.contrib.training.train, and make input by tf.data.",
    "contrib.summary": "Use tf.summary, whose summaries tf.train.SummarySaverHook writes.",
    "contrib.staging": "There is no other device to copy to: use the tensors as they come out of "
    "an iterator or a queue.",
    "contrib.tpu": _CLUSTER,
    "contrib.distribute": _CLUSTER,
    "contrib.slim.nets": "Build the net with slim.conv2d, slim.repeat and slim.arg_scope; trained "
    "weights of TensorFlow are loaded as docs/moving.md shows.",
    "estimator": "Build the model's graph in a function, and train it in a loop over "
    "tf.train.MonitoredTrainingSession, which takes the same hooks; tf.data makes the input.",
    "examples": "Load the data with NumPy, for example numpy.load of an .npz file, and feed arrays "
    "of shape [batch, 784] and one-hot labels of shape [batch, 10] as input_data did.",
    "feature_column": "Use tf.one_hot, tf.nn.embedding_lookup and tf.concat.",
    "keras": "Use tf.layers for the layers, tf.losses, the optimizers of tf.train, and a loop over "
    "tf.train.MonitoredTrainingSession.",
    "distribute": _CLUSTER,
    "train.SyncReplicasOptimizer": "There is one process, so the optimizer alone does what it "
    "would do for one worker: leave it out. For larger batches add up gradients in variables, and "
    "apply them every so many steps.",
    "data.experimental.make_saveable_from_iterator": _ITERATORS,
    "data.experimental.CheckpointInputPipelineHook": _ITERATORS,
    "data.experimental.make_csv_dataset": _COLUMNS,
    "data.experimental.make_batched_features_dataset": _EXAMPLES,
    "data.experimental.parse_example_dataset": _EXAMPLES,
    "train.SummaryWriter": "Use tf.summary.FileWriter.",
    "train.Checkpoint": "Use tf.train.Saver.",
    "train.CheckpointManager": "Use tf.train.Saver(max_to_keep=...).",
    "saved_model": _SERVING,
    "graph_util": _SERVING,
    "import_graph_def": _SERVING,
    "string_to_hash_bucket": _LOOKUP,
    "nn.rnn": "Use tf.nn.static_rnn.",
    "nn.seq2seq": "Use tf.nn.dynamic_rnn for both parts, and tf.losses or "
    "tf.nn.sparse_softmax_cross_entropy_with_logits with tf.sequence_mask for the loss.",
    "function": "Use a Python function: what it builds becomes a part of the graph.",
    "py_function": "Use tf.py_func, whose function gets arrays.",
    "profiler": "Use tf.RunOptions(trace_level=tf.RunOptions.FULL_TRACE) with tf.RunMetadata, or "
    "tf.train.ProfilerHook.",
    # What was gone before TensorFlow 1.0 already, and is still in old programs.
    "audio_summary": "Write files of your own for sounds.",
    "batch_matmul": "Use tf.matmul.",
    "complex_abs": "Use tf.abs.",
    "histogram_summary": "Use tf.summary.histogram(name, values).",
    "image_summary": "Use tf.summary.image(name, tensor).",
    "inv": "Use tf.reciprocal for 1 / x, tf.matrix_inverse for a matrix.",
    "merge_all_summaries": "Use tf.summary.merge_all.",
    "merge_summary": "Use tf.summary.merge.",
    "pack": "Use tf.stack.",
    "scalar_summary": "Use tf.summary.scalar(name, tensor).",
    "select": "Use tf.where.",
    "unpack": "Use tf.unstack.",
}
"""What to use instead, by the missing name below `tf`."""
