// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/*
 * The wire between two nodes, and who listens to it: carries every frame between two devices and says what they were.
 *
 * usage: wire DEVICE DEVICE
 *
 * SIGUSR1 makes it flip one bit of every sealed packet from then on. Ended by SIGTERM, it prints
 * `sealed N, neighbour N, other N, marked N`: packets of ESP in UDP, ARP and neighbour discovery, all else, and
 * those of any kind that bear the mark of `exchange`.
 */
#include <err.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/icmp6.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/udp.h>
#include <sys/socket.h>

#include "../../abi/podshield_abi.h"
#include "exchange.h"

#define ESP_PORT 4500
#define ICV_LEN 16

enum kind {
	SEALED,
	NEIGHBOUR,
	OTHER,
	KINDS,
};

struct frame {
	unsigned char b[1 << 16];
	size_t len;
};

static unsigned long counts[KINDS], marked;
static volatile sig_atomic_t flips, ended;

static void on_signal(int number)
{
	if (number == SIGUSR1)
		flips = 1;
	else
		ended = 1;
}

static int packet_socket(const char *device)
{
	struct sockaddr_ll address = { .sll_family = AF_PACKET,
				       .sll_protocol = htons(ETH_P_ALL),
				       .sll_ifindex = (int)if_nametoindex(device) };
	const struct packet_mreq all = { .mr_ifindex = address.sll_ifindex, .mr_type = PACKET_MR_PROMISC };
	int fd = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL)), one = 1;

	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) ||
	    setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &all, sizeof(all)) ||
	    setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof(one)))
		err(2, "%s", device);
	return fd;
}

/* ---- what a frame is ---- */

static enum kind kind_of_udp(const struct frame *f, size_t at)
{
	const struct udphdr *udp = (const void *)(f->b + at);
	__u32 spi;

	if (f->len < at + sizeof(*udp) + sizeof(spi) || ntohs(udp->dest) != ESP_PORT)
		return OTHER;
	memcpy(&spi, udp + 1, sizeof(spi));
	return ntohl(spi) >= PS_SPI_MIN ? SEALED : OTHER;
}

static enum kind kind_of_ipv4(const struct frame *f)
{
	const struct iphdr *ip = (const void *)(f->b + ETH_HLEN);

	return ip->ihl == 5 && ip->protocol == IPPROTO_UDP ? kind_of_udp(f, ETH_HLEN + sizeof(*ip)) : OTHER;
}

/* Multicast listener reports come with a hop-by-hop option before them. */
static enum kind kind_of_ipv6(const struct frame *f)
{
	const struct ip6_hdr *ip = (const void *)(f->b + ETH_HLEN);
	const struct icmp6_hdr *icmp = (const void *)(ip + 1);

	if (ip->ip6_nxt == IPPROTO_UDP)
		return kind_of_udp(f, ETH_HLEN + sizeof(*ip));
	if (ip->ip6_nxt == IPPROTO_HOPOPTS)
		return IN6_IS_ADDR_MULTICAST(&ip->ip6_dst) ? NEIGHBOUR : OTHER;
	if (ip->ip6_nxt != IPPROTO_ICMPV6)
		return OTHER;
	return icmp->icmp6_type >= ND_ROUTER_SOLICIT && icmp->icmp6_type <= ND_NEIGHBOR_ADVERT ? NEIGHBOUR : OTHER;
}

static enum kind kind_of(const struct frame *f)
{
	const struct ether_header *ethernet = (const void *)f->b;

	switch (ntohs(ethernet->ether_type)) {
	case ETHERTYPE_ARP:
		return NEIGHBOUR;
	case ETHERTYPE_IP:
		return kind_of_ipv4(f);
	case ETHERTYPE_IPV6:
		return kind_of_ipv6(f);
	default:
		return OTHER;
	}
}

/* ---- the wire ---- */

static void describe(const struct frame *f)
{
	printf("wire: other frame of %zu bytes:", f->len);
	for (size_t i = 0; i < f->len && i < 80; i++)
		printf(" %02x", f->b[i]);
	printf("\n");
}

static void carry(int from, int to)
{
	static struct frame f;
	ssize_t len;
	enum kind kind;

	while ((len = recv(from, f.b, sizeof(f.b), MSG_DONTWAIT)) > 0) {
		f.len = len;
		kind = kind_of(&f);
		counts[kind]++;
		marked += memmem(f.b, f.len, PS_EXCHANGE_MARK, strlen(PS_EXCHANGE_MARK)) != NULL;
		if (kind == OTHER)
			describe(&f);
		if (kind == SEALED && flips)
			f.b[f.len - ICV_LEN - 1] ^= 0x10;
		/* A wire may lose: a device that is down or full. */
		(void)!send(to, f.b, f.len, 0);
	}
}

int main(int argc, char **argv)
{
	const struct sigaction action = { .sa_handler = on_signal };

	if (argc != 3)
		errx(2, "usage: wire DEVICE DEVICE");
	sigaction(SIGUSR1, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	struct pollfd ends[] = { { .fd = packet_socket(argv[1]), .events = POLLIN },
				 { .fd = packet_socket(argv[2]), .events = POLLIN } };
	while (!ended) {
		if (poll(ends, 2, 200) < 0 && errno != EINTR)
			err(2, "poll");
		carry(ends[0].fd, ends[1].fd);
		carry(ends[1].fd, ends[0].fd);
	}
	printf("sealed %lu, neighbour %lu, other %lu, marked %lu\n", counts[SEALED], counts[NEIGHBOUR], counts[OTHER],
	       marked);
	return EXIT_SUCCESS;
}
