// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/*
 * The helpers for packets. Bytes beyond the linear part are there, but poisoned for direct access where the address
 * sanitizer is at work; helpers reach them as the kernel's do.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/ipv6.h>

#include "native.h"

#if defined(__SANITIZE_ADDRESS__)
#define PS_NATIVE_POISONS 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define PS_NATIVE_POISONS 1
#endif
#endif

#ifdef PS_NATIVE_POISONS
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(at, len) ((void)(at), (void)(len))
#define ASAN_UNPOISON_MEMORY_REGION(at, len) ((void)(at), (void)(len))
#endif

#define PACKET_MAX 16064 /* SKB_MAX_ALLOC */
#define ENOTSUPP 524     /* of the kernel alone */
#define ROOM_MAX 0xfff
#define CSUM_DIFF_MAX 512
#define FAMILY_STEP (sizeof(struct ipv6hdr) - sizeof(struct iphdr))

static unsigned char *bytes_of(const struct __sk_buff *skb)
{
	return (unsigned char *)skb->data;
}

static __u32 linear_of(const struct __sk_buff *skb)
{
	return skb->data_end - skb->data;
}

static int outside(const struct __sk_buff *skb, __u32 offset, __u32 len)
{
	return offset > skb->len || len > skb->len - offset;
}

/* ---- memory ---- */

static void set_linear(struct __sk_buff *skb, __u32 linear)
{
	skb->data_end = skb->data + linear;
	ASAN_UNPOISON_MEMORY_REGION(bytes_of(skb), skb->len);
	ASAN_POISON_MEMORY_REGION(bytes_of(skb) + linear, skb->len - linear);
}

/* Puts a packet of `len` bytes in place of the present one: its first `keep` bytes, `gap` zeros, then the rest of it. */
static int rebuild(struct __sk_buff *skb, __u32 keep, __u32 gap, __u32 skip, __u32 len)
{
	__u32 rest = skb->len - keep - skip;
	unsigned char *to = calloc(1, len ? len : 1), *from = bytes_of(skb);

	if (!to)
		return -ENOMEM;
	if (rest > len - keep - gap)
		rest = len - keep - gap;
	if (from) {
		set_linear(skb, skb->len);
		memcpy(to, from, keep);
		memcpy(to + keep + gap, from + keep + skip, rest);
	}
	if (skb->moved)
		skb->moved(from);
	skb->moved = free;
	skb->data = (long)to;
	skb->len = len;
	set_linear(skb, len);
	return 0;
}

void ps_native_packet_make(struct __sk_buff *skb, const void *bytes, __u32 len, __u32 linear, int framed)
{
	__be16 type;

	memset(skb, 0, sizeof(*skb));
	skb->network = framed ? ETH_HLEN : 0;
	skb->data = (long)malloc(len ? len : 1);
	skb->moved = free;
	if (!skb->data)
		abort();
	skb->len = len;
	memcpy(bytes_of(skb), bytes, len);
	if (framed && len >= ETH_HLEN) {
		memcpy(&type, bytes_of(skb) + ETH_HLEN - sizeof(type), sizeof(type));
		skb->protocol = type;
	}
	set_linear(skb, linear < len ? linear : len);
}

void ps_native_packet_free(struct __sk_buff *skb)
{
	set_linear(skb, skb->len);
	if (skb->moved)
		skb->moved(bytes_of(skb));
	skb->data = skb->data_end = 0;
}

/* ---- reading and writing ---- */

static void copy_out(const struct __sk_buff *skb, __u32 offset, void *to, __u32 len)
{
	__u32 linear = linear_of(skb);

	ASAN_UNPOISON_MEMORY_REGION(bytes_of(skb), skb->len);
	memcpy(to, bytes_of(skb) + offset, len);
	ASAN_POISON_MEMORY_REGION(bytes_of(skb) + linear, skb->len - linear);
}

long bpf_skb_load_bytes(const struct __sk_buff *skb, __u32 offset, void *to, __u32 len)
{
	if (offset > INT_MAX || outside(skb, offset, len)) {
		memset(to, 0, len);
		return -EFAULT;
	}
	copy_out(skb, offset, to, len);
	return 0;
}

/* Within the linear part only. */
long bpf_skb_load_bytes_relative(const struct __sk_buff *skb, __u32 offset, void *to, __u32 len, __u32 start)
{
	__u32 at = start == BPF_HDR_START_NET ? skb->network : 0;

	if (offset > 0xffff || at + offset > linear_of(skb) || len > linear_of(skb) - at - offset) {
		memset(to, 0, len);
		return -EFAULT;
	}
	memcpy(to, bytes_of(skb) + at + offset, len);
	return 0;
}

/* The kernel pulls what is to be written into the linear part. */
static int make_writable(struct __sk_buff *skb, __u32 len)
{
	if (len > skb->len || ps_native_failure())
		return -EFAULT;
	if (len > linear_of(skb))
		set_linear(skb, len);
	return 0;
}

