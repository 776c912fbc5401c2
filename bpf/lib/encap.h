/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* The outer headers: put before a packet that is to be sealed, taken off one that was opened. */
#ifndef PODSHIELD_ENCAP_H
#define PODSHIELD_ENCAP_H

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/stddef.h>
#include <linux/udp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "checksum.h"
#include "esp.h"
#include "packet.h"

#define PS_ENCAP_TTL 64
#define PS_ENCAP_PORT_MIN 49152
#define PS_ENCAP_PORT_MASK 0x3fff
#define PS_ENCAP_DONT_FRAGMENT 0x4000
#define PS_ENCAP_LABEL_SHIFT 32 /* bits of the flow hash that are not in the port */
#define PS_ENCAP_LABEL_MASK 0xfffff

struct ps_encap_v4 {
	struct iphdr ip;
	struct udphdr udp;
	struct ps_esp esp;
};

struct ps_encap_v6 {
	struct ipv6hdr ip;
	struct udphdr udp;
	struct ps_esp esp;
};

/* What bpf_skb_change_proto adds or takes away besides changing the family. */
#define PS_ENCAP_FAMILY_STEP ((__s32)(sizeof(struct ipv6hdr) - sizeof(struct iphdr)))

static __always_inline __be16 ps_encap_ethertype(__u8 version)
{
	return version == 4 ? bpf_htons(ETH_P_IP) : bpf_htons(ETH_P_IPV6);
}

static __always_inline long ps_encap_resize(struct __sk_buff *skb, __s32 bytes)
{
	return bpf_skb_adjust_room(skb, bytes, BPF_ADJ_ROOM_MAC, 0);
}

/*
 * Changes the room between frame header and packet by `bytes`, and the packet's family. Before a change to IPv4 and after
 * one to IPv6 the packet is the longer of the two ways, so that no helper cuts into it.
 */
static __always_inline long ps_encap_adjust(struct __sk_buff *skb, __s32 bytes, __u8 from, __u8 to)
{
	__be16 type = ps_encap_ethertype(to);
	long error;

	if (from == to)
		return ps_encap_resize(skb, bytes);
	if (to == 6)
		error = bpf_skb_change_proto(skb, type, 0) ?: ps_encap_resize(skb, bytes - PS_ENCAP_FAMILY_STEP);
	else if (bytes > 0)
		error = ps_encap_resize(skb, bytes + PS_ENCAP_FAMILY_STEP) ?: bpf_skb_change_proto(skb, type, 0);
	else
		error = bpf_skb_change_proto(skb, type, 0) ?: ps_encap_resize(skb, bytes + PS_ENCAP_FAMILY_STEP);
	return error ?: bpf_skb_store_bytes(skb, offsetof(struct ethhdr, h_proto), &type, sizeof(type), 0);
}

static __always_inline void ps_encap_fill_esp(struct ps_esp *esp, const struct ps_packet *p)
{
	esp->spi = bpf_htonl(p->spi);
	esp->sequence = bpf_htonl(p->sequence);
	esp->iv[0] = bpf_htonl(p->sequence >> 32);
	esp->iv[1] = bpf_htonl(p->sequence);
}

static __always_inline void ps_encap_fill_udp(struct udphdr *udp, const struct ps_packet *p, __u16 len)
{
	udp->source = bpf_htons(PS_ENCAP_PORT_MIN + (p->flow & PS_ENCAP_PORT_MASK));
	udp->dest = bpf_htons(p->outer.port);
	udp->len = bpf_htons(len);
	udp->check = 0;
}

/* DSCP and ECN are the inner packet's (RFC 4301, 5.1.2; RFC 6040). The UDP checksum is 0, as RFC 3948 has it. */
static __noinline long ps_encap_write_v4(struct __sk_buff *skb, const struct ps_packet *p)
{
	__u32 len = ps_esp_outer_len(4, p->length);
	struct ps_encap_v4 outer = {};

	outer.ip.version = 4;
	outer.ip.ihl = sizeof(outer.ip) / 4;
	outer.ip.tos = p->tos;
	outer.ip.tot_len = bpf_htons(len);
	outer.ip.frag_off = bpf_htons(PS_ENCAP_DONT_FRAGMENT);
	outer.ip.ttl = PS_ENCAP_TTL;
	outer.ip.protocol = IPPROTO_UDP;
	outer.ip.saddr = ps_address_v4(&p->outer.local);
	outer.ip.daddr = ps_address_v4(&p->outer.remote);
	outer.ip.check = ps_checksum_fold(bpf_csum_diff(0, 0, (__be32 *)&outer.ip, sizeof(outer.ip), 0));
	ps_encap_fill_udp(&outer.udp, p, len - sizeof(outer.ip));
	ps_encap_fill_esp(&outer.esp, p);
	return ps_packet_store(skb, ETH_HLEN, &outer, sizeof(outer));
}

