"""Files and streams in and out: decoding, encoding, pictures, addresses."""
