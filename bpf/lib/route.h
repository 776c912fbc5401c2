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
 * The way to a peer, for a moment: looking it up is the dearest thing after the cipher. A CPU's entry is used as ps_packets
 * is; peers that share one take turns.
 */
#define PS_ROUTE_MEMORY 256          /* entries, a power of two */
#define PS_ROUTE_LIFETIME 1000000ULL /* nanoseconds that a changed route may be followed on */

struct ps_route {
	struct ps_addr local;
	struct ps_addr remote;
	__u64 until_ns;
	__u32 ingress;
	__u32 egress;
	__u32 mtu;
	struct bpf_redir_neigh neighbour;
};

PS_MAP(ps_routes, BPF_MAP_TYPE_PERCPU_ARRAY, __u32, struct ps_route, PS_ROUTE_MEMORY);

static __always_inline int ps_route_is_known(const struct ps_route *route, const struct ps_packet *p, __u32 ingress)
{
	return p->boot_ns < route->until_ns && route->ingress == ingress &&
	       ps_address_equal(&route->remote, &p->outer.remote) && ps_address_equal(&route->local, &p->outer.local);
}

/* Asks the kernel for the way of a packet of `len` bytes that came in by `ingress`; PS_R_TOO_BIG tells the route's MTU. */
static __noinline enum ps_reason ps_route_find(struct __sk_buff *skb, const struct ps_packet *p, struct ps_route *route,
					       __u32 ingress, __u32 len)
{
	struct bpf_fib_lookup fib = { .ifindex = ingress };
	long result;

	route->until_ns = 0;
	ps_route_fill(&fib, &p->outer.local, &p->outer.remote);
	fib.tot_len = len;
	result = bpf_fib_lookup(skb, &fib, sizeof(fib), 0);
	route->mtu = fib.mtu_result;
	if (result == BPF_FIB_LKUP_RET_FRAG_NEEDED)
		return PS_R_TOO_BIG;
	if (result != BPF_FIB_LKUP_RET_SUCCESS && result != BPF_FIB_LKUP_RET_NO_NEIGH)
		return PS_R_NO_ROUTE;
	route->local = p->outer.local;
	route->remote = p->outer.remote;
	route->ingress = ingress;
	route->egress = fib.ifindex;
	route->neighbour.nh_family = fib.family;
	__builtin_memcpy(route->neighbour.ipv6_nh, fib.ipv6_dst, sizeof(fib.ipv6_dst));
	if (result == BPF_FIB_LKUP_RET_SUCCESS)
		route->until_ns = p->boot_ns + PS_ROUTE_LIFETIME;
	return PS_R_NONE;
}

/*
 * Finds device and neighbour for the sealed packet, as one that came in by `ingress`. PS_R_NONE, PS_R_NO_ROUTE, or
 * PS_R_TOO_BIG when that route carries less than the peer's MTU; p->limit is then what it does carry.
 */
static __noinline enum ps_reason ps_route_to_peer(struct __sk_buff *skb, struct ps_packet *p, __u32 ingress)
{
	__u32 len = ps_esp_outer_len(p->outer_version, p->length);
	__u32 index = p->peer & (PS_ROUTE_MEMORY - 1);
	struct ps_route *route = bpf_map_lookup_elem(&ps_routes, &index);
	enum ps_reason reason = PS_R_NONE;

	if (!route)
		return PS_R_NO_ROUTE;
	if (!ps_route_is_known(route, p, ingress))
		reason = ps_route_find(skb, p, route, ingress, len);
	else if (len > route->mtu)
		reason = PS_R_TOO_BIG;
	if (reason == PS_R_TOO_BIG)
		p->limit = ps_esp_inner_max(p->outer_version, route->mtu);
	if (reason)
		return reason;
	p->out_ifindex = route->egress;
	p->neighbour = route->neighbour;
	return PS_R_NONE;
}

#endif
