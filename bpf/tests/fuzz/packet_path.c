// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/*
 * Fuzzes the four programs, natively and under sanitizers, with packets from pods, from networks, and from a peer that
 * holds a key and seals anything. Besides memory errors it finds broken promises: what leaves in clear, what is
 * delivered unproven, what one end seals and the other does not open.
 */
#include <stdio.h>
#include <stdlib.h>

/* Small tables, for every input begins with empty ones. */
#include "../../abi/podshield_abi.h"
#undef PS_SA_SLOTS
#define PS_SA_SLOTS 128

#include "../../podshield.bpf.c"
#include "input.h"
#include "oracle.h"
#include "world.h"

static const struct input *current;

/* ---- the stage ---- */

static __u16 mtu(void)
{
	static const __u16 mtus[] = { 1500, PS_PACKET_MAX, 1280, 120 };

	return mtus[current->mtu % 4];
}

static long answer_route(struct bpf_fib_lookup *fib)
{
	static const __u8 to_host[] = { 169, 254, 1, 1 };
	__u8 node = fib->family == PS_ROUTE_INET ? ((__u8 *)&fib->ipv4_dst)[3] : ((__u8 *)fib->ipv6_dst)[15];

	if (current->fib)
		return current->fib % (BPF_FIB_LKUP_RET_FRAG_NEEDED + 1);
	if (!memcmp(&fib->ipv4_dst, to_host, sizeof(to_host)))
		return BPF_FIB_LKUP_RET_NOT_FWDED;
	if (fib->tot_len > mtu()) {
		fib->mtu_result = mtu();
		return BPF_FIB_LKUP_RET_FRAG_NEEDED;
	}
	fib->ifindex = WORLD_UPLINK;
	return node % 2 ? BPF_FIB_LKUP_RET_SUCCESS : BPF_FIB_LKUP_RET_NO_NEIGH;
}

static void set_stage(int node)
{
	static const __u32 flags[] = { PS_F_READY, PS_F_READY | PS_F_PERMISSIVE, 0, PS_F_PERMISSIVE };

	world_enter(node, flags[current->readiness % 4], mtu());
	ps_native_kernel = (struct ps_native_kernel){ .boot_ns = WORLD_NOW, .fib = answer_route };
}

static int is_ready(void)
{
	return current->readiness % 4 < 2;
}

static void make_packet(struct __sk_buff *skb, const __u8 *frame, __u32 len)
{
	int framed = !(current->shape & SHAPE_UNFRAMED);
	/* The kernel has taken a frame's header off and put it back by then: it is linear. */
	__u32 linear = framed && current->linear < ETH_HLEN ? ETH_HLEN : current->linear;

	ps_native_packet_make(skb, frame + (framed ? 0 : ETH_HLEN), len - (framed ? 0 : ETH_HLEN), linear, framed);
	if (!framed)
		memcpy(&skb->protocol, frame + ETH_HLEN - 2, 2);
	skb->unfinished = !!(current->shape & SHAPE_UNFINISHED);
	skb->summed = !!(current->shape & SHAPE_SUMMED);
	skb->gso_segs = current->shape & SHAPE_GSO ? 2 : 0;
	skb->gso_size = current->shape & SHAPE_GSO ? 1000 : 0;
	skb->vlan_present = !!(current->shape & SHAPE_VLAN);
	skb->mark = current->mark * (0x01010101u >> 8);
}

static __u32 device_of(__u8 choice)
{
	static const __u32 devices[] = { WORLD_POD_DEVICE, WORLD_UPLINK, WORLD_NAMELESS_DEVICE, 77, 0 };

	return devices[choice % 5];
}

static int run(int (*program)(struct __sk_buff *), struct __sk_buff *skb, __u32 device, __u32 ingress)
{
	int action;

	skb->ifindex = device;
	skb->ingress_ifindex = ingress;
	ps_native_kernel.redirected_to = 0;
	action = program(skb);
	oracle_verdict(skb, action, oracle_packet());
	return action;
}

/* ---- what is sealed here is opened there ---- */

static int node_of_peer(__u32 peer)
{
	return peer - 1;
}

