/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* What must hold of every packet whatever it was; read from the bytes, not from what the programs made of them. */
#ifndef PODSHIELD_FUZZ_ORACLE_H
#define PODSHIELD_FUZZ_ORACLE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/pkt_cls.h>
#include <linux/tcp.h>
#include <linux/udp.h>

#include <bpf/bpf_endian.h>

#include "native.h"
#include "world.h"

static inline void oracle_holds(int holds, const char *promise)
{
	if (holds)
		return;
	fprintf(stderr, "broken: %s\n", promise);
	abort();
}

/* The programs' own notes of the packet they saw last. */
static inline const struct ps_packet *oracle_packet(void)
{
	__u32 only = 0;

	return bpf_map_lookup_elem(&ps_packets, &only);
}

/* ---- reading bytes ---- */

/* All of the packet; what is not linear is read too. */
static inline void oracle_copy(const struct __sk_buff *skb, __u8 *to)
{
	oracle_holds(!bpf_skb_load_bytes(skb, 0, to, skb->len), "a packet can be read");
}

/* Source (0) or destination (1) of an IP packet; 0 when its family's header is not all there. */
static inline int oracle_address(const struct __sk_buff *skb, int destination, struct ps_addr *address)
{
	if (skb->protocol == bpf_htons(ETH_P_IP)) {
		*address = world_ipv4(0, 0, 0, 0);
		return !bpf_skb_load_bytes(skb, skb->network + 12 + 4 * destination, address->b + 12, 4);
	}
	return skb->protocol == bpf_htons(ETH_P_IPV6) &&
	       !bpf_skb_load_bytes(skb, skb->network + 8 + 16 * destination, address->b, 16);
}

static inline int oracle_is_protected(const struct ps_addr *address)
{
	static const struct ps_addr pods = { .b = { [10] = 0xff, [11] = 0xff, [12] = 10, [13] = 77 } };

	if (!memcmp(address, &pods, 14))
		return 1;
	return address->b[0] == 0xfd && address->b[1] == 0x77;
}

static inline int oracle_is(const struct ps_addr *a, struct ps_addr b)
{
	return !memcmp(a, &b, sizeof(b));
}

static inline int oracle_is_pod(const struct ps_addr *address, int node, __u8 number)
{
	return oracle_is(address, world_pod(node, 0, number)) || oracle_is(address, world_pod(node, 1, number));
}

