/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * The packet a program decides about: what its IP header says, and what deciding adds.
 *
 * It lives in a per-CPU map: the cipher leaves little of the stack. One run at a time uses a CPU's entry: the hooks run
 * with bottom halves off, and what a program redirects is taken up only after it has returned. No key ever gets here.
 */
#ifndef PODSHIELD_PACKET_H
#define PODSHIELD_PACKET_H

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "address.h"
#include "maps.h"
#include "words.h"

/* What the programs access themselves lies below; helpers reach the rest. The verifier wants a bound. */
#define PS_PACKET_OFFSET_MASK 0x3fff

enum ps_fragment {
	PS_FRAGMENT_NONE = 0,
	PS_FRAGMENT_FIRST = 1,
	PS_FRAGMENT_LATER = 2, /* carries no transport header */
};

struct ps_packet {
	/* from the header */
	struct ps_addr src;
	struct ps_addr dst;
	__u32 l3;        /* offset of the IP header */
	__u32 transport; /* offset of the transport header */
	__u32 length;    /* of the IP packet */
	__u16 src_port;  /* ports: of TCP and UDP, else 0 */
	__u16 dst_port;
	__u8 version;
	__u8 protocol; /* of the transport */
	__u8 tos;
	__u8 ttl;
	__u8 fragment;
	__u8 icmp_type; /* of ICMP and ICMPv6 */
	__u8 pad0[2];
	/* from deciding */
	__u32 hook;
	__u32 ifindex;
	__u32 peer;
	__u32 src_identity;
	__u32 dst_identity;
	__u32 spi;
	__u32 slot;
	__u32 error;  /* errno of the helper that failed */
	__u32 action; /* of TC, where it is not the reason's own; 0 else */
	__u32 reason;
	__u64 sequence;
	/* around it */
	struct ps_peer outer;
	__u8 outer_version;
	__u8 outer_tos;
	__u8 next_header; /* of ESP */
	__u8 pad1;
	__u32 sealed_at;  /* offset of the ciphertext */
	__u32 sealed_len; /* of it, without the tag */
	__u32 out_ifindex;
	struct bpf_redir_neigh neighbour;
	__u32 limit; /* largest inner packet that fits */
	__u64 flow;  /* keyed hash */
	__u64 sequence_limit;
	__u64 boot_ns; /* when its SA was looked for */
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct ps_packet);
} ps_packets SEC(".maps");

static __always_inline struct ps_packet *ps_packet_begin(const struct __sk_buff *skb, enum ps_hook hook)
{
	__u32 only = 0;
	struct ps_packet *p = bpf_map_lookup_elem(&ps_packets, &only);

	if (!p)
		return 0;
	__builtin_memset(p, 0, sizeof(*p));
	p->hook = hook;
	p->ifindex = skb->ifindex;
	p->length = skb->len;
	return p;
}

/* What is to become of a packet when a helper has refused. */
static __always_inline enum ps_reason ps_packet_failed(struct ps_packet *p, long error)
{
	p->error = -error;
	return PS_R_HELPER_FAILED;
}

/*
 * Whether a frame's header stands before the packet: an uplink may be a device that has none. Counted from the network
 * header, which we cannot see, the byte a frame header's length before the end of the linear part is beyond that end
 * exactly when there is one.
 */
static __always_inline int ps_packet_is_framed(struct __sk_buff *skb)
{
	long linear = (long)skb->data_end - (long)skb->data;
	__u8 byte;

	return linear >= ETH_HLEN &&
	       bpf_skb_load_bytes_relative(skb, linear - ETH_HLEN, &byte, sizeof(byte), BPF_HDR_START_NET) != 0;
}

/* Where the packet begins: behind a frame's header, or at once on a device that has none. */
static __always_inline __u32 ps_packet_l3(struct __sk_buff *skb)
{
	return ps_packet_is_framed(skb) ? ETH_HLEN : 0;
}

