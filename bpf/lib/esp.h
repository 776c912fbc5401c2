/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* ESP (RFC 4303) in UDP (RFC 3948): lengths, header, trailer, and the cipher between them (RFC 7634). */
#ifndef PODSHIELD_ESP_H
#define PODSHIELD_ESP_H

#include <linux/bpf.h>
#include <linux/errno.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/udp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "aead.h"
#include "packet.h"

struct ps_esp {
	__be32 spi;
	__be32 sequence;
	__be32 iv[2];
};

struct ps_esp_trailer {
	__u8 pad_len;
	__u8 next_header;
};

#define PS_ESP_ALIGN 4
#define PS_ESP_TAG_LEN 16
#define PS_ESP_SEQUENCE_MAX 0xffffffffULL
/* The least that can follow an ESP header and IV: an IPv4 header, its padding and trailer. */
#define PS_ESP_SEALED_MIN 24

/* Bytes between the outer packet's begin and the ciphertext. */
static __always_inline __u32 ps_esp_header_len(__u8 outer_version)
{
	return (outer_version == 4 ? sizeof(struct iphdr) : sizeof(struct ipv6hdr)) + sizeof(struct udphdr) +
	       sizeof(struct ps_esp);
}

/* Bytes of padding, so that the trailer ends a word. */
static __always_inline __u32 ps_esp_pad_len(__u32 inner_len)
{
	return -(inner_len + sizeof(struct ps_esp_trailer)) % PS_ESP_ALIGN;
}

static __always_inline __u32 ps_esp_sealed_len(__u32 inner_len)
{
	return inner_len + ps_esp_pad_len(inner_len) + sizeof(struct ps_esp_trailer);
}

static __always_inline __u32 ps_esp_outer_len(__u8 outer_version, __u32 inner_len)
{
	return ps_esp_header_len(outer_version) + ps_esp_sealed_len(inner_len) + PS_ESP_TAG_LEN;
}

/* The largest inner packet whose outer one is within `mtu`; 0 where nothing is. */
static __always_inline __u32 ps_esp_inner_max(__u8 outer_version, __u32 mtu)
{
	__u32 fixed = ps_esp_header_len(outer_version) + PS_ESP_TAG_LEN;

	if (mtu > PS_PACKET_MAX)
		mtu = PS_PACKET_MAX;
	if (mtu < fixed + PS_ESP_SEALED_MIN)
		return 0;
	return ((mtu - fixed) & ~(PS_ESP_ALIGN - 1)) - sizeof(struct ps_esp_trailer);
}

/* Makes the packet as long as it will be and writes padding 1, 2, 3 and the trailer (RFC 4303, 2.4 to 2.6). */
static __always_inline long ps_esp_append_trailer(struct __sk_buff *skb, const struct ps_packet *p)
{
	__u32 pad = ps_esp_pad_len(p->length) & (PS_ESP_ALIGN - 1);
	__u8 next_header = p->version == 4 ? IPPROTO_IPIP : IPPROTO_IPV6;
	__u64 trailer =
		(0x030201 & ((1ULL << 8 * pad) - 1)) | (__u64)pad << 8 * pad | (__u64)next_header << 8 * (pad + 1);
	__u32 end = p->l3 + p->length;
	long error;

	error = bpf_skb_change_tail(skb, end + pad + sizeof(struct ps_esp_trailer) + PS_ESP_TAG_LEN, 0);
	if (error)
		return error;
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	trailer = __builtin_bswap64(trailer);
#endif
	/* What this writes behind the trailer is the tag's place. */
	return ps_packet_store(skb, end, &trailer, sizeof(trailer));
}

/* Seals what p->sealed_at and p->sealed_len say with the SA of p->slot; the tag goes behind. */
static __noinline int ps_esp_seal(struct __sk_buff *skb, struct ps_packet *p)
{
	__u32 slot = p->slot;
	const struct ps_sa_out *sa = bpf_map_lookup_elem(&ps_sa_out, &slot);

	if (!sa)
		return -ENOENT;
	return ps_aead_seal(skb, sa->key, sa->salt, p->spi, p->sequence, p->sealed_at, p->sealed_len);
}

/* Opens likewise. The IV is the sender's choice: other implementations do not use the sequence number. */
static __noinline int ps_esp_open(struct __sk_buff *skb, struct ps_packet *p)
{
	__u32 slot = p->slot;
	const struct ps_sa_in *sa = bpf_map_lookup_elem(&ps_sa_in, &slot);
	__be64 iv;
	struct ps_aead a;

	if (!sa)
		return -ENOENT;
	if (ps_packet_load(skb, p->sealed_at - sizeof(iv), &iv, sizeof(iv)))
		return -EFAULT;
	ps_aead_prepare(&a, skb, sa->key, sa->salt, p->spi, bpf_be64_to_cpu(iv), p->sealed_at, p->sealed_len);
	a.aad[1] = bpf_htonl(p->sequence);
	return ps_aead_open_prepared(&a);
}

/* The end of what was sealed: all the padding that a sender needs stands here. */
struct ps_esp_end {
	__u8 padding[6];
	struct ps_esp_trailer trailer;
};

/* Whether as much of the padding as stands there is part of 1, 2, 3 and so on (RFC 4303, 2.4). */
static __always_inline int ps_esp_check_last_pads(const struct ps_esp_end *end)
{
#pragma clang loop unroll(full)
	for (__u32 i = 0; i < sizeof(end->padding); i++) {
		__u32 behind = sizeof(end->padding) - 1 - i;

		if (end->trailer.pad_len > behind && end->padding[i] != end->trailer.pad_len - behind)
			return 0;
	}
	return 1;
}

/* A walk through what a sender put before that, to hide the length. */
struct ps_esp_padding {
	struct __sk_buff *skb;
	__u32 at;
	__u32 valid;
};

static long ps_esp_check_pad(__u32 i, void *context)
{
	struct ps_esp_padding *padding = context;
	__u8 byte;

	padding->valid =
		!bpf_skb_load_bytes(padding->skb, padding->at + i, &byte, sizeof(byte)) && byte == (__u8)(i + 1);
	return !padding->valid;
}

static __always_inline int ps_esp_check_first_pads(struct __sk_buff *skb, __u32 end, __u32 count)
{
	struct ps_esp_padding padding = { .skb = skb, .at = end - count, .valid = 1 };

	bpf_loop(count, ps_esp_check_pad, &padding, 0);
	return padding.valid;
}

/*
 * Bytes of the inner packet in what was opened; p->next_header says of which kind. 0 when padding and trailer are not as
 * RFC 4303, 2.4 says, or the packet is none that we carry.
 */
static __noinline __u32 ps_esp_check_trailer(struct __sk_buff *skb, struct ps_packet *p)
{
	struct ps_esp_end end;
	__u32 at = p->sealed_at + p->sealed_len - sizeof(end);
	__u32 pads, least, len = p->sealed_len - sizeof(end.trailer);

	if (ps_packet_load(skb, at, &end, sizeof(end)))
		return 0;
	pads = end.trailer.pad_len;
	if (end.trailer.next_header == IPPROTO_IPIP)
		least = sizeof(struct iphdr);
	else if (end.trailer.next_header == IPPROTO_IPV6)
		least = sizeof(struct ipv6hdr);
	else
		return 0;
	p->next_header = end.trailer.next_header;
	if (len < least + pads || !ps_esp_check_last_pads(&end))
		return 0;
	if (pads > sizeof(end.padding) && !ps_esp_check_first_pads(skb, at, pads - sizeof(end.padding)))
		return 0;
	return len - pads;
}

#endif
