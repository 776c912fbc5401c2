/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* Where the host would send a packet: to itself, or by which device and neighbour to a peer. */
#ifndef PODSHIELD_ROUTE_H
#define PODSHIELD_ROUTE_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "esp.h"
#include "packet.h"

#define PS_ROUTE_INET 2   /* AF_INET */
#define PS_ROUTE_INET6 10 /* AF_INET6 */

static __always_inline void ps_route_fill(struct bpf_fib_lookup *fib, const struct ps_addr *src,
					  const struct ps_addr *dst)
{
	if (ps_address_is_v4(dst)) {
		fib->family = PS_ROUTE_INET;
		fib->ipv4_src = ps_address_v4(src);
		fib->ipv4_dst = ps_address_v4(dst);
	} else {
		fib->family = PS_ROUTE_INET6;
		__builtin_memcpy(fib->ipv6_src, src, sizeof(*src));
		__builtin_memcpy(fib->ipv6_dst, dst, sizeof(*dst));
	}
}

/*
 * Whether a packet that came in by `ifindex` ends at this host. So does one the host has no route for: the stack tells
 * its sender, and it leaves by no device.
 */
static __noinline int ps_route_ends_here(struct __sk_buff *skb, const struct ps_packet *p, __u32 ifindex)
{
	struct bpf_fib_lookup fib = { .ifindex = ifindex };

	ps_route_fill(&fib, &p->src, &p->dst);
	return bpf_fib_lookup(skb, &fib, sizeof(fib), 0) == BPF_FIB_LKUP_RET_NOT_FWDED;
}

/* Whether the host would send a packet that came in by `ifindex` on by some device. */
static __noinline int ps_route_leads_on(struct __sk_buff *skb, const struct ps_packet *p, __u32 ifindex)
{
	struct bpf_fib_lookup fib = { .ifindex = ifindex };
	long result;

	ps_route_fill(&fib, &p->src, &p->dst);
	result = bpf_fib_lookup(skb, &fib, sizeof(fib), 0);
	return result == BPF_FIB_LKUP_RET_SUCCESS || result == BPF_FIB_LKUP_RET_NO_NEIGH ||
	       result == BPF_FIB_LKUP_RET_FRAG_NEEDED;
}

/*
 * Finds device and neighbour for the sealed packet, as one that came in by `ifindex`. PS_R_NONE, PS_R_NO_ROUTE, or
 * PS_R_TOO_BIG when that route carries less than the peer's MTU; p->limit is then what it does carry.
 */
static __noinline enum ps_reason ps_route_to_peer(struct __sk_buff *skb, struct ps_packet *p, __u32 ifindex)
{
	struct bpf_fib_lookup fib = { .ifindex = ifindex };
	long result;

	ps_route_fill(&fib, &p->outer.local, &p->outer.remote);
	fib.tot_len = ps_esp_outer_len(p->outer_version, p->length);
	result = bpf_fib_lookup(skb, &fib, sizeof(fib), 0);
	if (result == BPF_FIB_LKUP_RET_FRAG_NEEDED) {
		p->limit = ps_esp_inner_max(p->outer_version, fib.mtu_result);
		return PS_R_TOO_BIG;
	}
	if (result != BPF_FIB_LKUP_RET_SUCCESS && result != BPF_FIB_LKUP_RET_NO_NEIGH)
		return PS_R_NO_ROUTE;
	p->out_ifindex = fib.ifindex;
	p->neighbour.nh_family = fib.family;
	__builtin_memcpy(p->neighbour.ipv6_nh, fib.ipv6_dst, sizeof(fib.ipv6_dst));
	return PS_R_NONE;
}

#endif
