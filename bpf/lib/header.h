/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* What forwarding changes in the headers of a packet that is framed, linear and ours alone: it is changed in place. */
#ifndef PODSHIELD_HEADER_H
#define PODSHIELD_HEADER_H

#include <linux/bpf.h>
#include <linux/errno.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/stddef.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "checksum.h"
#include "ecn.h"
#include "packet.h"

/* Two bytes of a header. */
typedef __be16 __attribute__((may_alias)) ps_header_word;

#define PS_HEADER_V4_TTL_WORD (offsetof(struct iphdr, ttl) / sizeof(ps_header_word)) /* with the protocol */
#define PS_HEADER_V4_CHECK_WORD (offsetof(struct iphdr, check) / sizeof(ps_header_word))

/* The `len` first bytes of the IP header behind a frame's, or 0 if they are not within the linear packet. */
static __always_inline ps_header_word *ps_header_begin(const struct __sk_buff *skb, __u32 len)
{
	__u8 *data = (__u8 *)(long)skb->data;

	if (data + ETH_HLEN + len > (__u8 *)(long)skb->data_end)
		return 0;
	return (ps_header_word *)(data + ETH_HLEN);
}

/* Rewrites word `i` of the IPv4 header, of which `mask` become `bits`, and its checksum. */
static __always_inline long ps_header_set_v4(const struct __sk_buff *skb, __u32 i, __u16 mask, __u16 bits)
{
	ps_header_word *header = ps_header_begin(skb, sizeof(struct iphdr));
	__be16 old, new;

	if (!header)
		return -EFAULT;
	old = header[i];
	new = (old & ~bpf_htons(mask)) | bpf_htons(bits);
	header[i] = new;
	header[PS_HEADER_V4_CHECK_WORD] = ps_checksum_replace(header[PS_HEADER_V4_CHECK_WORD], old, new);
	return 0;
}

/* One hop less. The packet has one left at least. */
static __always_inline long ps_header_count_hop(const struct __sk_buff *skb, struct ps_packet *p)
{
	__u8 *header;

	p->ttl--;
	if (p->version == 4)
		return ps_header_set_v4(skb, PS_HEADER_V4_TTL_WORD, 0xff00, p->ttl << 8);
	header = (__u8 *)ps_header_begin(skb, sizeof(struct ipv6hdr));
	if (!header)
		return -EFAULT;
	header[offsetof(struct ipv6hdr, hop_limit)] = p->ttl;
	return 0;
}

static __always_inline long ps_header_set_ecn(const struct __sk_buff *skb, const struct ps_packet *p, __u8 ecn)
{
	ps_header_word *header;

	if ((p->tos & PS_ECN_MASK) == ecn)
		return 0;
	if (p->version == 4)
		return ps_header_set_v4(skb, 0, PS_ECN_MASK, ecn);
	header = ps_header_begin(skb, sizeof(struct ipv6hdr));
	if (!header)
		return -EFAULT;
	/* The traffic class stands between version and flow label. */
	*header = (*header & ~bpf_htons(PS_ECN_MASK << 4)) | bpf_htons((__u16)ecn << 4);
	return 0;
}

/* Addresses the frame to `mac`, from whom it was to until now. */
static __always_inline long ps_header_pass_frame(const struct __sk_buff *skb, const __u8 *mac, __be16 type)
{
	struct ethhdr *frame = (void *)(long)skb->data;

	if ((void *)(frame + 1) > (void *)(long)skb->data_end)
		return -EFAULT;
	__builtin_memcpy(frame->h_source, frame->h_dest, ETH_ALEN);
	__builtin_memcpy(frame->h_dest, mac, ETH_ALEN);
	frame->h_proto = type;
	return 0;
}

#endif
