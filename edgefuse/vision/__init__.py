"""The face pipeline: sources, stages, sinks, and the fixed memory that frames and tensors live in."""
