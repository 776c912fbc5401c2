/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* The end of every packet: counted by reason; a drop is also told to the daemon, within a rate for each reason. */
#ifndef PODSHIELD_VERDICT_H
#define PODSHIELD_VERDICT_H

#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>

#include "maps.h"
#include "packet.h"

#define PS_VERDICT_DROPS 32 /* reasons from here on are drops */
#define PS_VERDICT_SECOND 1000000000ULL

enum ps_verdict_lost {
	PS_VERDICT_RING_FULL = 0,
	PS_VERDICT_LIMITED = 1,
};

/* Events of a reason in a second of boot time. Racing CPUs may let a few more through at the turn of a second. */
struct ps_event_rate {
	__u64 second;
	__u64 sent;
};

PS_MAP(ps_event_rates, BPF_MAP_TYPE_ARRAY, __u32, struct ps_event_rate, PS_R_COUNT);

static __always_inline void ps_verdict_count(__u32 reason, __u32 bytes)
{
	struct ps_counter *counter = bpf_map_lookup_elem(&ps_counters, &reason);

	if (!counter)
		return;
	counter->packets++;
	counter->bytes += bytes;
}

static __always_inline void ps_verdict_lose(enum ps_verdict_lost why)
{
	__u32 index = why;
	__u64 *lost = bpf_map_lookup_elem(&ps_event_lost, &index);

	if (lost)
		*lost += 1;
}

static __always_inline int ps_verdict_may_tell(__u32 reason, __u64 now)
{
	struct ps_event_rate *rate = bpf_map_lookup_elem(&ps_event_rates, &reason);
	const struct ps_config *config = ps_maps_config();
	__u64 second = now / PS_VERDICT_SECOND;

	if (!rate || !config)
		return 0;
	if (rate->second != second) {
		rate->second = second;
		rate->sent = 0;
	}
	return __sync_fetch_and_add(&rate->sent, 1) < config->event_burst;
}

static __always_inline void ps_verdict_tell(const struct ps_packet *p, __u32 reason)
{
	__u64 now = bpf_ktime_get_boot_ns();
	struct ps_event *event;

	if (!ps_verdict_may_tell(reason, now))
		return ps_verdict_lose(PS_VERDICT_LIMITED);
	event = bpf_ringbuf_reserve(&ps_events, sizeof(*event), 0);
	if (!event)
		return ps_verdict_lose(PS_VERDICT_RING_FULL);
	event->boot_ns = now;
	event->reason = reason;
	event->hook = p->hook;
	event->ifindex = p->ifindex;
	event->peer = p->peer;
	event->src_identity = p->src_identity;
	event->dst_identity = p->dst_identity;
	event->spi = p->spi;
	event->error = p->error;
	event->sequence = p->sequence;
	event->src = p->src;
	event->dst = p->dst;
	event->src_port = p->src_port;
	event->dst_port = p->dst_port;
	event->length = p->length;
	event->protocol = p->protocol;
	event->flags = 0;
	bpf_ringbuf_submit(event, 0);
}

/* Ends a program. PS_R_NONE passes uncounted: an earlier program has decided and counted. */
static __noinline int ps_verdict(struct ps_packet *p)
{
	__u32 reason = p->reason;

	if (reason)
		ps_verdict_count(reason, p->length);
	if (reason >= PS_VERDICT_DROPS)
		ps_verdict_tell(p, reason);
	if (p->action)
		return p->action;
	return reason >= PS_VERDICT_DROPS ? TC_ACT_SHOT : TC_ACT_OK;
}

#endif
