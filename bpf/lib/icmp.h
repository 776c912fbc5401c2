/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* The errors that a router owes a sender (RFC 792, RFC 4443), made from the packet they are about. */
#ifndef PODSHIELD_ICMP_H
#define PODSHIELD_ICMP_H

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "checksum.h"
#include "packet.h"
#include "stamp.h"

#define PS_ICMP_QUOTE_MAX 128 /* bytes of the packet that are sent back; a power of two */
#define PS_ICMP_TTL 64
#define PS_ICMP_TOS 0xc0 /* internetwork control (RFC 1812, 4.3.2.5) */

struct ps_icmp {
	__u8 type;
	__u8 code;
	__u16 check;
	__be32 word; /* the MTU, where there is one: RFC 1191 has it in the low half */
	__u8 quote[PS_ICMP_QUOTE_MAX];
};

struct ps_icmp_v4 {
	struct iphdr ip;
	struct ps_icmp icmp;
};

struct ps_icmp_v6 {
	struct ipv6hdr ip;
	struct ps_icmp icmp;
};

#define PS_ICMP_HEADER_LEN (sizeof(struct ps_icmp) - PS_ICMP_QUOTE_MAX)

struct ps_icmp_error {
	__u8 v4_type, v4_code;
	__u8 v6_type, v6_code;
};

static const struct ps_icmp_error ps_icmp_too_big = { 3, 4, 2, 0 };
static const struct ps_icmp_error ps_icmp_time_exceeded = { 11, 0, 3, 0 };

/* No error about an error, or about a fragment that is not the first (RFC 1122, 3.2.2; RFC 4443, 2.4). */
static __always_inline int ps_icmp_is_owed(const struct ps_packet *p)
{
	if (p->fragment == PS_FRAGMENT_LATER)
		return 0;
	if (p->version == 6)
		return p->protocol != IPPROTO_ICMPV6 || p->icmp_type >= 128;
	return p->protocol != IPPROTO_ICMP || p->icmp_type == 0 || p->icmp_type == 8 ||
	       (p->icmp_type >= 13 && p->icmp_type <= 18);
}

/* From the node's address towards that peer; where that is of the other family, from whom the sender wanted to reach. */
static __always_inline const struct ps_addr *ps_icmp_source(const struct ps_packet *p)
{
	return p->outer_version == p->version ? &p->outer.local : &p->dst;
}

/* Bytes to be quoted, in a form whose bounds every verifier sees. */
static __always_inline __u32 ps_icmp_quote_len(const struct ps_packet *p)
{
	__u32 last = p->length - 1;

	if (last >= PS_ICMP_QUOTE_MAX)
		last = PS_ICMP_QUOTE_MAX - 1;
	PS_WORD_PIN(last);
	return (last & (PS_ICMP_QUOTE_MAX - 1)) + 1;
}

static __noinline long ps_icmp_write_v4(struct __sk_buff *skb, const struct ps_packet *p, __u32 mtu,
					const struct ps_icmp_error *error)
{
	__u32 quoted = ps_icmp_quote_len(p);
	__u32 len = sizeof(struct iphdr) + PS_ICMP_HEADER_LEN + quoted;
	struct ps_icmp_v4 reply = {};
	long failed;

	failed =
		bpf_skb_load_bytes(skb, p->l3, reply.icmp.quote, quoted) ?: bpf_skb_change_tail(skb, ETH_HLEN + len, 0);
	if (failed)
		return failed;
	reply.icmp.type = error->v4_type;
	reply.icmp.code = error->v4_code;
	reply.icmp.word = bpf_htonl(mtu);
	reply.icmp.check = ps_checksum_fold(bpf_csum_diff(0, 0, (__be32 *)&reply.icmp, sizeof(reply.icmp), 0));
	reply.ip.version = 4;
	reply.ip.ihl = sizeof(reply.ip) / 4;
	reply.ip.tos = PS_ICMP_TOS;
	reply.ip.tot_len = bpf_htons(len);
	reply.ip.ttl = PS_ICMP_TTL;
	reply.ip.protocol = IPPROTO_ICMP;
	reply.ip.saddr = ps_address_v4(ps_icmp_source(p));
	reply.ip.daddr = ps_address_v4(&p->src);
	reply.ip.check = ps_checksum_fold(bpf_csum_diff(0, 0, (__be32 *)&reply.ip, sizeof(reply.ip), 0));
	return bpf_skb_store_bytes(skb, ETH_HLEN, &reply, len & 0xff, 0);
}

