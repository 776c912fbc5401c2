// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/*
 * The four hooks. Each reads as the order in which it decides; the first reason that applies is the packet's.
 *
 *   from_pod     ingress of the pod's host-side veth
 *   to_uplink    egress of every device that is neither pod nor loopback
 *   from_uplink  ingress of the same devices
 *   to_pod       egress of the pod's host-side veth
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>

#include "lib/maps.h"
#include "lib/neighbour.h"
#include "lib/open.h"
#include "lib/packet.h"
#include "lib/path_mtu.h"
#include "lib/seal.h"
#include "lib/service.h"
#include "lib/stamp.h"
#include "lib/verdict.h"

/* Whether unknown destinations may be reached in clear; before the first image, no. */
static __always_inline int ps_is_permissive(const struct ps_config *config)
{
	const __u32 both = PS_F_PERMISSIVE | PS_F_READY;

	return (config->flags & both) == both;
}

/* Whether a pod's address is claimed by something that came in clear; permissive, only if that pod is known. */
static __always_inline int ps_is_from_protected(const struct ps_config *config, const struct ps_packet *p)
{
	if (!ps_maps_protects(&p->src))
		return 0;
	return !ps_is_permissive(config) || ps_maps_remote(&p->src) || ps_maps_local(&p->src);
}

/*
 * The pod that a stamped packet says it is from, if the source address still is that pod's; else 0. Where a bridge stands
 * between, the pod's device is no longer known: then any pod's address will do.
 */
static __always_inline const struct ps_local *ps_stamped_sender(const struct __sk_buff *skb, const struct ps_packet *p)
{
	const struct ps_local *local = ps_maps_local(&p->src);
	__u32 ingress = skb->ingress_ifindex;

	if (!local || local->ifindex == ingress)
		return local;
	return bpf_map_lookup_elem(&ps_pods, &ingress) ? 0 : local;
}

/*
 * 1. not ready, or no pod of ours                     drop
 * 2. ARP, neighbour discovery                         its own, on its link only
 * 3. source is not the pod's, pod has no identity     drop
 * 4. multicast                                        drop
 * 5. to a pod of this node                            stamped, to the stack
 * 6. to a pod of another node                         sealed, or dropped
 * 7. to this host, or outside `protected`             stamped, to the stack
 * 8. to nobody known                                  drop, unless permissive
 */
static __noinline enum ps_reason ps_from_pod(struct __sk_buff *skb, struct ps_packet *p)
{
	const struct ps_config *config = ps_maps_ready_config();
	const struct ps_pod *pod = bpf_map_lookup_elem(&ps_pods, &p->ifindex);
	const struct ps_remote *remote;
	const struct ps_local *local;
	enum ps_reason reason;

	if (!config)
		return PS_R_NOT_READY;
	ps_stamp_set(skb, config, PS_STAMP_NONE);
	if (!pod)
		return PS_R_NO_IDENTITY;
	p->src_identity = pod->identity;
	if (skb->vlan_present)
		return PS_R_UNSUPPORTED;
	if (skb->protocol == bpf_htons(ETH_P_ARP))
		return ps_neighbour_arp(skb, p, pod);
	reason = ps_packet_parse(skb, p, ETH_HLEN) ?: ps_neighbour_check(skb, p);
	if (reason)
		return reason;
	if (!ps_neighbour_owns(p, &p->src))
		return PS_R_SPOOFED_SOURCE;
	if (!pod->identity)
		return PS_R_NO_IDENTITY;
	if (ps_address_is_multicast(&p->dst))
		return PS_R_MULTICAST;
	local = ps_maps_local(&p->dst);
	if (local) {
		p->dst_identity = local->identity;
		ps_stamp_set(skb, config, PS_STAMP_POD);
		return PS_R_LOCAL;
	}
	remote = ps_maps_remote(&p->dst);
	if (remote)
		return ps_seal_decide(skb, p, config, remote, pod);
	reason = ps_route_ends_here(skb, p, p->ifindex) ? PS_R_TO_HOST : PS_R_WORLD;
	if (reason == PS_R_WORLD && ps_maps_protects(&p->dst) && !ps_is_permissive(config))
		return PS_R_UNKNOWN_DESTINATION;
	ps_stamp_set(skb, config, PS_STAMP_POD);
	ps_service_note(p);
	return reason;
}

/*
 * 1. sealed by another of our programs, or no IP      passes
 * 2. to nothing inside `protected`                    passes
 * 3. from one of our pods through the stack           sealed, or dropped
 * 4. from this host                                   drop
 * 5. from elsewhere                                   drop
 */
static __noinline enum ps_reason ps_to_uplink(struct __sk_buff *skb, struct ps_packet *p)
{
	const struct ps_config *config = ps_maps_config();
	const struct ps_remote *remote;
	const struct ps_local *local;
	enum ps_reason reason;
	enum ps_stamp stamp;

	if (!config || !ps_packet_is_ip(skb))
		return PS_R_NOT_OURS;
	if (ps_stamp_is_sealed(skb, config))
		return PS_R_NONE;
	stamp = ps_stamp_get(skb, config);
	reason = ps_packet_parse(skb, p, ps_packet_l3(skb));
	if (reason == PS_R_MALFORMED)
		return reason;
	if (!ps_maps_protects(&p->dst))
		return stamp == PS_STAMP_NONE ? PS_R_NOT_OURS : PS_R_NONE;
	if (reason)
		return reason;
	remote = ps_maps_remote(&p->dst);
	if (!remote && ps_is_permissive(config))
		return PS_R_WORLD;
	if (stamp != PS_STAMP_POD)
		return stamp == PS_STAMP_NONE && !skb->ingress_ifindex ? PS_R_HOST_UNSUPPORTED : PS_R_UNSTAMPED;
	local = ps_stamped_sender(skb, p);
	if (!local)
		return PS_R_IDENTITY_LOST;
	p->src_identity = local->identity;
	if (!remote)
		return PS_R_UNKNOWN_DESTINATION;
	if (!ps_maps_ready_config())
		return PS_R_NOT_READY;
	ps_service_note(p);
	return ps_seal_decide(skb, p, config, remote, bpf_map_lookup_elem(&ps_pods, &local->ifindex));
}

