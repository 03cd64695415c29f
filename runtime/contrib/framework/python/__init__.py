"""Where TensorFlow 1 keeps what is in `contrib.framework`; some programs import from here."""
