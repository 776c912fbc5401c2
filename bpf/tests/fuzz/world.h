/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Three nodes that know one another, for code that runs natively: the maps as the daemon of one of them has filled them.
 *
 *   node 0: pods 10.77.0.2 and 10.77.0.3 (and fd77::2, fd77::3), the second without an identity on device 6
 *   node 1: pod 10.77.1.2 (fd77:0:0:1::2), over IPv4       node 2: pod 10.77.2.2 (fd77:0:0:2::2), over IPv6
 *
 * To 10.77.3.2 there is no session, of an SA that has expired is 10.77.4.2; all of 10.77/16 and fd77::/16 is protected.
 */
#ifndef PODSHIELD_FUZZ_WORLD_H
#define PODSHIELD_FUZZ_WORLD_H

#include <string.h>

#include "native.h"

#include "../../lib/maps.h"

#define WORLD_NODES 3
#define WORLD_POD_DEVICE 5
#define WORLD_NAMELESS_DEVICE 6 /* of the pod that has no identity yet */
#define WORLD_UPLINK 9
#define WORLD_NOW 1000000000ULL
#define WORLD_DEADLINE (2 * WORLD_NOW)
#define WORLD_EXPIRED 4 /* a peer whose SA is past its deadline */
#define WORLD_MARK_SHIFT 20
#define WORLD_MARK_MASK (3u << WORLD_MARK_SHIFT)
#define WORLD_ESP_PORT 4500
#define WORLD_OVER_IPV6 2 /* the node that is reached over IPv6, and reaches others so */

/* What the node calls a peer, an identity, an SA; none is 0. */
static inline __u32 world_peer(int node)
{
	return 1 + node;
}

static inline __u32 world_identity(int node)
{
	return PS_ID_WORKLOAD_MIN + node;
}

static inline __u32 world_spi(int sender, int receiver)
{
	return PS_SA_SLOTS * (2 + sender) + 16 * sender + receiver;
}

/* ---- addresses ---- */

static inline struct ps_addr world_ipv4(__u8 a, __u8 b, __u8 c, __u8 d)
{
	return (struct ps_addr){ { [10] = 0xff, [11] = 0xff, [12] = a, [13] = b, [14] = c, [15] = d } };
}

static inline struct ps_addr world_pod(int node, int ipv6, __u8 number)
{
	if (!ipv6)
		return world_ipv4(10, 77, node, number);
	return (struct ps_addr){ { [0] = 0xfd, [1] = 0x77, [7] = node, [15] = number } };
}

static inline struct ps_addr world_underlay(int node, int ipv6)
{
	if (!ipv6)
		return world_ipv4(192, 0, 2, 1 + node);
	return (struct ps_addr){ { [0] = 0x20, [1] = 0x01, [2] = 0x0d, [3] = 0xb8, [15] = 1 + node } };
}

static inline int world_is_over_ipv6(int a, int b)
{
	return a == WORLD_OVER_IPV6 || b == WORLD_OVER_IPV6;
}

static inline void world_mac(__u8 *mac, __u8 device)
{
	memcpy(mac, (const __u8[]){ 2, 0, 0, 0, 0, device }, 6);
}

/* ---- maps ---- */

static inline void world_put_local(int node, __u8 number, __u32 identity, __u32 device)
{
	const struct ps_local local = { .identity = identity, .ifindex = device };
	struct ps_pod pod = { .identity = identity };

	world_mac(pod.mac, device);
	PS_NATIVE_PUT(&ps_pods, &device, &pod);
	for (int ipv6 = 0; ipv6 < 2; ipv6++) {
		const struct ps_addr address = world_pod(node, ipv6, number);

		PS_NATIVE_PUT(&ps_local, &address, &local);
	}
}

static inline void world_put_outbound(int own, int other, __u64 deadline)
{
	const struct ps_out_key key = { world_peer(other), world_identity(own) };
	const struct ps_out_ref ref = { .slot = world_spi(own, other) & (PS_SA_SLOTS - 1),
					.spi = world_spi(own, other),
					.deadline_ns = deadline,
					.seq_limit = 0xffffffff };
	struct ps_sa_out sa = {
		.spi = ref.spi, .peer = key.peer, .identity = key.identity, .suite = PS_SUITE_CHACHA20_POLY1305
	};

	memset(sa.key, 16 * own + other, sizeof(sa.key));
	PS_NATIVE_PUT(&ps_sa_out, &ref.slot, &sa);
	PS_NATIVE_PUT(&ps_out_index, &key, &ref);
}

