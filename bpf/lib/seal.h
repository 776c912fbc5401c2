/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* From a pod of this node to a pod of another: whether, with what, and how it is sealed. */
#ifndef PODSHIELD_SEAL_H
#define PODSHIELD_SEAL_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "checksum.h"
#include "encap.h"
#include "esp.h"
#include "flow.h"
#include "header.h"
#include "icmp.h"
#include "maps.h"
#include "mss.h"
#include "packet.h"
#include "path_mtu.h"
#include "route.h"
#include "stamp.h"

static __always_inline enum ps_reason ps_seal_find_peer(struct ps_packet *p, const struct ps_remote *remote)
{
	const struct ps_peer *peer;

	p->boot_ns = bpf_ktime_get_boot_ns();
	p->peer = remote->peer;
	p->dst_identity = remote->identity;
	peer = bpf_map_lookup_elem(&ps_peers, &p->peer);
	if (!peer)
		return PS_R_NO_SESSION;
	p->outer = *peer;
	ps_path_mtu_apply(p);
	p->outer_version = ps_address_is_v4(&p->outer.remote) ? 4 : 6;
	if (ps_address_is_v4(&p->outer.local) != (p->outer_version == 4))
		return PS_R_UNSUPPORTED;
	return ps_address_equal(&p->outer.local, &p->outer.remote) ? PS_R_LOOP : PS_R_NONE;
}

/* A slot is used only if it says itself that it is the one meant. */
static __always_inline enum ps_reason ps_seal_find_sa(struct ps_packet *p)
{
	const struct ps_out_key key = { .peer = p->peer, .identity = p->src_identity };
	const struct ps_out_ref *ref = bpf_map_lookup_elem(&ps_out_index, &key);
	const struct ps_sa_out *sa;

	if (!ref)
		return PS_R_NO_SESSION;
	p->slot = ref->slot;
	p->spi = ref->spi;
	p->sequence_limit = ref->seq_limit < PS_ESP_SEQUENCE_MAX ? ref->seq_limit : PS_ESP_SEQUENCE_MAX;
	if (p->boot_ns >= ref->deadline_ns)
		return PS_R_SA_EXPIRED;
	sa = bpf_map_lookup_elem(&ps_sa_out, &p->slot);
	if (!sa || sa->spi != p->spi || sa->peer != key.peer || sa->identity != key.identity)
		return PS_R_BAD_SLOT;
	return sa->suite == PS_SUITE_CHACHA20_POLY1305 ? PS_R_NONE : PS_R_UNSUPPORTED;
}

/* The largest packet that pods may send to this peer. */
static __always_inline __u32 ps_seal_limit(const struct ps_packet *p, const struct ps_pod *pod)
{
	__u32 limit = ps_esp_inner_max(p->outer_version, p->outer.mtu);

	return pod && pod->mtu && pod->mtu < limit ? pod->mtu : limit;
}

/*
 * All that may stand against sealing, before a sequence number is taken. A packet from a pod crosses a hop here; one that
 * the host's stack forwards has done so already. PS_R_NONE when `p` says all that sealing needs.
 */
static __noinline enum ps_reason ps_seal_prepare(struct __sk_buff *skb, struct ps_packet *p,
						 const struct ps_remote *remote, const struct ps_pod *pod)
{
	enum ps_reason reason = ps_seal_find_peer(p, remote) ?: ps_seal_find_sa(p);

	if (reason)
		return reason;
	if (skb->gso_size || skb->gso_segs > 1)
		return PS_R_GSO;
	/* A tag is left only if the device above, which adds it, does not have our programs. */
	if (skb->vlan_present || ps_checksum_is_unfinished(skb))
		return PS_R_UNSUPPORTED;
	if (p->hook == PS_HOOK_FROM_POD && p->ttl <= 1)
		return PS_R_HOP_LIMIT;
	p->limit = ps_seal_limit(p, pod);
	if (p->length > p->limit)
		return PS_R_TOO_BIG;
	return ps_route_to_peer(skb, p, skb->ingress_ifindex ?: skb->ifindex);
}

static __always_inline void ps_seal_count_usage(const struct ps_packet *p)
{
	struct ps_sa_usage *usage = bpf_map_lookup_elem(&ps_sa_usage_out, &p->slot);

	if (!usage)
		return;
	__sync_fetch_and_add(&usage->packets, 1);
	__sync_fetch_and_add(&usage->bytes, p->length);
	usage->last_ns = p->boot_ns;
}

/* Takes the next number. The counter only grows: one over the limit is used by nobody. */
static __noinline enum ps_reason ps_seal_take_sequence(struct ps_packet *p)
{
	struct ps_sa_out *sa = bpf_map_lookup_elem(&ps_sa_out, &p->slot);

	if (!sa)
		return PS_R_BAD_SLOT;
	p->sequence = __sync_fetch_and_add(&sa->seq, 1) + 1;
	return p->sequence > p->sequence_limit ? PS_R_SEQ_EXHAUSTED : PS_R_NONE;
}

/* Grows the packet to what it will be, all but the outer headers' contents. 0, or the error of a helper. */
static __noinline long ps_seal_grow(struct __sk_buff *skb, struct ps_packet *p)
{
	/* The tail first: that makes the packet linear and our own. */
	long error = ps_packet_add_frame(skb, p) ?: ps_esp_append_trailer(skb, p) ?: ps_mss_clamp(skb, p, p->limit);

	if (!error && p->hook == PS_HOOK_FROM_POD)
		error = ps_header_count_hop(skb, p);
	return error ?: ps_encap_push(skb, p);
}

/*
 * PS_R_SEALED when nothing stands against sealing for the holder of the destination, else why; the sending pod is told
 * where a router would tell it.
 */
static __always_inline enum ps_reason ps_seal_decide(struct __sk_buff *skb, struct ps_packet *p,
						     const struct ps_config *config, const struct ps_remote *remote,
						     const struct ps_pod *pod)
{
	enum ps_reason reason = ps_seal_prepare(skb, p, remote, pod);

	if (!reason) {
		p->flow = ps_flow_hash(p, config);
		return PS_R_SEALED;
	}
	if (p->hook != PS_HOOK_FROM_POD)
		return reason;
	if (reason == PS_R_TOO_BIG)
		ps_icmp_answer(skb, p, config, &ps_icmp_too_big);
	else if (reason == PS_R_HOP_LIMIT)
		ps_icmp_answer(skb, p, config, &ps_icmp_time_exceeded);
	return reason;
}

static __noinline enum ps_reason ps_seal_send(struct __sk_buff *skb, struct ps_packet *p)
{
	const struct ps_config *config = ps_maps_config();

	if (!config)
		return PS_R_NOT_READY;
	ps_seal_count_usage(p);
	ps_stamp_set(skb, config, PS_STAMP_SEALED);
	p->action = bpf_redirect_neigh(p->out_ifindex, &p->neighbour, sizeof(p->neighbour), 0);
	return PS_R_SEALED;
}

/* Seals what ps_seal_decide found nothing against, and sends it on its way. */
static __always_inline enum ps_reason ps_seal(struct __sk_buff *skb, struct ps_packet *p)
{
	long error = ps_seal_grow(skb, p);
	enum ps_reason reason;

	if (error)
		return ps_packet_failed(p, error);
	reason = ps_seal_take_sequence(p);
	if (reason)
		return reason;
	error = ps_encap_write(skb, p) ?: ps_esp_seal(skb, p);
	if (!error && p->outer_version == 6)
		error = ps_encap_finish_v6(skb, p);
	if (error)
		return ps_packet_failed(p, error);
	return ps_seal_send(skb, p);
}

#endif
