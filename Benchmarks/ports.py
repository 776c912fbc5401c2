"""Where the load generators' servers listen in the server pod. A proxy needs to know them beforehand."""

THROUGHPUT = 5201
ROUND_TRIP = 11111
CONNECTIONS = 7000

ALL = (THROUGHPUT, ROUND_TRIP, CONNECTIONS)