/* Gives a packet that has no frame room for one: what changes its outer headers expects that, and other devices need it. */
static __always_inline long ps_packet_add_frame(struct __sk_buff *skb, struct ps_packet *p)
{
	long error = p->l3 ? 0 : bpf_skb_change_head(skb, ETH_HLEN, 0);

	if (error || p->l3)
		return error;
	p->l3 += ETH_HLEN;
	p->transport += ETH_HLEN;
	p->sealed_at += ETH_HLEN;
	return 0;
}

/* The `len` bytes at `offset`, or 0 if they are not within the linear part. */
static __always_inline __u8 *ps_packet_at(const struct __sk_buff *skb, __u32 offset, __u32 len)
{
	__u8 *data;

	PS_WORD_PIN(offset);
	if (offset != (offset & PS_PACKET_OFFSET_MASK))
		return 0;
	data = (__u8 *)(long)skb->data + (offset & PS_PACKET_OFFSET_MASK);
	/* One register for the check and the accesses: the verifier does not relate two sums. */
	asm volatile("" : "+r"(data));
	return data + len > (__u8 *)(long)skb->data_end ? 0 : data;
}

/* Is bpf_skb_load_bytes, without the call where the bytes are at hand. `len`, a constant, is in whole words. */
static __always_inline long ps_packet_load(const struct __sk_buff *skb, __u32 offset, void *to, __u32 len)
{
	const __u8 *data = ps_packet_at(skb, offset, len);

	if (!data)
		return bpf_skb_load_bytes(skb, offset, to, len);
#pragma clang loop unroll(full)
	for (__u32 i = 0; i < len; i += sizeof(ps_word))
		*(ps_word *)((__u8 *)to + i) = *(const ps_word *)(data + i);
	return 0;
}

/* Is bpf_skb_store_bytes likewise, for a packet that is our own. */
static __always_inline long ps_packet_store(struct __sk_buff *skb, __u32 offset, const void *from, __u32 len)
{
	__u8 *data = ps_packet_at(skb, offset, len);

	if (!data)
		return bpf_skb_store_bytes(skb, offset, from, len, 0);
#pragma clang loop unroll(full)
	for (__u32 i = 0; i < len; i += sizeof(ps_word))
		*(ps_word *)(data + i) = *(const ps_word *)((const __u8 *)from + i);
	return 0;
}

static __always_inline enum ps_reason ps_packet_parse_v4(struct __sk_buff *skb, struct ps_packet *p)
{
	struct iphdr ip;
	__u32 header_len, fragment;

	if (ps_packet_load(skb, p->l3, &ip, sizeof(ip)))
		return PS_R_MALFORMED;
	header_len = 4 * ip.ihl;
	p->length = bpf_ntohs(ip.tot_len);
	if (ip.version != 4 || header_len < sizeof(ip) || p->length < header_len || p->length > skb->len - p->l3)
		return PS_R_MALFORMED;
	fragment = bpf_ntohs(ip.frag_off);
	p->version = 4;
	p->transport = p->l3 + header_len;
	p->protocol = ip.protocol;
	p->tos = ip.tos;
	p->ttl = ip.ttl;
	p->fragment = fragment & 0x1fff ? PS_FRAGMENT_LATER : fragment & 0x2000 ? PS_FRAGMENT_FIRST : PS_FRAGMENT_NONE;
	ps_address_set_v4(&p->src, ip.saddr);
	ps_address_set_v4(&p->dst, ip.daddr);
	return PS_R_NONE;
}

#define PS_PACKET_EXTENSIONS 6 /* extension headers of IPv6 that are looked through */

struct ps_extension {
	__u8 next;
	__u8 len; /* in units of 8 bytes, the first not counted */
	__u16 offset_be;
};

/*
 * Finds the transport header. A routing header is refused: the destination we decide by would not be the last. So is a
 * first fragment that ends before its transport header (RFC 7112).
 */
