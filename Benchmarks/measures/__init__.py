"""One module per measure. Each takes a path and a time, and gives figures by their names."""

from . import connections, memory, round_trip, throughput
from .measure import Measure

ALL: tuple[Measure, ...] = (
    throughput.Throughput(streams=1),
    throughput.Throughput(streams=4),
    round_trip.RoundTrip("tcp"),
    round_trip.RoundTrip("udp"),
    connections.Connections(),
    # Last: what the path holds after it has worked.
    memory.Memory(),
)
