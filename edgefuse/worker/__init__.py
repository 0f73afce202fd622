"""The process that runs a pipeline: threads, hand-over between them, what is reported."""
