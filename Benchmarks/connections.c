// SPDX-License-Identifier: Apache-2.0
/*
 * Opens connections one after the other, each with a byte there and a byte back, and says how many a second; or serves
 * them. Several clients at once are several processes, so that one waiting for its answer does not hold up the others.
 *
 * usage: connections serve PORT
 *        connections dial ADDRESS PORT CLIENTS SECONDS
 */
#include <arpa/inet.h>
#include <err.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#define CLIENTS_MAX 64
#define SERVERS 8
#define BACKLOG 1024
/* An answer that takes longer is a failure, and a failure ends the client: no figure hides one. */
#define ANSWER_SECONDS 2

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int tcp_socket(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int on = 1;

	if (fd < 0)
		err(1, "socket");
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	return fd;
}

static struct sockaddr_in endpoint(const char *address, const char *port)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port)) };

	if (inet_pton(AF_INET, address, &to.sin_addr) != 1)
		errx(2, "%s is no IPv4 address", address);
	return to;
}

/* The client closes first, which leaves the waiting for late packets to its own ports. */
static void answer(int connection)
{
	char byte;

	if (read(connection, &byte, 1) == 1 && write(connection, &byte, 1) == 1)
		while (read(connection, &byte, 1) > 0)
			;
	close(connection);
}

static void serve(const char *port)
{
	struct sockaddr_in any = endpoint("0.0.0.0", port);
	int listener = tcp_socket();

	if (bind(listener, (struct sockaddr *)&any, sizeof(any)) || listen(listener, BACKLOG))
		err(1, "listening on port %s", port);
	for (int i = 1; i < SERVERS; i++) {
		if (fork() == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			break;
		}
	}
	for (;;) {
		int connection = accept(listener, NULL, NULL);

		if (connection >= 0)
			answer(connection);
	}
}

static void dial_once(const struct sockaddr_in *to)
{
	struct timeval patience = { .tv_sec = ANSWER_SECONDS };
	int fd = tcp_socket();
	char byte = 1;

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	if (connect(fd, (const struct sockaddr *)to, sizeof(*to)))
		err(1, "connect");
	if (write(fd, &byte, 1) != 1 || read(fd, &byte, 1) != 1)
		err(1, "no answer");
	close(fd);
}

static void dial_until(const struct sockaddr_in *to, double end, unsigned long *count)
{
	while (now() < end) {
		dial_once(to);
		(*count)++;
	}
}

static void dial(const char *address, const char *port, int clients, double seconds)
{
	struct sockaddr_in to = endpoint(address, port);
	unsigned long total = 0, *counts;
	double start = now();

	if (clients < 1 || clients > CLIENTS_MAX)
		errx(2, "1 to %d clients", CLIENTS_MAX);
	counts = mmap(NULL, CLIENTS_MAX * sizeof(*counts), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (counts == MAP_FAILED)
		err(1, "mmap");
	for (int i = 0; i < clients; i++) {
		if (fork() == 0) {
			dial_until(&to, start + seconds, &counts[i]);
			exit(0);
		}
	}
	for (int i = 0, status; i < clients; i++) {
		if (wait(&status) < 0 || status != 0)
			errx(1, "a client failed");
	}
	for (int i = 0; i < clients; i++)
		total += counts[i];
	printf("%.1f\n", (double)total / (now() - start));
}

int main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "serve") == 0)
		serve(argv[2]);
	else if (argc == 6 && strcmp(argv[1], "dial") == 0)
		dial(argv[2], argv[3], atoi(argv[4]), atof(argv[5]));
	else
		errx(2, "usage: connections serve PORT | dial ADDRESS PORT CLIENTS SECONDS");
	return 0;
}