/* The UDP checksum, which IPv6 demands, follows when the ciphertext is there. */
static __noinline long ps_encap_write_v6(struct __sk_buff *skb, const struct ps_packet *p)
{
	__u32 label = p->flow >> PS_ENCAP_LABEL_SHIFT & PS_ENCAP_LABEL_MASK;
	__be32 first = bpf_htonl(6U << 28 | (__u32)p->tos << 20 | label);
	__u32 len = ps_esp_outer_len(6, p->length) - sizeof(struct ipv6hdr);
	struct ps_encap_v6 outer = {};

	__builtin_memcpy(&outer.ip, &first, sizeof(first));
	outer.ip.payload_len = bpf_htons(len);
	outer.ip.nexthdr = IPPROTO_UDP;
	outer.ip.hop_limit = PS_ENCAP_TTL;
	__builtin_memcpy(&outer.ip.saddr, &p->outer.local, sizeof(p->outer.local));
	__builtin_memcpy(&outer.ip.daddr, &p->outer.remote, sizeof(p->outer.remote));
	ps_encap_fill_udp(&outer.udp, p, len);
	ps_encap_fill_esp(&outer.esp, p);
	return ps_packet_store(skb, ETH_HLEN, &outer, sizeof(outer));
}

/* Puts outer headers before the inner packet, which begins right after the frame's header; where the ciphertext is to be
 * goes into `p`. */
static __always_inline long ps_encap_push(struct __sk_buff *skb, struct ps_packet *p)
{
	__u32 len = ps_esp_header_len(p->outer_version);

	p->sealed_at = ETH_HLEN + len;
	p->sealed_len = ps_esp_sealed_len(p->length);
	return ps_encap_adjust(skb, len, p->version, p->outer_version);
}

static __always_inline long ps_encap_write(struct __sk_buff *skb, const struct ps_packet *p)
{
	return p->outer_version == 4 ? ps_encap_write_v4(skb, p) : ps_encap_write_v6(skb, p);
}

/* The UDP checksum over IPv6 (RFC 8200, 8.1), when the rest of the packet is written. */
static __always_inline long ps_encap_finish_v6(struct __sk_buff *skb, const struct ps_packet *p)
{
	__u32 len = ps_esp_outer_len(6, p->length) - sizeof(struct ipv6hdr);
	__u32 pseudo = bpf_csum_diff(0, 0, (__be32 *)&p->outer, 2 * sizeof(struct ps_addr), 0);
	__u64 lengths = (__u64)pseudo + bpf_htonl(len) + bpf_htonl(IPPROTO_UDP);
	__s64 sum = ps_checksum_add(skb, ETH_HLEN + sizeof(struct ipv6hdr), len, (__u32)lengths + (lengths >> 32));
	__u16 check;

	if (sum < 0)
		return sum;
	check = ps_checksum_fold(sum) ?: 0xffff;
	return bpf_skb_store_bytes(skb, ETH_HLEN + offsetof(struct ps_encap_v6, udp.check), &check, sizeof(check), 0);
}

/* Takes off everything around the inner packet, of `len` bytes, that was opened in place. */
static __always_inline long ps_encap_strip(struct __sk_buff *skb, const struct ps_packet *p, __u32 len)
{
	__u8 version = p->next_header == IPPROTO_IPIP ? 4 : 6;
	long error = bpf_skb_change_tail(skb, p->sealed_at + len, 0);

	return error ?: ps_encap_adjust(skb, -(__s32)ps_esp_header_len(p->outer_version), p->outer_version, version);
}

#endif
