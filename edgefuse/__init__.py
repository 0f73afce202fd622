"""Deploy real-time face pipelines on edge boards: plan, run, cool, watch and update them."""

__version__ = "0.1.0"
