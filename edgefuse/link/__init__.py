"""The device's side of the MQTT link: what it reports, which commands it takes, and what it keeps while nobody listens.

``client.py`` is where everything comes together; ``topics.py`` is the table of what is said where. Nothing here loads
pixels or vendors, and nothing that runs the pipeline ever waits for it.
"""
