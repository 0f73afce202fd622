"""Broker, supervisor and all they need on one machine, for a person who wants to see it run.

home.py ── what lies in the folder: site, credentials, configuration ──► parts.py ── which programs
                                                                         keeper.py ── kept running, and ended together
"""
