/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * What routers between the nodes say of our sealed packets: that they are too big (RFC 1191, RFC 8201). The host's stack
 * cannot learn from it, since no socket sent them.
 *
 * Believed is only what quotes an SA of ours and a sequence number it has lately used, which one must have seen the packet
 * to know; and no value lower than any network must carry. It is forgotten after ten minutes.
 */
#ifndef PODSHIELD_PATH_MTU_H
#define PODSHIELD_PATH_MTU_H

#include <linux/bpf.h>
#include <linux/in.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "encap.h"
#include "maps.h"
#include "packet.h"

#define PS_PATH_MTU_LIFETIME 600000000000ULL
#define PS_PATH_MTU_RECENT 65536 /* sequence numbers behind the newest */
#define PS_PATH_MTU_MIN_V4 576
#define PS_PATH_MTU_MIN_V6 1280
/* Between two searches for an SA, which look at every slot: whoever floods us with ICMP must not set the pace. */
#define PS_PATH_MTU_PAUSE 10000000ULL

#define PS_PATH_MTU_ICMP_TYPE 3 /* destination unreachable, */
#define PS_PATH_MTU_ICMP_CODE 4 /* fragmentation needed */
#define PS_PATH_MTU_ICMPV6_TYPE 2

struct ps_path_mtu {
	__u64 until_ns;
	__u32 mtu;
	__u32 pad;
};

struct ps_path_mtu_times {
	__u64 next_search_ns;
	__u64 known_until_ns; /* when the last that is known of any path is forgotten */
};

PS_MAP(ps_path_mtus, BPF_MAP_TYPE_LRU_HASH, __u32, struct ps_path_mtu, PS_PEERS);
PS_MAP(ps_path_mtu_times, BPF_MAP_TYPE_ARRAY, __u32, struct ps_path_mtu_times, 1);

/* The error's header, with a part of the packet it is about. */
struct ps_path_mtu_v4 {
	__u8 type, code;
	__u16 check;
	__u16 unused;
	__be16 mtu;
	struct ps_encap_v4 quote;
};

struct ps_path_mtu_v6 {
	__u8 type, code;
	__u16 check;
	__be32 mtu;
	struct ps_encap_v6 quote;
};

/* An error that may be about a packet of ours, and whose SA that packet was. */
struct ps_path_mtu_report {
	struct ps_addr local;
	struct ps_addr remote;
	__u32 mtu;
	__u32 spi;
	__u32 sequence;
	__u32 peer; /* 0 until found */
};

static __always_inline struct ps_path_mtu_times *ps_path_mtu_get_times(void)
{
	__u32 only = 0;

	return bpf_map_lookup_elem(&ps_path_mtu_times, &only);
}

/* Lowers the peer's MTU in `p` to what its path was found to carry. */
static __always_inline void ps_path_mtu_apply(struct ps_packet *p)
{
	const struct ps_path_mtu_times *times = ps_path_mtu_get_times();
	const struct ps_path_mtu *path;

	if (!times || p->boot_ns >= times->known_until_ns)
		return;
	path = bpf_map_lookup_elem(&ps_path_mtus, &p->peer);
	if (path && path->mtu < p->outer.mtu && p->boot_ns < path->until_ns)
		p->outer.mtu = path->mtu;
}

static __always_inline int ps_path_mtu_read_v4(struct __sk_buff *skb, const struct ps_packet *p,
					       struct ps_path_mtu_report *report, __be16 port)
{
	struct ps_path_mtu_v4 error;

	if (bpf_skb_load_bytes(skb, p->transport, &error, offsetof(struct ps_path_mtu_v4, quote.esp.iv)))
		return 0;
	if (error.code != PS_PATH_MTU_ICMP_CODE || error.quote.ip.version != 4 || error.quote.ip.ihl != 5 ||
	    error.quote.ip.protocol != IPPROTO_UDP || error.quote.udp.dest != port)
		return 0;
	ps_address_set_v4(&report->local, error.quote.ip.saddr);
	ps_address_set_v4(&report->remote, error.quote.ip.daddr);
	report->mtu = bpf_ntohs(error.mtu);
	report->spi = bpf_ntohl(error.quote.esp.spi);
	report->sequence = bpf_ntohl(error.quote.esp.sequence);
	return report->mtu >= PS_PATH_MTU_MIN_V4;
}