static __noinline long ps_icmp_write_v6(struct __sk_buff *skb, const struct ps_packet *p, __u32 mtu,
					const struct ps_icmp_error *error)
{
	__u32 quoted = ps_icmp_quote_len(p);
	__u32 len = PS_ICMP_HEADER_LEN + quoted;
	__be32 first = bpf_htonl(6U << 28 | PS_ICMP_TOS << 20);
	struct ps_icmp_v6 reply = {};
	__u64 lengths;
	long failed;

	failed = bpf_skb_load_bytes(skb, p->l3, reply.icmp.quote, quoted)
			 ?: bpf_skb_change_tail(skb, ETH_HLEN + sizeof(reply.ip) + len, 0);
	if (failed)
		return failed;
	__builtin_memcpy(&reply.ip, &first, sizeof(first));
	reply.ip.payload_len = bpf_htons(len);
	reply.ip.nexthdr = IPPROTO_ICMPV6;
	reply.ip.hop_limit = PS_ICMP_TTL;
	__builtin_memcpy(&reply.ip.saddr, ps_icmp_source(p), sizeof(reply.ip.saddr));
	__builtin_memcpy(&reply.ip.daddr, &p->src, sizeof(reply.ip.daddr));
	reply.icmp.type = error->v6_type;
	reply.icmp.code = error->v6_code;
	reply.icmp.word = bpf_htonl(mtu);
	/* Over the addresses as well, as one with the message (RFC 8200, 8.1). */
	lengths = (__u64)bpf_htonl(len) + bpf_htonl(IPPROTO_ICMPV6);
	reply.icmp.check = ps_checksum_fold(bpf_csum_diff(0, 0, (__be32 *)&reply.ip.saddr,
							  2 * sizeof(reply.ip.saddr) + sizeof(reply.icmp),
							  (__u32)lengths + (lengths >> 32)));
	return bpf_skb_store_bytes(skb, ETH_HLEN, &reply, (sizeof(reply.ip) + len) & 0xff, 0);
}

static __always_inline long ps_icmp_turn_frame(struct __sk_buff *skb)
{
	__u8 macs[2 * ETH_ALEN], turned[2 * ETH_ALEN];
	long error = bpf_skb_load_bytes(skb, 0, macs, sizeof(macs));

	if (error)
		return error;
	__builtin_memcpy(turned, macs + ETH_ALEN, ETH_ALEN);
	__builtin_memcpy(turned + ETH_ALEN, macs, ETH_ALEN);
	return bpf_skb_store_bytes(skb, 0, turned, sizeof(turned), 0);
}

/*
 * Sends the packet's sender, a pod, an error in the packet's place. The packet itself is lost either way: where no error
 * is owed or a helper refuses, it just drops.
 */
static __noinline void ps_icmp_answer(struct __sk_buff *skb, struct ps_packet *p, const struct ps_config *config,
				      const struct ps_icmp_error *error)
{
	__u32 mtu = error->v4_type == ps_icmp_too_big.v4_type ? p->limit : 0;

	if (!ps_icmp_is_owed(p))
		return;
	if (p->version == 4 ? ps_icmp_write_v4(skb, p, mtu, error) : ps_icmp_write_v6(skb, p, mtu, error))
		return;
	if (ps_icmp_turn_frame(skb))
		return;
	ps_stamp_set(skb, config, PS_STAMP_OPENED);
	p->action = bpf_redirect(skb->ifindex, 0);
}

#endif
