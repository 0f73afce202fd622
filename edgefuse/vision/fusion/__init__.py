"""Laying one face over another: donors, warp, colour, matte."""
