"""The gate between a client and amqtt: whole packets of a bounded size, in order, from clients that are alive.

amqtt itself takes packets of up to 256 MB, keeps clients that fell silent, waits for ever for those that take nothing,
and may answer a message that was sent after a subscription before it has looked at the subscription.
"""

from __future__ import annotations

import asyncio
import ssl
from contextlib import suppress

from amqtt.adapters import ReaderAdapter, StreamWriterAdapter

from edgefuse.link.connection import MAX_PACKET_BYTES

_SUBSCRIBE, _SUBACK = 8, 9
"""Kinds of packets: the upper half of their first byte. Source: MQTT 3.1.1, 2.2.1."""
_MAX_LENGTH_BYTES = 4
STUCK_S = 10.0
"""A client that takes nothing for so long is let go."""
LEAVE_S = 2.0
"""What is still to be sent at the end of a connection has so long."""
MAX_UNSENT_BYTES = 256 << 10
"""More waits for the client."""


class Wire:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._transport = reader, writer.transport
        self._loop = asyncio.get_running_loop()
        self._answered = asyncio.Event()
        """The last subscription was, so that what was sent after it may be looked at."""
        self._answered.set()
        self._silence_s = 0.0
        self._heard_s = self._loop.time()

    def limit_silence(self, keepalive_s: int) -> None:
        """Give the client up once it has been silent for one and a half times as long as it promised to be."""
        if keepalive_s:
            self._silence_s = 1.5 * keepalive_s
            self._watch()

    async def read_packet(self) -> bytes:
        """Wait for the next packet.

        Raises:
            IncompleteReadError: The connection is over.
            ConnectionResetError: The packet is too large, or none.
        """
        await self._answered.wait()
        packet = bytearray(await self._reader.readexactly(1))
        if packet[0] >> 4 == _SUBSCRIBE:
            self._answered.clear()
        length = await self._read_length(packet)
        packet += await self._reader.readexactly(length)
        self._heard_s = self._loop.time()
        return bytes(packet)

    def note_sent(self, data: bytes) -> None:
        """Take note of a packet that goes to the client."""
        if data[0] >> 4 == _SUBACK:
            self._answered.set()

    def close(self) -> None:
        """End the connection, with a moment for what is still to be sent."""
        self._answered.set()
        self._transport.close()
        self._loop.call_later(LEAVE_S, self._transport.abort)

    def abort(self) -> None:
        """End the connection now."""
        self._answered.set()
        self._transport.abort()

    async def drain(self, writer: asyncio.StreamWriter) -> None:
        """Wait where the client has much to take.

        Raises:
            ConnectionResetError: It takes nothing.
        """
        if self._transport.get_write_buffer_size() < MAX_UNSENT_BYTES:
            return
        try:
            await asyncio.wait_for(writer.drain(), STUCK_S)
        except asyncio.TimeoutError as e:
            self.abort()
            raise ConnectionResetError("it takes nothing") from e

    async def _read_length(self, packet: bytearray) -> int:
        """Read the length of what follows, seven bits a byte, and add its bytes to the packet."""
        length = 0
        for place in range(_MAX_LENGTH_BYTES):
            packet += await self._reader.readexactly(1)
            length |= (packet[-1] & 0x7F) << 7 * place
            if length > MAX_PACKET_BYTES:
                break
            if packet[-1] < 0x80:
                return length
        self.abort()
        raise ConnectionResetError("the packet is too large")

    def _watch(self) -> None:
        left_s = self._heard_s + self._silence_s - self._loop.time()
        if left_s <= 0:
            self.abort()
        elif not self._transport.is_closing():
            self._loop.call_later(left_s, self._watch)


class WireReader(ReaderAdapter):  # type: ignore[misc]  # amqtt comes without types
    """Gives amqtt the packets of a wire, in the pieces that it asks for."""

    def __init__(self, wire: Wire, first: bytes) -> None:
        """Begin with a packet that was read already."""
        self._wire = wire
        self._packet, self._at = first, 0

    async def read(self, n: int = -1) -> bytes:
        """Give so many bytes; fewer at the end of a packet, which then is malformed."""
        if n and self._at == len(self._packet):
            self._packet, self._at = await self._wire.read_packet(), 0
        piece = self._packet[self._at : self._at + n if n >= 0 else None]
        self._at += len(piece)
        return piece

    def feed_eof(self) -> None:
        """Do nothing: amqtt calls this for its own client only."""


class WireWriter(StreamWriterAdapter):  # type: ignore[misc]
    """Takes amqtt's packets for a wire."""

    def __init__(self, wire: Wire, writer: asyncio.StreamWriter) -> None:
        super().__init__(writer)
        self._wire = wire
        self.is_closed = False

    def write(self, data: bytes) -> None:
        """Send a packet."""
        super().write(data)
        self._wire.note_sent(data)

    async def drain(self) -> None:
        """Wait where the client has much to take."""
        await self._wire.drain(self._writer)

    def get_ssl_info(self) -> ssl.SSLObject | None:
        """Give nothing: the gate has looked at the certificate."""
        return None

    async def close(self) -> None:
        """End the connection."""
        if not self.is_closed:
            self.is_closed = True
            with suppress(OSError):
                self._wire.close()
