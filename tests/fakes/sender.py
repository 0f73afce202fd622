"""Says at a broker what devices say, and waits until the broker has it."""

from __future__ import annotations

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from edgefuse.link.messages import Message, encode
from edgefuse.link.topics import DEPLOYMENT, EVENT, INVENTORY, PIPELINE, STATE, SYSTEM, make_topic

PATIENCE_S = 30.0
TOPICS = (STATE, INVENTORY, SYSTEM, PIPELINE, EVENT, DEPLOYMENT)


class Sender:
    """One connection for any number of devices."""

    def __init__(self, port: int) -> None:
        """Connect."""
        self._client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv311)
        self._client.max_inflight_messages_set(0)
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()

    def say(self, *messages: Message, device: str = "a") -> None:
        """Publish as the device would; the broker has it all in the end."""
        sent = [
            self._client.publish(make_topic(device, topic), encode(message), topic.qos, retain=topic.is_retained)
            for message in messages
            for topic in TOPICS
            if type(message) is topic.content
        ]
        for one in sent:
            one.wait_for_publish(PATIENCE_S)

    def publish(self, topic: str, payload: bytes, *, is_retained: bool = False) -> None:
        """Publish anything at QoS 1."""
        self._client.publish(topic, payload, 1, retain=is_retained).wait_for_publish(PATIENCE_S)

    def throw(self, topic: str, payload: bytes, *, is_retained: bool) -> None:
        """Publish anything at QoS 1, and do not wait."""
        self._client.publish(topic, payload, 1, retain=is_retained)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()