static __always_inline int ps_path_mtu_read_v6(struct __sk_buff *skb, const struct ps_packet *p,
					       struct ps_path_mtu_report *report, __be16 port)
{
	struct ps_path_mtu_v6 error;

	if (bpf_skb_load_bytes(skb, p->transport, &error, offsetof(struct ps_path_mtu_v6, quote.esp.iv)))
		return 0;
	if (error.quote.ip.version != 6 || error.quote.ip.nexthdr != IPPROTO_UDP || error.quote.udp.dest != port)
		return 0;
	__builtin_memcpy(&report->local, &error.quote.ip.saddr, sizeof(report->local));
	__builtin_memcpy(&report->remote, &error.quote.ip.daddr, sizeof(report->remote));
	report->mtu = bpf_ntohl(error.mtu);
	report->spi = bpf_ntohl(error.quote.esp.spi);
	report->sequence = bpf_ntohl(error.quote.esp.sequence);
	return report->mtu >= PS_PATH_MTU_MIN_V6;
}

/* Whether the packet is an error that may be about one of ours, sent to who is said to have sent that. */
static __noinline int ps_path_mtu_read(struct __sk_buff *skb, const struct ps_packet *p,
				       struct ps_path_mtu_report *report, __u32 port)
{
	__be16 port_be = bpf_htons(port);
	int found = 0;

	if (p->fragment)
		return 0;
	if (p->version == 4 && p->protocol == IPPROTO_ICMP && p->icmp_type == PS_PATH_MTU_ICMP_TYPE)
		found = ps_path_mtu_read_v4(skb, p, report, port_be);
	else if (p->version == 6 && p->protocol == IPPROTO_ICMPV6 && p->icmp_type == PS_PATH_MTU_ICMPV6_TYPE)
		found = ps_path_mtu_read_v6(skb, p, report, port_be);
	return found && ps_address_equal(&report->local, &p->dst);
}

static long ps_path_mtu_try_slot(__u32 slot, void *context)
{
	struct ps_path_mtu_report *report = context;
	const struct ps_sa_out *sa = bpf_map_lookup_elem(&ps_sa_out, &slot);
	const struct ps_peer *peer;
	__u32 number;

	if (!sa)
		return 1;
	if (sa->spi != report->spi || !report->sequence || report->sequence > sa->seq ||
	    sa->seq - report->sequence > PS_PATH_MTU_RECENT)
		return 0;
	number = sa->peer;
	peer = bpf_map_lookup_elem(&ps_peers, &number);
	if (!peer || !ps_address_equal(&peer->remote, &report->remote) ||
	    !ps_address_equal(&peer->local, &report->local))
		return 0;
	report->peer = number;
	return 1;
}

static __always_inline int ps_path_mtu_may_search(struct ps_path_mtu_times *times, __u64 now)
{
	if (now < times->next_search_ns)
		return 0;
	times->next_search_ns = now + PS_PATH_MTU_PAUSE;
	return 1;
}

/* Remembers what an ICMP error says of the path to a peer; all else that comes in is none of its business. */
static __noinline void ps_path_mtu_learn(struct __sk_buff *skb, const struct ps_packet *p,
					 const struct ps_config *config)
{
	struct ps_path_mtu_report report = {};
	struct ps_path_mtu_times *times = ps_path_mtu_get_times();
	struct ps_path_mtu path = {};
	__u64 now;

	if (!times || !ps_path_mtu_read(skb, p, &report, config->esp_port))
		return;
	now = bpf_ktime_get_boot_ns();
	if (!ps_path_mtu_may_search(times, now))
		return;
	bpf_loop(ps_maps_sa_slots(), ps_path_mtu_try_slot, &report, 0);
	if (!report.peer)
		return;
	path.mtu = report.mtu;
	path.until_ns = now + PS_PATH_MTU_LIFETIME;
	bpf_map_update_elem(&ps_path_mtus, &report.peer, &path, BPF_ANY);
	times->known_until_ns = path.until_ns;
}

#endif
