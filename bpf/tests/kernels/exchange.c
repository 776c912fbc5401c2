// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/*
 * Both ends of a conversation that shows whether packets arrive, whole and in both directions.
 *
 * usage: exchange serve               echoes what comes by UDP and TCP, IPv4 and IPv6, in the background until it is
 *                                     ended; returns when it is ready
 *        exchange udp ADDRESS COUNT   COUNT datagrams of many lengths; each must come back
 *        exchange tcp ADDRESS BYTES   a stream; each byte must come back
 *        exchange big ADDRESS TRIES   one datagram that needs fragments; losses on the way are forgiven, so that both
 *                                     ends can learn what fits
 *
 * All of it bears PS_EXCHANGE_MARK, so that an eavesdropper can tell when something went in the clear.
 * Exit status 1 when something did not come back as it was sent.
 */
#include <err.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/socket.h>
#include <sys/time.h>

#include "exchange.h"

#define PORT "7"
#define DATAGRAM_MAX 1300 /* below what any tunnel over 1500 leaves */
#define BIG 3000
#define CHUNK 8192
#define PATIENCE_SECONDS 3

/* ---- sockets ---- */

static struct addrinfo *resolve(const char *address, int type, int flags)
{
	const struct addrinfo hints = { .ai_socktype = type, .ai_flags = flags | AI_NUMERICHOST | AI_NUMERICSERV };
	struct addrinfo *found;
	int code = getaddrinfo(address, PORT, &hints, &found);

	if (code)
		errx(2, "%s: %s", address, gai_strerror(code));
	return found;
}

static int connected(const char *address, int type, int seconds)
{
	const struct timeval patience = { .tv_sec = seconds };
	struct addrinfo *to = resolve(address, type, 0);
	int fd = socket(to->ai_family, type, 0);

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)))
		err(2, "socket");
	if (connect(fd, to->ai_addr, to->ai_addrlen))
		err(1, "connect to %s", address);
	freeaddrinfo(to);
	return fd;
}

/* One socket takes both families. */
static int bound(int type)
{
	struct addrinfo *any = resolve("::", type, AI_PASSIVE);
	int fd = socket(any->ai_family, type, 0);

	if (fd < 0 || bind(fd, any->ai_addr, any->ai_addrlen))
		err(2, "bind");
	freeaddrinfo(any);
	return fd;
}

/* ---- server ---- */

static void echo_datagrams(int fd)
{
	static char buffer[1 << 16];
	struct sockaddr_storage from;
	socklen_t from_len;
	ssize_t len;

	for (;;) {
		from_len = sizeof(from);
		len = recvfrom(fd, buffer, sizeof(buffer), 0, (struct sockaddr *)&from, &from_len);
		if (len >= 0)
			sendto(fd, buffer, len, 0, (struct sockaddr *)&from, from_len);
	}
}

static void echo_stream(int fd)
{
	static char buffer[CHUNK];
	ssize_t len;

	while ((len = read(fd, buffer, sizeof(buffer))) > 0)
		if (write(fd, buffer, len) != len)
			return;
}

static void serve(void)
{
	int datagrams = bound(SOCK_DGRAM), streams = bound(SOCK_STREAM), fd;

	signal(SIGCHLD, SIG_IGN);
	if (listen(streams, 8) || daemon(1, 1))
		err(2, "listen");
	if (!fork())
		echo_datagrams(datagrams);
	while ((fd = accept(streams, NULL, NULL)) >= 0) {
		if (!fork()) {
			echo_stream(fd);
			_exit(0);
		}
		close(fd);
	}
	err(2, "accept");
}

/* ---- clients ---- */

/* The mark, then bytes that no other message has. */
static void fill(char *message, size_t len, unsigned int number)
{
	for (size_t i = 0; i < len; i++)
		message[i] = (char)(number * 131 + i * 7);
	memcpy(message, PS_EXCHANGE_MARK, len < sizeof(PS_EXCHANGE_MARK) ? len : sizeof(PS_EXCHANGE_MARK));
}

static void exchange_datagram(int fd, unsigned int number)
{
	char message[DATAGRAM_MAX], answer[DATAGRAM_MAX + 1];
	size_t len = (number * 37) % (DATAGRAM_MAX + 1);
	ssize_t got;

	fill(message, len, number);
	if (send(fd, message, len, 0) != (ssize_t)len)
		err(1, "datagram %u of %zu bytes", number, len);
	got = recv(fd, answer, sizeof(answer), 0);
	if (got < 0)
		err(1, "answer to datagram %u of %zu bytes", number, len);
	if (got != (ssize_t)len || memcmp(message, answer, len))
		errx(1, "datagram %u of %zu bytes came back as %zd others", number, len, got);
}

/* Whether it came back; both the refusal of a packet and silence are answers on the way. */
static int exchange_big(int fd, unsigned int number)
{
	char message[BIG], answer[BIG + 1];

	fill(message, sizeof(message), number);
	return send(fd, message, sizeof(message), 0) == BIG && recv(fd, answer, sizeof(answer), 0) == BIG &&
	       !memcmp(message, answer, BIG);
}

static void exchange_chunk(int fd, unsigned int number)
{
	char message[CHUNK], answer[CHUNK];

	fill(message, sizeof(message), number);
	if (send(fd, message, sizeof(message), MSG_NOSIGNAL) != sizeof(message))
		err(1, "chunk %u", number);
	if (recv(fd, answer, sizeof(answer), MSG_WAITALL) != sizeof(answer))
		err(1, "answer to chunk %u", number);
	if (memcmp(message, answer, sizeof(message)))
		errx(1, "chunk %u came back changed", number);
}

/* ---- commands ---- */

static void exchange_udp(const char *address, int count)
{
	int fd = connected(address, SOCK_DGRAM, PATIENCE_SECONDS);

	for (int i = 0; i < count; i++)
		exchange_datagram(fd, i);
}

static void exchange_tcp(const char *address, int bytes)
{
	int fd = connected(address, SOCK_STREAM, PATIENCE_SECONDS);

	for (int i = 0; i < bytes / CHUNK; i++)
		exchange_chunk(fd, i);
}

static void exchange_fragments(const char *address, int tries)
{
	int fd = connected(address, SOCK_DGRAM, 1);

	for (int i = 0; i < tries; i++)
		if (exchange_big(fd, i))
			return;
	errx(1, "no datagram of %d bytes came back", BIG);
}

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "serve"))
		serve();
	else if (argc == 4 && !strcmp(argv[1], "udp"))
		exchange_udp(argv[2], atoi(argv[3]));
	else if (argc == 4 && !strcmp(argv[1], "tcp"))
		exchange_tcp(argv[2], atoi(argv[3]));
	else if (argc == 4 && !strcmp(argv[1], "big"))
		exchange_fragments(argv[2], atoi(argv[3]));
	else
		errx(2, "usage: exchange serve | udp ADDRESS COUNT | tcp ADDRESS BYTES | big ADDRESS TRIES");
	return EXIT_SUCCESS;
}