/*
 * 1. ESP of a peer of ours                            opened, or dropped
 * 2. in clear with a source inside `protected`        drop
 * 3. to a pod                                         to_pod decides
 * 4. all else                                         passes
 */
static __noinline enum ps_reason ps_from_uplink(struct __sk_buff *skb, struct ps_packet *p)
{
	const struct ps_config *config = ps_maps_config();
	enum ps_reason reason;

	if (!config)
		return PS_R_NOT_OURS;
	ps_stamp_set(skb, config, PS_STAMP_NONE);
	if (!ps_packet_is_ip(skb))
		return PS_R_NOT_OURS;
	reason = ps_packet_parse(skb, p, ps_packet_l3(skb));
	if (reason == PS_R_MALFORMED)
		return reason;
	if (!reason && ps_maps_ready_config()) {
		reason = ps_open_recognise(skb, p, config);
		if (!reason)
			return PS_R_OPENED;
		if (reason != PS_R_NOT_OURS)
			return reason;
		ps_path_mtu_learn(skb, p, config);
	}
	if (ps_is_from_protected(config, p))
		return PS_R_CLEAR_INBOUND;
	return ps_maps_local(&p->dst) ? PS_R_NONE : PS_R_NOT_OURS;
}

/*
 * 1. not ready, or no pod of ours                     drop
 * 2. decided and counted by another of our programs   passes
 * 3. ARP, neighbour discovery of this host            passes
 * 4. pod has no identity                              drop
 * 5. stamped: from a pod of this node                 passes if the source still is that pod's, or a service's that
 *                                                     this pod has asked
 * 6. from this host                                   passes
 * 7. in clear with a source inside `protected`        drop
 * 8. all else                                         passes as world
 */
static __noinline enum ps_reason ps_to_pod(struct __sk_buff *skb, struct ps_packet *p)
{
	const struct ps_config *config = ps_maps_ready_config();
	const struct ps_pod *pod = bpf_map_lookup_elem(&ps_pods, &p->ifindex);
	enum ps_reason reason;
	enum ps_stamp stamp;

	if (!config)
		return PS_R_NOT_READY;
	if (!pod)
		return PS_R_NO_IDENTITY;
	p->dst_identity = pod->identity;
	stamp = ps_stamp_get(skb, config);
	if (stamp == PS_STAMP_OPENED)
		return pod->identity ? PS_R_NONE : PS_R_NO_IDENTITY;
	if (skb->protocol == bpf_htons(ETH_P_ARP))
		return PS_R_NEIGHBOUR;
	reason = ps_packet_parse(skb, p, ETH_HLEN);
	if (reason)
		return reason;
	if (!skb->ingress_ifindex && ps_neighbour_is_nd(p))
		return PS_R_NEIGHBOUR;
	if (!pod->identity)
		return PS_R_NO_IDENTITY;
	if (stamp == PS_STAMP_POD)
		return ps_stamped_sender(skb, p) || ps_service_is_answer(p) ? PS_R_NONE : PS_R_IDENTITY_LOST;
	if (!skb->ingress_ifindex)
		return PS_R_HOST_LOCAL;
	if (ps_is_from_protected(config, p))
		return PS_R_CLEAR_INBOUND;
	return PS_R_WORLD;
}

/*
 * What a program is: it decides, then acts. The two do not nest, for the cipher leaves little of the stack.
 */
SEC("tc")
int from_pod(struct __sk_buff *skb)
{
	struct ps_packet *p = ps_packet_begin(skb, PS_HOOK_FROM_POD);

	if (!p)
		return TC_ACT_SHOT;
	p->reason = ps_from_pod(skb, p);
	if (p->reason == PS_R_SEALED)
		p->reason = ps_seal(skb, p);
	return ps_verdict(p);
}

SEC("tc")
int to_uplink(struct __sk_buff *skb)
{
	struct ps_packet *p = ps_packet_begin(skb, PS_HOOK_TO_UPLINK);

	if (!p)
		return TC_ACT_SHOT;
	p->reason = ps_to_uplink(skb, p);
	if (p->reason == PS_R_SEALED)
		p->reason = ps_seal(skb, p);
	return ps_verdict(p);
}

SEC("tc")
int from_uplink(struct __sk_buff *skb)
{
	struct ps_packet *p = ps_packet_begin(skb, PS_HOOK_FROM_UPLINK);

	if (!p)
		return TC_ACT_SHOT;
	p->reason = ps_from_uplink(skb, p);
	if (p->reason == PS_R_OPENED)
		p->reason = ps_open(skb, p);
	return ps_verdict(p);
}

SEC("tc")
int to_pod(struct __sk_buff *skb)
{
	struct ps_packet *p = ps_packet_begin(skb, PS_HOOK_TO_POD);

	if (!p)
		return TC_ACT_SHOT;
	p->reason = ps_to_pod(skb, p);
	return ps_verdict(p);
}

char ps_license[] SEC("license") = "GPL";
