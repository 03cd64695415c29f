"""Where TensorFlow 1 keeps what is in `contrib.layers`; some programs import from here."""