static __always_inline enum ps_reason ps_packet_skip_extensions(struct __sk_buff *skb, struct ps_packet *p)
{
	for (int i = 0; i <= PS_PACKET_EXTENSIONS; i++) {
		__u8 kind = p->protocol;
		struct ps_extension extension;

		if (kind == IPPROTO_ROUTING)
			return PS_R_UNSUPPORTED;
		if (kind != IPPROTO_HOPOPTS && kind != IPPROTO_DSTOPTS && kind != IPPROTO_FRAGMENT)
			return PS_R_NONE;
		if (p->transport + 8 > p->l3 + p->length ||
		    bpf_skb_load_bytes(skb, p->transport, &extension, sizeof(extension)))
			return PS_R_MALFORMED;
		p->protocol = extension.next;
		if (kind != IPPROTO_FRAGMENT) {
			p->transport += 8 * (extension.len + 1);
			continue;
		}
		p->transport += 8;
		if (extension.offset_be & bpf_htons(0xfff8)) {
			p->fragment = PS_FRAGMENT_LATER;
			return PS_R_NONE;
		}
		if (extension.offset_be & bpf_htons(1))
			p->fragment = PS_FRAGMENT_FIRST;
	}
	return PS_R_UNSUPPORTED;
}

static __always_inline enum ps_reason ps_packet_parse_v6(struct __sk_buff *skb, struct ps_packet *p)
{
	struct ipv6hdr ip;

	if (ps_packet_load(skb, p->l3, &ip, sizeof(ip)))
		return PS_R_MALFORMED;
	p->length = sizeof(ip) + bpf_ntohs(ip.payload_len);
	if (ip.version != 6 || p->length > skb->len - p->l3)
		return PS_R_MALFORMED;
	p->version = 6;
	p->transport = p->l3 + sizeof(ip);
	p->protocol = ip.nexthdr;
	p->tos = ip.priority << 4 | ip.flow_lbl[0] >> 4;
	p->ttl = ip.hop_limit;
	__builtin_memcpy(&p->src, &ip.saddr, sizeof(p->src));
	__builtin_memcpy(&p->dst, &ip.daddr, sizeof(p->dst));
	/* Would be taken for IPv4 in our maps, and has no business on a wire. */
	if (ps_address_is_v4(&p->src) || ps_address_is_v4(&p->dst))
		return PS_R_MALFORMED;
	return ps_packet_skip_extensions(skb, p);
}

static __always_inline enum ps_reason ps_packet_parse_transport(struct __sk_buff *skb, struct ps_packet *p)
{
	__u32 end = p->l3 + p->length;
	__u16 ports[2];

	if (p->fragment == PS_FRAGMENT_LATER)
		return PS_R_NONE;
	switch (p->protocol) {
	case IPPROTO_TCP:
	case IPPROTO_UDP:
		if (p->transport + 8 > end || ps_packet_load(skb, p->transport, ports, sizeof(ports)))
			return p->fragment ? PS_R_FRAGMENT : PS_R_MALFORMED;
		p->src_port = bpf_ntohs(ports[0]);
		p->dst_port = bpf_ntohs(ports[1]);
		return PS_R_NONE;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		if (p->transport + 4 > end ||
		    bpf_skb_load_bytes(skb, p->transport, &p->icmp_type, sizeof(p->icmp_type)))
			return p->fragment ? PS_R_FRAGMENT : PS_R_MALFORMED;
		return PS_R_NONE;
	default:
		return p->transport > end ? PS_R_MALFORMED : PS_R_NONE;
	}
}

/* Reads the IP packet at offset `l3`, whose family is that of skb->protocol. PS_R_NONE, or why it is none of ours. */
static __noinline enum ps_reason ps_packet_parse(struct __sk_buff *skb, struct ps_packet *p, __u32 l3)
{
	enum ps_reason reason;

	p->l3 = l3;
	p->transport = p->src_port = p->dst_port = 0;
	p->fragment = p->icmp_type = 0;
	if (skb->protocol == bpf_htons(ETH_P_IP))
		reason = ps_packet_parse_v4(skb, p);
	else if (skb->protocol == bpf_htons(ETH_P_IPV6))
		reason = ps_packet_parse_v6(skb, p);
	else
		reason = PS_R_UNSUPPORTED;
	return reason ? reason : ps_packet_parse_transport(skb, p);
}

static __always_inline int ps_packet_is_ip(const struct __sk_buff *skb)
{
	return skb->protocol == bpf_htons(ETH_P_IP) || skb->protocol == bpf_htons(ETH_P_IPV6);
}

#endif