static void expect_opened(struct __sk_buff *sealed, const __u8 *frame, const struct ps_packet *sent)
{
	struct __sk_buff arrived;
	int action;

	set_stage(node_of_peer(sent->peer));
	/* A device without frames leaves the type to whoever sends it on. */
	memcpy((__u8 *)sealed->data + ETH_HLEN - 2, &sealed->protocol, 2);
	make_packet(&arrived, (__u8 *)sealed->data, sealed->len);
	arrived.unfinished = arrived.gso_segs = arrived.gso_size = arrived.vlan_present = 0;
	action = run(from_uplink, &arrived, WORLD_UPLINK, WORLD_UPLINK);
	if (sent->ttl <= 1) {
		oracle_holds(oracle_packet()->reason == PS_R_HOP_LIMIT, "a packet without hops left is not delivered");
	} else {
		oracle_holds(oracle_packet()->reason == PS_R_OPENED && action == TC_ACT_REDIRECT &&
				     ps_native_kernel.redirected_to == WORLD_POD_DEVICE,
			     "what one node seals its peer opens");
		oracle_same_inner(&arrived, frame, sent);
	}
	ps_native_packet_free(&arrived);
}

/* ---- the programs ---- */

static void run_sender(int (*program)(struct __sk_buff *), const __u8 *frame, __u32 len, __u32 device, __u32 ingress)
{
	struct __sk_buff skb;
	struct ps_packet sent;
	int action;

	set_stage(0);
	make_packet(&skb, frame, len);
	ps_native_kernel.fail_at = current->fail_at;
	ps_native_kernel.fail_error = -ENOMEM;
	action = run(program, &skb, device, ingress);
	sent = *oracle_packet();
	if (action == TC_ACT_OK && !(current->readiness % 4) && !current->fib)
		oracle_stays_in(&skb, program == from_pod, device);
	if (sent.reason == PS_R_SEALED) {
		oracle_holds(is_ready() && !(current->shape & (SHAPE_UNFINISHED | SHAPE_GSO)),
			     "only whole packets are sealed");
		oracle_outer(&skb, &sent, mtu());
		expect_opened(&skb, frame, &sent);
	}
	ps_native_packet_free(&skb);
}

static void run_from_uplink(const __u8 *frame, __u32 len)
{
	struct __sk_buff skb;
	int action;

	set_stage(0);
	make_packet(&skb, frame, len);
	ps_native_kernel.fail_at = current->fail_at;
	ps_native_kernel.fail_error = -ENOMEM;
	action = run(from_uplink, &skb, WORLD_UPLINK, WORLD_UPLINK);
	oracle_holds(oracle_packet()->reason != PS_R_OPENED, "nobody without a key is let in");
	if (action == TC_ACT_OK && !(current->readiness % 4))
		oracle_comes_from_outside(&skb);
	ps_native_packet_free(&skb);
}

static void run_to_pod(const __u8 *frame, __u32 len)
{
	__u32 ingress = device_of(current->ingress);
	struct __sk_buff skb;
	int action;

	set_stage(0);
	make_packet(&skb, frame, len);
	action = run(to_pod, &skb, device_of(current->device), ingress);
	oracle_holds(is_ready() || action == TC_ACT_SHOT, "nothing reaches a pod before the first image");
	if (action == TC_ACT_OK && ingress && (skb.mark & WORLD_MARK_MASK) == 0 && !(current->readiness % 4))
		oracle_comes_from_outside(&skb);
	ps_native_packet_free(&skb);
}

/* ---- a peer that seals what it likes ---- */

