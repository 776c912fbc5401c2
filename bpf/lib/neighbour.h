/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* What a pod may say on its own link: who it is, and whom it looks for; never that it is a router, or another. */
#ifndef PODSHIELD_NEIGHBOUR_H
#define PODSHIELD_NEIGHBOUR_H

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "packet.h"
#include "route.h"

/* RFC 826, for IPv4 over Ethernet. */
struct ps_arp {
	__be16 hardware;
	__be16 protocol;
	__u8 hardware_len;
	__u8 protocol_len;
	__be16 operation;
	__u8 sender_mac[ETH_ALEN];
	__u8 sender_ip[4];
	__u8 target_mac[ETH_ALEN];
	__u8 target_ip[4];
};

/* ICMPv6 types: RFC 4861, RFC 2710, RFC 3810. */
enum ps_neighbour_type {
	PS_ND_MLD_QUERY = 130,
	PS_ND_MLD_REPORT = 131,
	PS_ND_MLD_DONE = 132,
	PS_ND_ROUTER_SOLICITATION = 133,
	PS_ND_ROUTER_ADVERTISEMENT = 134,
	PS_ND_NEIGHBOUR_SOLICITATION = 135,
	PS_ND_NEIGHBOUR_ADVERTISEMENT = 136,
	PS_ND_REDIRECT = 137,
	PS_ND_MLD2_REPORT = 143,
};

#define PS_ND_TARGET_OFFSET 8

/* ICMP types of RFC 792 and RFC 1256. */
#define PS_ICMP_REDIRECT 5
#define PS_ICMP_ROUTER_ADVERTISEMENT 9

static __always_inline int ps_neighbour_owns(const struct ps_packet *p, const struct ps_addr *addr)
{
	const struct ps_local *local = ps_maps_local(addr);

	return local && local->ifindex == p->ifindex;
}

/* ARP with the pod's own sender addresses, or with none (a probe, RFC 5227). */
static __noinline enum ps_reason ps_neighbour_arp(struct __sk_buff *skb, struct ps_packet *p, const struct ps_pod *pod)
{
	struct ps_arp arp;
	__u32 sender;

	if (bpf_skb_load_bytes(skb, ETH_HLEN, &arp, sizeof(arp)))
		return PS_R_MALFORMED;
	if (arp.hardware != bpf_htons(1) || arp.protocol != bpf_htons(ETH_P_IP) || arp.hardware_len != ETH_ALEN ||
	    arp.protocol_len != sizeof(sender))
		return PS_R_MALFORMED;
	__builtin_memcpy(&sender, arp.sender_ip, sizeof(sender));
	ps_address_set_v4(&p->src, sender);
	__builtin_memcpy(&sender, arp.target_ip, sizeof(sender));
	ps_address_set_v4(&p->dst, sender);
	for (int i = 0; i < ETH_ALEN; i++)
		if (arp.sender_mac[i] != pod->mac[i])
			return PS_R_ROUTER_ADVERT;
	if (!ps_address_is_any(&p->src) && !ps_neighbour_owns(p, &p->src))
		return PS_R_ROUTER_ADVERT;
	return PS_R_NEIGHBOUR;
}

/* A solicitation or advertisement may come from no address, one of the link, or the pod's; and speak for those. */
static __always_inline int ps_neighbour_may_be(const struct ps_packet *p, const struct ps_addr *addr)
{
	return ps_address_is_any(addr) || ps_address_is_link_local(addr) || ps_neighbour_owns(p, addr);
}

static __always_inline enum ps_reason ps_neighbour_advertisement(struct __sk_buff *skb, const struct ps_packet *p)
{
	struct ps_addr target;

	if (bpf_skb_load_bytes(skb, p->transport + PS_ND_TARGET_OFFSET, &target, sizeof(target)))
		return PS_R_MALFORMED;
	return ps_neighbour_may_be(p, &target) ? PS_R_NEIGHBOUR : PS_R_ROUTER_ADVERT;
}

static __always_inline int ps_neighbour_is_nd(const struct ps_packet *p)
{
	return p->version == 6 && p->protocol == IPPROTO_ICMPV6 && p->fragment != PS_FRAGMENT_LATER &&
	       ((p->icmp_type >= PS_ND_MLD_QUERY && p->icmp_type <= PS_ND_REDIRECT) ||
		p->icmp_type == PS_ND_MLD2_REPORT);
}

static __always_inline int ps_neighbour_poses_as_router(const struct ps_packet *p)
{
	if (p->fragment == PS_FRAGMENT_LATER)
		return 0;
	if (p->protocol == IPPROTO_ICMP && p->version == 4)
		return p->icmp_type == PS_ICMP_REDIRECT || p->icmp_type == PS_ICMP_ROUTER_ADVERTISEMENT;
	return p->protocol == IPPROTO_ICMPV6 && p->version == 6 &&
	       (p->icmp_type == PS_ND_ROUTER_ADVERTISEMENT || p->icmp_type == PS_ND_REDIRECT ||
		p->icmp_type == PS_ND_MLD_QUERY);
}

/* Neighbour discovery is for this host only: never routed on, never sealed. PS_R_NONE: it is none. */
static __noinline enum ps_reason ps_neighbour_check(struct __sk_buff *skb, const struct ps_packet *p)
{
	int stays = ps_address_is_link_multicast(&p->dst) || ps_address_is_link_local(&p->dst);

	if (ps_neighbour_poses_as_router(p))
		return PS_R_ROUTER_ADVERT;
	if (!ps_neighbour_is_nd(p))
		return PS_R_NONE;
	if (!stays && !ps_route_ends_here(skb, p, p->ifindex))
		return PS_R_UNSUPPORTED;
	if (!ps_neighbour_may_be(p, &p->src))
		return PS_R_SPOOFED_SOURCE;
	return p->icmp_type == PS_ND_NEIGHBOUR_ADVERTISEMENT ? ps_neighbour_advertisement(skb, p) : PS_R_NEIGHBOUR;
}

#endif
