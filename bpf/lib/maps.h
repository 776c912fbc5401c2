/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* The maps. Who writes which, and what the values mean: podshield_abi.h. The daemon sets the sizes before load. */
#ifndef PODSHIELD_MAPS_H
#define PODSHIELD_MAPS_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "../abi/podshield_abi.h"

#define PS_MAP(NAME, TYPE, KEY, VALUE, ENTRIES) \
	struct {                                \
		__uint(type, TYPE);             \
		__uint(max_entries, ENTRIES);   \
		__type(key, KEY);               \
		__type(value, VALUE);           \
	} NAME SEC(".maps")

PS_MAP(ps_config, BPF_MAP_TYPE_ARRAY, __u32, struct ps_config, 1);

PS_MAP(ps_sa_out, BPF_MAP_TYPE_ARRAY, __u32, struct ps_sa_out, PS_SA_SLOTS);
PS_MAP(ps_out_index, BPF_MAP_TYPE_HASH, struct ps_out_key, struct ps_out_ref, PS_SA_SLOTS);
PS_MAP(ps_sa_in, BPF_MAP_TYPE_ARRAY, __u32, struct ps_sa_in, PS_SA_SLOTS);
PS_MAP(ps_in_live, BPF_MAP_TYPE_ARRAY, __u32, struct ps_in_live, PS_SA_SLOTS);
PS_MAP(ps_in_window, BPF_MAP_TYPE_ARRAY, __u32, struct ps_in_window, PS_SA_SLOTS);
PS_MAP(ps_sa_usage_in, BPF_MAP_TYPE_ARRAY, __u32, struct ps_sa_usage, PS_SA_SLOTS);
PS_MAP(ps_sa_usage_out, BPF_MAP_TYPE_ARRAY, __u32, struct ps_sa_usage, PS_SA_SLOTS);

PS_MAP(ps_peers, BPF_MAP_TYPE_HASH, __u32, struct ps_peer, PS_PEERS);
PS_MAP(ps_remote, BPF_MAP_TYPE_HASH, struct ps_addr, struct ps_remote, PS_REMOTE_ADDRS);
PS_MAP(ps_bindings, BPF_MAP_TYPE_HASH, struct ps_binding_key, __u32, PS_REMOTE_ADDRS);
PS_MAP(ps_local, BPF_MAP_TYPE_HASH, struct ps_addr, struct ps_local, PS_LOCAL_ADDRS);
PS_MAP(ps_flows, BPF_MAP_TYPE_LRU_HASH, struct ps_flow_key, __u32, PS_FLOWS);
PS_MAP(ps_pods, BPF_MAP_TYPE_HASH, __u32, struct ps_pod, PS_PODS);

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, PS_PROTECTED);
	__type(key, struct ps_lpm_key);
	__type(value, __u32);
} ps_protected SEC(".maps");

PS_MAP(ps_counters, BPF_MAP_TYPE_PERCPU_ARRAY, __u32, struct ps_counter, PS_R_COUNT);
PS_MAP(ps_event_lost, BPF_MAP_TYPE_PERCPU_ARRAY, __u32, __u64, 2);

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, PS_EVENT_RING_BYTES);
} ps_events SEC(".maps");

/* What the kernel knows of a map of ours; the verifier allows reading it through the map's address. */
struct bpf_map {
	__u32 max_entries;
} __attribute__((preserve_access_index));

/* A power of two (the daemon sees to that). */
static __always_inline __u32 ps_maps_sa_slots(void)
{
	return ((struct bpf_map *)(void *)&ps_in_live)->max_entries;
}

static __always_inline const struct ps_config *ps_maps_config(void)
{
	__u32 only = 0;

	return bpf_map_lookup_elem(&ps_config, &only);
}

/* Whether these programs can do with what that daemon wrote: while an upgrade changes one for the other, both are there. */
static __always_inline int ps_maps_is_ours(const struct ps_config *config)
{
	return config->abi_version >= PS_ABI_OLDEST && config->abi_oldest <= PS_ABI_VERSION;
}

/* The configuration once the daemon has loaded an image of an ABI that we know, else 0. */
static __always_inline const struct ps_config *ps_maps_ready_config(void)
{
	const struct ps_config *config = ps_maps_config();

	if (!config || !ps_maps_is_ours(config) || !(config->flags & PS_F_READY))
		return 0;
	return config;
}

static __always_inline const struct ps_local *ps_maps_local(const struct ps_addr *addr)
{
	return bpf_map_lookup_elem(&ps_local, addr);
}

static __always_inline const struct ps_remote *ps_maps_remote(const struct ps_addr *addr)
{
	return bpf_map_lookup_elem(&ps_remote, addr);
}

static __always_inline int ps_maps_protects(const struct ps_addr *addr)
{
	struct ps_lpm_key key = { .prefixlen = 8 * PS_ADDR_LEN, .addr = *addr };

	return bpf_map_lookup_elem(&ps_protected, &key) != 0;
}

#endif
