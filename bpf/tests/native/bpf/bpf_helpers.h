/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* Stand-in for <bpf/bpf_helpers.h>: the helpers that code of bpf/ under native test calls, with the kernel's semantics. */
#ifndef PODSHIELD_NATIVE_BPF_HELPERS_H
#define PODSHIELD_NATIVE_BPF_HELPERS_H

#include <linux/bpf.h>

#define SEC(name)
#define __uint(name, value) int(*name)[value]
#define __type(name, value) value *name

long bpf_loop(__u32 turns, long (*turn)(__u32, void *), void *context, __u64 flags);
long bpf_skb_load_bytes(const struct __sk_buff *skb, __u32 offset, void *to, __u32 len);
long bpf_skb_store_bytes(struct __sk_buff *skb, __u32 offset, const void *from, __u32 len, __u64 flags);

/* Moves the packet to an allocation of exactly `len` bytes, so that a sanitizer sees every step past its end. */
long bpf_skb_change_tail(struct __sk_buff *skb, __u32 len, __u64 flags);

/* Every map is an array of one element, which the test supplies. libbpf has a function of the helper's name. */
#define bpf_map_lookup_elem ps_native_map_lookup
void *ps_native_map_lookup(void *map, const void *key);
void ps_native_map_value(void *value);

#endif
