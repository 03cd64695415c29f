"""Where TensorFlow 1 keeps what is in `contrib.rnn`; some programs import from here."""