long bpf_skb_store_bytes(struct __sk_buff *skb, __u32 offset, const void *from, __u32 len, __u64 flags)
{
	if (flags & ~(__u64)(BPF_F_RECOMPUTE_CSUM | BPF_F_INVALIDATE_HASH))
		return -EINVAL;
	if (offset > INT_MAX || outside(skb, offset, len) || make_writable(skb, offset + len))
		return -EFAULT;
	memcpy(bytes_of(skb) + offset, from, len);
	return 0;
}

/* ---- changing the size ---- */

/* A failure of one of these leaves the packet linear or as it was; it never leaves it half changed. */
long bpf_skb_change_tail(struct __sk_buff *skb, __u32 len, __u64 flags)
{
	int error;

	if (flags || len > PACKET_MAX || len < skb->network)
		return -EINVAL;
	error = ps_native_failure();
	if (error)
		return error;
	if (len > skb->len)
		skb->summed = 0;
	return rebuild(skb, len < skb->len ? len : skb->len, 0, 0, len);
}

/* Before everything there is: the network header is then so much further on. */
long bpf_skb_change_head(struct __sk_buff *skb, __u32 len, __u64 flags)
{
	int error;

	if (flags || len > PACKET_MAX || skb->len + len > PACKET_MAX)
		return -EINVAL;
	error = ps_native_failure();
	if (error)
		return error;
	error = rebuild(skb, 0, len, 0, skb->len + len);
	if (!error)
		skb->network += len;
	return error;
}

static long insert(struct __sk_buff *skb, __u32 len)
{
	return rebuild(skb, skb->network, len, 0, skb->len + len);
}

static long cut(struct __sk_buff *skb, __u32 len)
{
	if (skb->network + len > skb->len)
		return -ENOMEM;
	return rebuild(skb, skb->network, 0, len, skb->len - len);
}

long bpf_skb_change_proto(struct __sk_buff *skb, __be16 protocol, __u64 flags)
{
	__be16 from = skb->protocol;
	long error;

	if (flags)
		return -EINVAL;
	error = ps_native_failure();
	if (error)
		return error;
	if (from == htons(ETH_P_IP) && protocol == htons(ETH_P_IPV6))
		error = insert(skb, FAMILY_STEP);
	else if (from == htons(ETH_P_IPV6) && protocol == htons(ETH_P_IP))
		error = cut(skb, FAMILY_STEP);
	else
		return -ENOTSUPP;
	if (!error)
		skb->protocol = protocol;
	return error;
}

static __u32 base_len(const struct __sk_buff *skb)
{
	return skb->protocol == htons(ETH_P_IP) ? sizeof(struct iphdr) : sizeof(struct ipv6hdr);
}

long bpf_skb_adjust_room(struct __sk_buff *skb, __s32 difference, __u32 mode, __u64 flags)
{
	__u32 step = difference < 0 ? -(__u32)difference : (__u32)difference;
	__u32 present = skb->len - skb->network;
	int error;

	if (flags || mode != BPF_ADJ_ROOM_MAC)
		return -EINVAL;
	if (step > ROOM_MAX)
		return -EFAULT;
	if (skb->protocol != htons(ETH_P_IP) && skb->protocol != htons(ETH_P_IPV6))
		return -ENOTSUPP;
	if (difference < 0 ? step >= present || present - step < base_len(skb) : skb->len + step > PACKET_MAX)
		return -ENOTSUPP;
	error = ps_native_failure();
	if (error)
		return error;
	return difference < 0 ? cut(skb, step) : insert(skb, step);
}

/* ---- checksums ---- */

static __u32 add(__u64 sum, const void *bytes, __u32 len, __u16 flip)
{
	for (__u32 i = 0; i < len; i += sizeof(__u16)) {
		__u16 word;

		memcpy(&word, (const char *)bytes + i, sizeof(word));
		sum += (__u16)(word ^ flip);
	}
	while (sum >> 32)
		sum = (__u32)sum + (sum >> 32);
	return sum;
}

__s64 bpf_csum_diff(__be32 *from, __u32 from_size, __be32 *to, __u32 to_size, __u32 seed)
{
	if ((from_size | to_size) % 4 || from_size + to_size > CSUM_DIFF_MAX)
		return -EINVAL;
	return add(add(seed, from, from_size, 0xffff), to, to_size, 0);
}

__s64 bpf_csum_update(struct __sk_buff *skb, __u32 sum)
{
	return skb->summed ? (__s64)sum : -ENOTSUPP;
}

/* Of two bytes, and not of a pseudo header. */
long bpf_l4_csum_replace(struct __sk_buff *skb, __u32 offset, __u64 from, __u64 to, __u64 flags)
{
	__u16 sum;
	__u32 next;

	if (flags != sizeof(sum))
		return -EINVAL;
	if (offset > 0xffff || offset & 1 || make_writable(skb, offset + sizeof(sum)))
		return -EFAULT;
	if (skb->unfinished)
		return 0;
	memcpy(&sum, bytes_of(skb) + offset, sizeof(sum));
	next = (__u16)~sum + (__u16)~from + (__u16)to;
	next = (next & 0xffff) + (next >> 16);
	sum = ~(__u16)((next & 0xffff) + (next >> 16));
	memcpy(bytes_of(skb) + offset, &sum, sizeof(sum));
	return 0;
}
