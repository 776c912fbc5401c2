/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* Stand-in for <bpf/bpf_helpers.h>: the helpers that code of bpf/ under native test calls, with the kernel's semantics. */
#ifndef PODSHIELD_NATIVE_BPF_HELPERS_H
#define PODSHIELD_NATIVE_BPF_HELPERS_H

#include <stddef.h>

#include <linux/bpf.h>

#define SEC(name)
#define __uint(name, value) int(*name)[value]
#define __type(name, value) value *name
#define __noinline __attribute__((noinline))
/* Of BPF's relocations; nothing is to be said to other compilers. */
#define preserve_access_index

/* ---- packets (packet.c) ---- */

long bpf_skb_load_bytes(const struct __sk_buff *skb, __u32 offset, void *to, __u32 len);
long bpf_skb_load_bytes_relative(const struct __sk_buff *skb, __u32 offset, void *to, __u32 len, __u32 start);
long bpf_skb_store_bytes(struct __sk_buff *skb, __u32 offset, const void *from, __u32 len, __u64 flags);
long bpf_skb_change_head(struct __sk_buff *skb, __u32 len, __u64 flags);
long bpf_skb_change_tail(struct __sk_buff *skb, __u32 len, __u64 flags);
long bpf_skb_change_proto(struct __sk_buff *skb, __be16 protocol, __u64 flags);
long bpf_skb_adjust_room(struct __sk_buff *skb, __s32 difference, __u32 mode, __u64 flags);
__s64 bpf_csum_diff(__be32 *from, __u32 from_size, __be32 *to, __u32 to_size, __u32 seed);
__s64 bpf_csum_update(struct __sk_buff *skb, __u32 sum);
long bpf_l4_csum_replace(struct __sk_buff *skb, __u32 offset, __u64 from, __u64 to, __u64 flags);

/* ---- maps (maps.c) ---- */

/* libbpf has functions of the helpers' names. The map's own members say what it is, as they tell libbpf. */
#define bpf_map_lookup_elem(map, key) ps_native_map_lookup(&PS_NATIVE_MAP(map), key)
#define bpf_map_update_elem(map, key, value, flags) ps_native_map_update(&PS_NATIVE_MAP(map), key, value, flags)
#define PS_NATIVE_MAP(map)                                                                                 \
	(const struct ps_native_map)                                                                       \
	{                                                                                                  \
		.at = (map), .type = sizeof(*(map)->type) / sizeof(int),                                   \
		.max_entries = sizeof(*(map)->max_entries) / sizeof(int), .key_size = sizeof(*(map)->key), \
		.value_size = sizeof(*(map)->value)                                                        \
	}

struct ps_native_map {
	const void *at;
	__u32 type;
	__u32 max_entries;
	__u32 key_size;
	__u32 value_size;
};

void *ps_native_map_lookup(const struct ps_native_map *map, const void *key);
long ps_native_map_update(const struct ps_native_map *map, const void *key, const void *value, __u64 flags);
void *bpf_ringbuf_reserve(void *ring, __u64 size, __u64 flags);
void bpf_ringbuf_submit(void *record, __u64 flags);

/* ---- the rest of the kernel (kernel.c) ---- */

long bpf_loop(__u32 turns, long (*turn)(__u32, void *), void *context, __u64 flags);
__u64 bpf_ktime_get_boot_ns(void);
long bpf_spin_lock(struct bpf_spin_lock *lock);
long bpf_spin_unlock(struct bpf_spin_lock *lock);
long bpf_fib_lookup(void *context, struct bpf_fib_lookup *fib, int size, __u32 flags);
long bpf_redirect(__u32 ifindex, __u64 flags);
long bpf_redirect_peer(__u32 ifindex, __u64 flags);
long bpf_redirect_neigh(__u32 ifindex, struct bpf_redir_neigh *neighbour, int size, __u64 flags);

#endif
