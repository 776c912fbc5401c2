/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* What forwarding changes in an IP header. */
#ifndef PODSHIELD_HEADER_H
#define PODSHIELD_HEADER_H

#include <linux/bpf.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/stddef.h>
#include <bpf/bpf_helpers.h>

#include "checksum.h"
#include "ecn.h"
#include "packet.h"

/* Rewrites the 16 bits at `offset` of the IPv4 header, of which `mask` become `bits`, and its checksum. */
static __always_inline long ps_header_set_v4(struct __sk_buff *skb, const struct ps_packet *p, __u32 offset, __u16 mask,
					     __u16 bits)
{
	__u32 check_at = p->l3 + offsetof(struct iphdr, check);
	__u16 check;
	__be16 old, new;
	long error;

	error = bpf_skb_load_bytes(skb, p->l3 + offset, &old, sizeof(old))
			?: bpf_skb_load_bytes(skb, check_at, &check, sizeof(check));
	if (error)
		return error;
	new = (old & ~bpf_htons(mask)) | bpf_htons(bits);
	check = ps_checksum_replace(check, old, new);
	return bpf_skb_store_bytes(skb, p->l3 + offset, &new, sizeof(new), 0)
		       ?: bpf_skb_store_bytes(skb, check_at, &check, sizeof(check), 0);
}

/* One hop less. The packet has one left at least. */
static __always_inline long ps_header_count_hop(struct __sk_buff *skb, struct ps_packet *p)
{
	p->ttl--;
	if (p->version == 4)
		return ps_header_set_v4(skb, p, offsetof(struct iphdr, ttl), 0xff00, p->ttl << 8);
	return bpf_skb_store_bytes(skb, p->l3 + offsetof(struct ipv6hdr, hop_limit), &p->ttl, sizeof(p->ttl), 0);
}

static __always_inline long ps_header_set_ecn(struct __sk_buff *skb, const struct ps_packet *p, __u8 ecn)
{
	__be16 first;
	long error;

	if ((p->tos & PS_ECN_MASK) == ecn)
		return 0;
	if (p->version == 4)
		return ps_header_set_v4(skb, p, 0, PS_ECN_MASK, ecn);
	/* The traffic class stands between version and flow label. */
	error = bpf_skb_load_bytes(skb, p->l3, &first, sizeof(first));
	if (error)
		return error;
	first = (first & ~bpf_htons(PS_ECN_MASK << 4)) | bpf_htons((__u16)ecn << 4);
	return bpf_skb_store_bytes(skb, p->l3, &first, sizeof(first), 0);
}

#endif