static inline void world_put_inbound(int own, int other)
{
	const __u32 spi = world_spi(other, own), slot = spi & (PS_SA_SLOTS - 1);
	const struct ps_in_live live = { .spi = spi, .last_spi = spi, .deadline_ns = WORLD_DEADLINE };
	struct ps_sa_in sa = { .spi = spi,
			       .peer = world_peer(other),
			       .identity = world_identity(other),
			       .suite = PS_SUITE_CHACHA20_POLY1305 };

	memset(sa.key, 16 * other + own, sizeof(sa.key));
	PS_NATIVE_PUT(&ps_sa_in, &slot, &sa);
	PS_NATIVE_PUT(&ps_in_live, &slot, &live);
}

static inline void world_put_remote(int node)
{
	const struct ps_remote remote = { .peer = world_peer(node), .identity = world_identity(node) };
	const __u32 present = 0;

	for (int ipv6 = 0; ipv6 < 2; ipv6++) {
		struct ps_binding_key binding = { .peer = remote.peer, .identity = remote.identity };

		binding.addr = world_pod(node, ipv6, 2);
		PS_NATIVE_PUT(&ps_remote, &binding.addr, &remote);
		PS_NATIVE_PUT(&ps_bindings, &binding, &present);
	}
}

static inline void world_put_peer(int own, int other, __u16 mtu)
{
	const int ipv6 = world_is_over_ipv6(own, other);
	const __u32 key = world_peer(other);
	const struct ps_peer peer = { .remote = world_underlay(other, ipv6),
				      .local = world_underlay(own, ipv6),
				      .port = WORLD_ESP_PORT,
				      .mtu = mtu };

	PS_NATIVE_PUT(&ps_peers, &key, &peer);
	world_put_remote(other);
	world_put_inbound(own, other);
	world_put_outbound(own, other, WORLD_DEADLINE);
}

static inline void world_protect(struct ps_addr prefix, __u32 bits)
{
	const struct ps_lpm_key key = { .prefixlen = bits, .addr = prefix };
	const __u32 present = 1;

	PS_NATIVE_PUT(&ps_protected, &key, &present);
}

static inline void world_configure(__u32 flags)
{
	const struct ps_config config = { .abi_version = PS_ABI_VERSION,
					  .abi_oldest = PS_ABI_OLDEST,
					  .flags = flags,
					  .mark_mask = WORLD_MARK_MASK,
					  .mark_shift = WORLD_MARK_SHIFT,
					  .esp_port = WORLD_ESP_PORT,
					  .hash_key = { 1, 2 },
					  .event_burst = 100 };
	const __u32 only = 0;

	PS_NATIVE_PUT(&ps_config, &only, &config);
}

/* Begins anew, as node `own`; `mtu` is every peer's. */
static inline void world_enter(int own, __u32 config_flags, __u16 mtu)
{
	ps_native_maps_clear();
	/* Programs read it from the kernel's own description of the map, which begins with it. */
	((struct bpf_map *)(void *)&ps_in_live)->max_entries = PS_SA_SLOTS;
	world_configure(config_flags);
	world_protect(world_ipv4(10, 77, 0, 0), 96 + 16);
	world_protect((struct ps_addr){ { 0xfd, 0x77 } }, 16);
	world_put_local(own, 2, world_identity(own), WORLD_POD_DEVICE);
	world_put_local(own, 3, 0, WORLD_NAMELESS_DEVICE);
	for (int other = 0; other < WORLD_NODES; other++)
		if (other != own)
			world_put_peer(own, other, mtu);
	world_put_remote(3);
	world_put_peer(own, WORLD_EXPIRED, mtu);
	world_put_outbound(own, WORLD_EXPIRED, WORLD_NOW - 1);
}

#endif
