/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* From a peer: which packets are ours to open, and what must hold before a pod gets what was in them. */
#ifndef PODSHIELD_OPEN_H
#define PODSHIELD_OPEN_H

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/udp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "checksum.h"
#include "ecn.h"
#include "encap.h"
#include "esp.h"
#include "header.h"
#include "maps.h"
#include "mss.h"
#include "packet.h"
#include "path_mtu.h"
#include "replay.h"
#include "route.h"
#include "seal.h"
#include "service.h"
#include "stamp.h"

#define PS_OPEN_KEEPALIVE 0xff /* RFC 3948, 2.3 */

static __always_inline __u32 ps_open_payload_len(const struct ps_packet *p)
{
	return p->l3 + p->length - p->transport - sizeof(struct udphdr);
}

/* What shares the port with ESP and goes to whoever has it open: a keep-alive, or IKE behind its marker (RFC 3948, 2). */
static __always_inline int ps_open_is_no_esp(struct __sk_buff *skb, const struct ps_packet *p, __u32 len)
{
	__u32 at = p->transport + sizeof(struct udphdr);
	__be32 marker = 1;
	__u8 byte = 0;

	if (len == sizeof(byte))
		return !bpf_skb_load_bytes(skb, at, &byte, sizeof(byte)) && byte == PS_OPEN_KEEPALIVE;
	return len >= sizeof(marker) && !ps_packet_load(skb, at, &marker, sizeof(marker)) && marker == 0;
}

/* Finds the SA of p->spi, if it belongs to the two ends that the packet has. */
static __noinline enum ps_reason ps_open_find_sa(struct ps_packet *p)
{
	__u32 slot = p->spi & (ps_maps_sa_slots() - 1);
	const struct ps_in_live *live = bpf_map_lookup_elem(&ps_in_live, &slot);
	const struct ps_sa_in *sa = bpf_map_lookup_elem(&ps_sa_in, &slot);
	const struct ps_peer *peer;

	if (p->spi < PS_SPI_MIN || !live || live->spi != p->spi || !sa)
		return PS_R_UNKNOWN_SPI;
	p->boot_ns = bpf_ktime_get_boot_ns();
	p->slot = slot;
	p->peer = sa->peer;
	p->src_identity = sa->identity;
	if (sa->spi != p->spi)
		return PS_R_BAD_SLOT;
	peer = bpf_map_lookup_elem(&ps_peers, &p->peer);
	if (!peer)
		return PS_R_UNKNOWN_SPI;
	p->outer = *peer;
	ps_path_mtu_apply(p);
	if (!ps_address_equal(&p->outer.remote, &p->src) || !ps_address_equal(&p->outer.local, &p->dst))
		return PS_R_UNKNOWN_SPI;
	if (p->boot_ns >= live->deadline_ns)
		return PS_R_SA_EXPIRED;
	return sa->suite == PS_SUITE_CHACHA20_POLY1305 ? PS_R_NONE : PS_R_UNSUPPORTED;
}

/* Reads the ESP header and says where the ciphertext is. */
static __noinline enum ps_reason ps_open_read_header(struct __sk_buff *skb, struct ps_packet *p, __u32 len)
{
	struct ps_esp esp;

	if (len < sizeof(esp) + PS_ESP_SEALED_MIN + PS_ESP_TAG_LEN || len > PS_PACKET_MAX || len % PS_ESP_ALIGN)
		return PS_R_MALFORMED;
	if (ps_packet_load(skb, p->transport + sizeof(struct udphdr), &esp, sizeof(esp)))
		return PS_R_MALFORMED;
	p->spi = bpf_ntohl(esp.spi);
	p->sequence = bpf_ntohl(esp.sequence);
	p->sealed_at = p->transport + sizeof(struct udphdr) + sizeof(esp);
	p->sealed_len = len - sizeof(esp) - PS_ESP_TAG_LEN;
	return PS_R_NONE;
}

