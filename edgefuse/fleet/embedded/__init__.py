"""The broker for where there is no mosquitto: amqtt behind a gate that keeps the rules of ``mosquitto.conf``.

    client ── TLS ──► gate: who is it, by its certificate; what may it ── packets ──► amqtt

``python -m edgefuse.fleet.embedded FOLDER`` serves the site in that folder until SIGTERM; SIGHUP has it read who is
revoked again. It knows MQTT 3.1.1 only, and forgets what it holds when it ends: for one machine, not for a fleet.
"""
