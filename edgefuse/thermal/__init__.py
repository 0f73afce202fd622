"""Temperatures of this unit and what follows from them: sensors, the governor, simulated boards."""