/* What shows only that the packet is none of our peers': packets on their way through, or to a pod's own port, are not. */
static __noinline enum ps_reason ps_open_blame(struct __sk_buff *skb, const struct ps_packet *p, enum ps_reason reason)
{
	if (reason != PS_R_FRAGMENT && reason != PS_R_MALFORMED && reason != PS_R_UNKNOWN_SPI)
		return reason;
	if (ps_maps_local(&p->dst) || ps_route_leads_on(skb, p, skb->ifindex))
		return PS_R_NOT_OURS;
	return ps_address_equal(&p->src, &p->dst) ? PS_R_LOOP : reason;
}

/* Whether the packet of an SA has the shape that opening expects. */
static __always_inline enum ps_reason ps_open_check_shape(struct __sk_buff *skb, const struct ps_packet *p, __u32 len)
{
	struct udphdr udp;

	if (ps_packet_load(skb, p->transport, &udp, sizeof(udp)) || bpf_ntohs(udp.len) != len + sizeof(udp))
		return PS_R_MALFORMED;
	if (skb->gso_size || skb->gso_segs > 1)
		return PS_R_GSO;
	/* No options, no extension headers: what is taken off later has one length. */
	if (p->transport != p->l3 + ps_esp_header_len(p->version) - sizeof(udp) - sizeof(struct ps_esp))
		return PS_R_UNSUPPORTED;
	return PS_R_NONE;
}

/*
 * Whether the packet is ESP between us and a peer. PS_R_NONE: it is, and everything that can be known before opening it
 * holds. PS_R_NOT_OURS: it is not.
 */
static __noinline enum ps_reason ps_open_recognise(struct __sk_buff *skb, struct ps_packet *p,
						   const struct ps_config *config)
{
	__u32 len = ps_open_payload_len(p);
	enum ps_reason reason;

	if (p->protocol != IPPROTO_UDP || p->dst_port != config->esp_port || p->fragment == PS_FRAGMENT_LATER)
		return PS_R_NOT_OURS;
	/* Tagged, it comes once more, to the device that the tag stands for. */
	if (skb->vlan_present || ps_open_is_no_esp(skb, p, len))
		return PS_R_NOT_OURS;
	reason = p->fragment ? PS_R_FRAGMENT : ps_open_read_header(skb, p, len);
	if (!reason)
		reason = ps_open_find_sa(p);
	return reason ? ps_open_blame(skb, p, reason) : ps_open_check_shape(skb, p, len);
}

/* Looks at the window, opens, takes the sequence number. */
static __always_inline enum ps_reason ps_open_decipher(struct __sk_buff *skb, struct ps_packet *p)
{
	struct ps_in_window *window = bpf_map_lookup_elem(&ps_in_window, &p->slot);
	long error;

	if (!window)
		return PS_R_BAD_SLOT;
	if (!ps_replay_is_fresh(window, p->sequence))
		return PS_R_REPLAY;
	/* Also makes the packet linear and our own: what else looks at it must not see it change. */
	error = ps_packet_add_frame(skb, p) ?: ps_checksum_forget(skb) ?:
			bpf_skb_change_tail(skb, p->l3 + p->length, 0);
	if (error)
		return ps_packet_failed(p, error);
	error = ps_esp_open(skb, p);
	if (error == -EBADMSG)
		return PS_R_BAD_TAG;
	if (error)
		return ps_packet_failed(p, error);
	return ps_replay_commit(window, p->sequence) ? PS_R_NONE : PS_R_REPLAY;
}

/* Takes the inner packet out and reads it. */
static __noinline enum ps_reason ps_open_unwrap(struct __sk_buff *skb, struct ps_packet *p)
{
	__u32 len = ps_esp_check_trailer(skb, p);
	long error;

	if (!len)
		return PS_R_BAD_INNER;
	p->outer_version = p->version;
	p->outer_tos = p->tos;
	error = ps_encap_strip(skb, p, len);
	if (error)
		return ps_packet_failed(p, error);
	if (ps_packet_parse(skb, p, ETH_HLEN) || p->length != len)
		return PS_R_BAD_INNER;
	return PS_R_NONE;
}

