"""Simulated devices: the protocol, the messages, the governor and the commands are the real ones.

What is not: the board and its weather (``unit.py``), and the disk, for which there is memory (``memory.py``), because
10,000 devices with open files of their own are more than a system lets one process have.
"""
