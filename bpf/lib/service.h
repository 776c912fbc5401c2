/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Flows of pods through the host's stack. There a service's address becomes that of a pod, and in the answers that pod's
 * becomes the service's again: so answers must pass the stack as well, and may then come from an address that is no pod's.
 *
 * The least recently used flow makes room for a new one, and is known again with the pod's next packet.
 */
#ifndef PODSHIELD_SERVICE_H
#define PODSHIELD_SERVICE_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "maps.h"
#include "packet.h"

/* The pod that sends `p` waits for answers from the stack. That the map refuses costs only those. */
static __noinline void ps_service_note(const struct ps_packet *p)
{
	const struct ps_flow_key key = { .pod = p->src,
					 .other = p->dst,
					 .pod_port = p->src_port,
					 .other_port = p->dst_port,
					 .protocol = p->protocol };
	const __u32 present = 1;

	if (!bpf_map_lookup_elem(&ps_flows, &key))
		bpf_map_update_elem(&ps_flows, &key, &present, BPF_ANY);
}

/* Whether `p` is such an answer. */
static __noinline int ps_service_is_answer(const struct ps_packet *p)
{
	const struct ps_flow_key key = { .pod = p->dst,
					 .other = p->src,
					 .pod_port = p->dst_port,
					 .other_port = p->src_port,
					 .protocol = p->protocol };

	return bpf_map_lookup_elem(&ps_flows, &key) != 0;
}

#endif