/* Writes frame and outer headers, the input's bytes as plaintext, and seals them. The length of all. */
static __u32 seal_as_peer(__u8 *to, const __u8 *plain, __u32 len, int sender)
{
	const int ipv6 = world_is_over_ipv6(sender, 0);
	const __u32 headers = ETH_HLEN + ps_esp_header_len(ipv6 ? 6 : 4);
	struct ps_packet p = { .spi = world_spi(sender, 0),
			       .sequence = current->sequence,
			       .tos = current->outer_tos,
			       .version = 4,
			       .length = len };
	struct __sk_buff skb;
	__u8 key[PS_KEY_LEN], salt[PS_SALT_LEN] = {};

	memset(key, 16 * sender, sizeof(key));
	p.outer.local = world_underlay(sender, ipv6);
	p.outer.remote = world_underlay(0, ipv6);
	p.outer.port = WORLD_ESP_PORT;
	memset(to, 0, headers);
	memcpy(to + ETH_HLEN - 2, ipv6 ? "\x86\xdd" : "\x08\x00", 2);
	memcpy(to + headers, plain, len);
	memset(to + headers + len, 0, PS_ESP_TAG_LEN);
	ps_native_packet_make(&skb, to, headers + len + PS_ESP_TAG_LEN, ~0u, 1);
	oracle_holds(!(ipv6 ? ps_encap_write_v6(&skb, &p) : ps_encap_write_v4(&skb, &p)), "headers fit");
	oracle_set_lengths(&skb, ipv6);
	oracle_holds(!ps_aead_seal(&skb, key, salt, p.spi, p.sequence, headers, len), "a peer can seal");
	memcpy(to, (void *)skb.data, skb.len);
	len = skb.len;
	ps_native_packet_free(&skb);
	return len;
}

static void run_opened(const __u8 *frame, __u32 len, const __u8 *plain)
{
	struct __sk_buff skb;
	int action;

	make_packet(&skb, frame, len);
	ps_native_kernel.fail_at = current->fail_at;
	ps_native_kernel.fail_error = -ENOMEM;
	action = run(from_uplink, &skb, WORLD_UPLINK, WORLD_UPLINK);
	if (oracle_packet()->reason == PS_R_OPENED) {
		oracle_holds(is_ready(), "nothing is opened before the first image");
		oracle_delivered(&skb, action, 1 + current->sender % 2);
		oracle_congestion(&skb, oracle_ecn(plain), current->outer_tos);
	}
	ps_native_packet_free(&skb);
}

static void refuse_changed(__u8 *frame, __u32 len, __u32 headers)
{
	__u32 at = headers - sizeof(struct ps_esp) + current->change % (len - headers + sizeof(struct ps_esp));
	struct __sk_buff skb;

	frame[at] ^= 1 << current->sequence % 8;
	make_packet(&skb, frame, len);
	run(from_uplink, &skb, WORLD_UPLINK, WORLD_UPLINK);
	oracle_holds(oracle_packet()->reason != PS_R_OPENED, "a changed packet is not opened");
	ps_native_packet_free(&skb);
	frame[at] ^= 1 << current->sequence % 8;
}

static void run_sealed(const __u8 *plain, __u32 len)
{
	static __u8 frame[INPUT_MAX + 256];
	const int sender = 1 + current->sender % 2;
	const __u32 headers = ETH_HLEN + ps_esp_header_len(world_is_over_ipv6(sender, 0) ? 6 : 4);
	int opened;

	if (len > PS_PACKET_MAX)
		return;
	set_stage(0);
	len = seal_as_peer(frame, plain, len, sender);
	refuse_changed(frame, len, headers);
	run_opened(frame, len, plain);
	opened = oracle_packet()->reason == PS_R_OPENED;
	ps_native_kernel.fail_at = 0;
	if (!opened)
		return;
	run_opened(frame, len, plain);
	oracle_holds(oracle_packet()->reason == PS_R_REPLAY, "nothing is let in twice");
}

/* ---- one input ---- */

static void run_input(const __u8 *bytes, __u32 len)
{
	switch (current->program % 5) {
	case 0:
		return run_sender(from_pod, bytes, len, device_of(current->device), device_of(current->device));
	case 1:
		return run_sender(to_uplink, bytes, len, WORLD_UPLINK, device_of(current->ingress));
	case 2:
		return run_from_uplink(bytes, len);
	case 3:
		return run_to_pod(bytes, len);
	default:
		return run_sealed(bytes, len);
	}
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	struct input input;

	if (size < sizeof(input) + ETH_HLEN || size > INPUT_MAX)
		return -1;
	memcpy(&input, data, sizeof(input));
	/* Pods' devices have frames. */
	if (input.program % 5 == 0 || input.program % 5 == 3)
		input.shape &= ~SHAPE_UNFRAMED;
	current = &input;
	run_input(data + sizeof(input), size - sizeof(input));
	ps_native_maps_clear();
	return 0;
}
