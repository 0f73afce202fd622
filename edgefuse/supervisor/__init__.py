"""The process that stays: starts the worker, keeps it alive and cool, and answers; it holds no pixels."""
