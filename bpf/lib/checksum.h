/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* The Internet checksum (RFC 1071): over part of a packet, and changed along with a field (RFC 1624). */
#ifndef PODSHIELD_CHECKSUM_H
#define PODSHIELD_CHECKSUM_H

#include <linux/bpf.h>
#include <linux/errno.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "../abi/podshield_abi.h"
#include "words.h"

#define PS_CHECKSUM_CHUNK 256 /* a power of two */
#define PS_CHECKSUM_OFFSET_MASK 0x3fff

static __always_inline __u16 ps_checksum_fold(__u32 sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}

/* The checksum after a 16-bit field it covers has changed; all three as they lie in memory. */
static __always_inline __u16 ps_checksum_replace(__u16 check, __u16 from, __u16 to)
{
	return ps_checksum_fold((__u16)~check + (__u16)~from + to);
}

/* Adds PS_CHECKSUM_CHUNK bytes at `offset` of the linear packet. Negative when they are not all there. */
static __always_inline __s64 ps_checksum_chunk(struct __sk_buff *skb, __u32 offset, __u32 sum)
{
	__u8 *data;

	PS_WORD_PIN(offset);
	offset &= PS_CHECKSUM_OFFSET_MASK;
	data = (__u8 *)(long)skb->data + offset;
	asm volatile("" : "+r"(data));
	if (data + PS_CHECKSUM_CHUNK > (__u8 *)(long)skb->data_end)
		return -EFAULT;
	return bpf_csum_diff(0, 0, (__be32 *)data, PS_CHECKSUM_CHUNK, sum);
}

/* Adds the last bytes, fewer than a chunk: in a copy, since the verifier wants sizes it knows. */
static __always_inline __s64 ps_checksum_rest(struct __sk_buff *skb, __u32 offset, __u32 len, __u32 sum)
{
	__u8 rest[PS_CHECKSUM_CHUNK] = {};

	if (!len)
		return sum;
	len--;
	PS_WORD_PIN(len);
	len = (len & (PS_CHECKSUM_CHUNK - 1)) + 1;
	if (bpf_skb_load_bytes(skb, offset, rest, len))
		return -EFAULT;
	return bpf_csum_diff(0, 0, (__be32 *)rest, sizeof(rest), sum);
}

/*
 * Adds `len` bytes, at most PS_PACKET_MAX, at the even `offset` of the linear packet to `sum`. The sum, to be folded, or
 * negative when the packet is shorter.
 */
static __noinline __s64 ps_checksum_add(struct __sk_buff *skb, __u32 offset, __u32 len, __u32 sum)
{
	__s64 result = sum;

	for (int i = 0; i < PS_PACKET_MAX / PS_CHECKSUM_CHUNK && len >= PS_CHECKSUM_CHUNK; i++) {
		result = ps_checksum_chunk(skb, offset, result);
		if (result < 0)
			return result;
		offset += PS_CHECKSUM_CHUNK;
		len -= PS_CHECKSUM_CHUNK;
	}
	return ps_checksum_rest(skb, offset, len, result);
}

static __always_inline __u16 *ps_checksum_first_bytes(const struct __sk_buff *skb)
{
	__u16 *bytes = (__u16 *)(long)skb->data;

	return (void *)(bytes + 1) > (void *)(long)skb->data_end ? 0 : bytes;
}

/*
 * Whether the sender left the transport checksum to its device, which a sealed packet never meets.
 *
 * The kernel does not show that state to programs, but this helper obeys it: it leaves such a packet's checksum alone. So
 * it is asked to change two bytes that are no checksum, which are then put back.
 */
static __always_inline int ps_checksum_is_unfinished(struct __sk_buff *skb)
{
	__u16 *bytes = ps_checksum_first_bytes(skb);
	__u16 before;

	if (!bytes)
		return 1;
	before = *bytes;
	if (bpf_l4_csum_replace(skb, 0, 0, 1, 2))
		return 1;
	bytes = ps_checksum_first_bytes(skb);
	if (!bytes || *bytes == before)
		return 1;
	*bytes = before;
	return 0;
}

/*
 * Makes the kernel forget a sum that a device took of the whole packet: what we change in place is not in it. Growing
 * does that, and nothing else here does.
 */
static __always_inline long ps_checksum_forget(struct __sk_buff *skb)
{
	if (bpf_csum_update(skb, 0) < 0)
		return 0;
	return bpf_skb_change_tail(skb, skb->len + 1, 0);
}

#endif
