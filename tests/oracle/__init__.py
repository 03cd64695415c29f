"""Second opinion: recorded TensorFlow traces, replayed on this project's classes."""
