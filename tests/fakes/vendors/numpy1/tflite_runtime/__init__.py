"""Behaves as tflite-runtime under numpy 2: the import works, the first interpreter dies."""