/* 0xffff when `bytes`, which hold a checksum, are whole. `len` bytes, then a zero if that is odd. */
static inline __u16 oracle_sum(__u32 sum, const __u8 *bytes, __u32 len)
{
	for (__u32 i = 0; i < len; i++)
		sum += i % 2 ? bytes[i] : bytes[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

static inline __u16 oracle_pseudo_sum(const __u8 *ipv6, __u8 protocol)
{
	return oracle_sum(protocol + (ipv6[4] << 8 | ipv6[5]), ipv6 + 8, 32);
}

/* ---- verdicts ---- */

static inline void oracle_icmp(const struct __sk_buff *skb, const struct ps_packet *p)
{
	__u8 frame[INPUT_MAX + 256], *ip = frame + ETH_HLEN;
	struct ps_addr to;

	oracle_copy(skb, frame);
	oracle_holds(oracle_address(skb, 1, &to) && oracle_is(&to, p->src), "an error goes to the sender");
	if (skb->protocol == bpf_htons(ETH_P_IP)) {
		oracle_holds(skb->len == ETH_HLEN + (__u32)(ip[2] << 8 | ip[3]), "an error is as long as it says");
		oracle_holds(oracle_sum(0, ip, 20) == 0xffff, "an error's header checksum");
		oracle_holds(oracle_sum(0, ip + 20, skb->len - ETH_HLEN - 20) == 0xffff, "an error's checksum");
	} else {
		oracle_holds(skb->len == ETH_HLEN + 40 + (__u32)(ip[4] << 8 | ip[5]), "an error is as long as it says");
		oracle_holds(oracle_sum(oracle_pseudo_sum(ip, 58), ip + 40, skb->len - ETH_HLEN - 40) == 0xffff,
			     "an error's checksum");
	}
}

/* Reason and action agree, and the reason was counted. */
static inline void oracle_verdict(const struct __sk_buff *skb, int action, const struct ps_packet *p)
{
	const __u32 reason = p->reason;
	const struct ps_counter *counter = bpf_map_lookup_elem(&ps_counters, &reason);

	oracle_holds(counter && (reason == PS_R_NONE || counter->packets), "what became of a packet is counted");
	switch (action) {
	case TC_ACT_OK:
		return oracle_holds(reason < PS_R_SPOOFED_SOURCE, "what has a reason to be dropped is");
	case TC_ACT_SHOT:
		return oracle_holds(reason >= PS_R_SPOOFED_SOURCE, "what has no reason to be dropped is not");
	case TC_ACT_REDIRECT:
		if (reason == PS_R_SEALED || reason == PS_R_OPENED)
			return;
		oracle_holds(reason == PS_R_TOO_BIG || reason == PS_R_HOP_LIMIT, "only errors answer");
		oracle_holds(ps_native_kernel.redirected_to == skb->ifindex,
			     "an error goes back where its cause came from");
		return oracle_icmp(skb, p);
	default:
		oracle_holds(0, "a program passes, drops or redirects");
	}
}

/* Of a packet that goes on in clear: no pod of another node is where it goes, nobody's address but the sender's is in it. */
static inline void oracle_stays_in(const struct __sk_buff *skb, int is_from_pod, __u32 device)
{
	struct ps_addr from, to;

	if (!oracle_address(skb, 0, &from) || !oracle_address(skb, 1, &to))
		return;
	oracle_holds(!oracle_is_protected(&to) ||
			     (is_from_pod && (oracle_is_pod(&to, 0, 2) || oracle_is_pod(&to, 0, 3))),
		     "nothing for a pod elsewhere leaves in clear");
	if (is_from_pod && oracle_is_protected(&from))
		oracle_holds(oracle_is_pod(&from, 0, device == WORLD_POD_DEVICE ? 2 : 3), "no pod speaks for another");
}

/* Of a packet that came in clear and goes on: it does not say that it is from a pod. */
static inline void oracle_comes_from_outside(const struct __sk_buff *skb)
{
	struct ps_addr from;

	if (oracle_address(skb, 0, &from))
		oracle_holds(!oracle_is_protected(&from), "no pod's address comes in clear");
}

/* ---- sealed ---- */

/* Makes outer headers say the packet's real length. */
static inline void oracle_set_lengths(struct __sk_buff *skb, int ipv6)
{
	const __u32 len = skb->len - ETH_HLEN, at = ETH_HLEN + (ipv6 ? 40 : 20);
	const __be16 ip_len = bpf_htons(ipv6 ? len - 40 : len), udp_len = bpf_htons(skb->len - at);
	__u8 *ip = (__u8 *)skb->data + ETH_HLEN;
	__u16 check;

	memcpy(ip + (ipv6 ? 4 : 2), &ip_len, sizeof(ip_len));
	memcpy((__u8 *)skb->data + at + 4, &udp_len, sizeof(udp_len));
	if (ipv6)
		return;
	memset(ip + 10, 0, sizeof(check));
	check = bpf_htons(~oracle_sum(0, ip, 20));
	memcpy(ip + 10, &check, sizeof(check));
}

/* Of a packet that was sealed: it is ESP in UDP from node to node, and every length and checksum in it is right. */
static inline void oracle_outer(const struct __sk_buff *skb, const struct ps_packet *p, __u16 mtu)
{
	const int ipv6 = skb->protocol == bpf_htons(ETH_P_IPV6);
	const int peer = p->peer - 1;
	__u8 frame[INPUT_MAX + 256], *ip = frame + ETH_HLEN, *udp = ip + (ipv6 ? 40 : 20);
	const __u32 udp_len = skb->len - ETH_HLEN - (ipv6 ? 40 : 20);
	struct ps_addr from, to;

	oracle_copy(skb, frame);
	oracle_holds(ipv6 == world_is_over_ipv6(0, peer), "the outer family is the peer's");
	oracle_holds(oracle_address(skb, 0, &from) && oracle_is(&from, world_underlay(0, ipv6)) &&
			     oracle_address(skb, 1, &to) && oracle_is(&to, world_underlay(peer, ipv6)),
		     "it goes from node to node");
	oracle_holds((udp[4] << 8 | udp[5]) == (int)udp_len, "the UDP length");
	oracle_holds((udp[2] << 8 | udp[3]) == WORLD_ESP_PORT, "the UDP port");
	if (ipv6) {
		oracle_holds((ip[4] << 8 | ip[5]) == (int)udp_len && ip[6] == IPPROTO_UDP, "the IPv6 header");
		oracle_holds(oracle_sum(oracle_pseudo_sum(ip, IPPROTO_UDP), udp, udp_len) == 0xffff,
			     "the UDP checksum");
	} else {
		oracle_holds((ip[2] << 8 | ip[3]) == (int)(skb->len - ETH_HLEN) && ip[9] == IPPROTO_UDP,
			     "the IPv4 header");
		oracle_holds(oracle_sum(0, ip, 20) == 0xffff, "the IPv4 header's checksum");
		oracle_holds((ip[6] & 0xe0) == 0x40, "it must not be fragmented");
		oracle_holds(!udp[6] && !udp[7], "no UDP checksum over IPv4");
	}
	oracle_holds(skb->len - ETH_HLEN <= mtu, "it fits the peer's MTU");
	oracle_holds(udp_len % 4 == 0, "ESP ends on a word");
}

/* What forwarding may change is made equal: hops and the header checksum, and of a SYN all of TCP's header. */
static inline void oracle_level(__u8 *ip, const struct ps_packet *p)
{
	__u32 transport = p->transport - p->l3;

	if (p->version == 4) {
		ip[8] = 0;
		memset(ip + 10, 0, 2);
	} else {
		ip[7] = 0;
	}
	if (p->protocol == IPPROTO_TCP && p->fragment != PS_FRAGMENT_LATER && p->length >= transport + 20 &&
	    ip[transport + 13] & 2)
		memset(ip + transport, 0, p->length - transport);
}

/* Of a packet that was opened: what was in it is what was sealed, from `frame`. */
static inline void oracle_same_inner(const struct __sk_buff *skb, const __u8 *frame, const struct ps_packet *sent)
{
	__u8 before[INPUT_MAX + 256], after[INPUT_MAX + 256];

	oracle_holds(skb->len == ETH_HLEN + sent->length, "what is opened is as long as what was sealed");
	oracle_copy(skb, after);
	memcpy(before, frame + ETH_HLEN, sent->length);
	oracle_level(before, sent);
	oracle_level(after + ETH_HLEN, sent);
	oracle_holds(!memcmp(before, after + ETH_HLEN, sent->length), "what is opened is what was sealed");
}

static inline __u8 oracle_ecn(const __u8 *ip)
{
	return (ip[0] >> 4 == 4 ? ip[1] : ip[1] >> 4) & 3;
}

/* Of a packet that was opened: its congestion mark is what RFC 6040, figure 4, makes of both; some pairs must drop. */
static inline void oracle_congestion(const struct __sk_buff *skb, __u8 inner, __u8 outer)
{
	static const __u8 leaves[4][4] = { { 0, 0, 0, 0xff }, { 1, 1, 1, 3 }, { 2, 1, 2, 3 }, { 3, 3, 3, 3 } };
	__u8 ip[2];

	oracle_holds(!bpf_skb_load_bytes(skb, ETH_HLEN, ip, sizeof(ip)) && oracle_ecn(ip) == leaves[inner][outer & 3],
		     "congestion marks leave the tunnel as they should");
}

/* Of a packet that a peer made and that was opened: it is from that peer's pod, whole, and for the pod that gets it. */
static inline void oracle_delivered(const struct __sk_buff *skb, int action, int sender)
{
	__u8 frame[INPUT_MAX + 256], *ip = frame + ETH_HLEN, mac[ETH_ALEN];
	struct ps_addr from, to;

	oracle_copy(skb, frame);
	oracle_holds(action == TC_ACT_REDIRECT && ps_native_kernel.redirected_to == WORLD_POD_DEVICE,
		     "it goes to the pod's device");
	oracle_holds(oracle_address(skb, 0, &from) && oracle_is_pod(&from, sender, 2), "it is from a pod of that peer");
	oracle_holds(oracle_address(skb, 1, &to) && oracle_is_pod(&to, 0, 2), "it is for a pod that has an identity");
	world_mac(mac, WORLD_POD_DEVICE);
	oracle_holds(!memcmp(frame, mac, ETH_ALEN), "its frame is for that pod");
	oracle_holds(!skb->mark, "no mark of the host goes with it");
	oracle_holds(skb->len == ETH_HLEN + (skb->protocol == bpf_htons(ETH_P_IP) ? (__u32)(ip[2] << 8 | ip[3])
										  : 40 + (__u32)(ip[4] << 8 | ip[5])),
		     "it is as long as it says");
}

#endif