/* The sender may use that address, and the receiver is a pod of ours. */
static __always_inline enum ps_reason ps_open_check_ends(struct ps_packet *p)
{
	const struct ps_binding_key key = { .peer = p->peer, .identity = p->src_identity, .addr = p->src };
	const struct ps_local *local;

	if (ps_address_is_multicast(&p->dst) || ps_address_is_multicast(&p->src))
		return PS_R_MULTICAST;
	if (!bpf_map_lookup_elem(&ps_bindings, &key))
		return PS_R_UNBOUND_SOURCE;
	local = ps_maps_local(&p->dst);
	if (!local)
		return PS_R_NOT_LOCAL;
	p->dst_identity = local->identity;
	p->out_ifindex = local->ifindex;
	return PS_R_NONE;
}

static __always_inline void ps_open_count_usage(const struct ps_packet *p)
{
	struct ps_sa_usage *usage = bpf_map_lookup_elem(&ps_sa_usage_in, &p->slot);

	if (!usage)
		return;
	__sync_fetch_and_add(&usage->packets, 1);
	__sync_fetch_and_add(&usage->bytes, p->length);
	usage->last_ns = p->boot_ns;
}

/* What any way out of the tunnel changes in the inner packet. */
static __noinline enum ps_reason ps_open_leave_tunnel(struct __sk_buff *skb, struct ps_packet *p,
						      const struct ps_pod *pod)
{
	int ecn = ps_ecn_leave(p->tos, p->outer_tos);
	long error;

	if (ecn < 0)
		return PS_R_MALFORMED;
	error = ps_header_set_ecn(skb, p, ecn) ?: ps_mss_clamp(skb, p, ps_seal_limit(p, pod));
	return error ? ps_packet_failed(p, error) : PS_R_NONE;
}

/*
 * Forwards into the pod: past the host's stack, and past to_pod, to which nothing is left to decide. The frame is from the
 * address that the outer one was to; the host's mark stays in the host.
 */
static __noinline enum ps_reason ps_open_forward(struct __sk_buff *skb, struct ps_packet *p, const struct ps_pod *pod)
{
	long error;

	if (p->ttl <= 1)
		return PS_R_HOP_LIMIT;
	error = ps_header_count_hop(skb, p) ?: ps_header_pass_frame(skb, pod->mac, ps_encap_ethertype(p->version));
	if (error)
		return ps_packet_failed(p, error);
	skb->mark = 0;
	p->action = bpf_redirect_peer(p->out_ifindex, 0);
	return PS_R_NONE;
}

/* Sends what was opened to its pod, if it may have it; answers to what went through the host's stack go through it. */
static __noinline enum ps_reason ps_open_deliver(struct __sk_buff *skb, struct ps_packet *p)
{
	const struct ps_config *config = ps_maps_config();
	enum ps_reason reason = ps_open_check_ends(p);
	const struct ps_pod *pod;

	if (reason)
		return reason;
	pod = bpf_map_lookup_elem(&ps_pods, &p->out_ifindex);
	if (!pod || !config)
		return PS_R_NOT_LOCAL;
	if (!pod->identity)
		return PS_R_NO_IDENTITY;
	reason = ps_open_leave_tunnel(skb, p, pod);
	if (reason)
		return reason;
	if (ps_service_is_answer(p))
		ps_stamp_set(skb, config, PS_STAMP_OPENED);
	else
		reason = ps_open_forward(skb, p, pod);
	if (reason)
		return reason;
	ps_open_count_usage(p);
	return PS_R_OPENED;
}

/* Opens what ps_open_recognise found to be ours. */
static __always_inline enum ps_reason ps_open(struct __sk_buff *skb, struct ps_packet *p)
{
	return ps_open_decipher(skb, p) ?: ps_open_unwrap(skb, p) ?: ps_open_deliver(skb, p);
}

#endif
