/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* The stamp: our bits of skb->mark, by which one program tells a later one what it decided. Other bits stay as they are. */
#ifndef PODSHIELD_STAMP_H
#define PODSHIELD_STAMP_H

#include <linux/bpf.h>

#include "../abi/podshield_abi.h"

static __always_inline enum ps_stamp ps_stamp_get(const struct __sk_buff *skb, const struct ps_config *config)
{
	return (skb->mark & config->mark_mask) >> (config->mark_shift & 31);
}

/*
 * On what we sealed, besides the stamp: it passes our next hook unread, so more must speak for it than bits of the mark,
 * which other rules of the host may set by mistake. Only programs of the kernel write tc_index.
 */
#define PS_STAMP_SEALED_INDEX 0x5053

static __always_inline void ps_stamp_set(struct __sk_buff *skb, const struct ps_config *config, enum ps_stamp stamp)
{
	skb->mark = (skb->mark & ~config->mark_mask) | ((__u32)stamp << (config->mark_shift & 31) & config->mark_mask);
	if (stamp == PS_STAMP_SEALED)
		skb->tc_index = PS_STAMP_SEALED_INDEX;
	else if (skb->tc_index == PS_STAMP_SEALED_INDEX)
		skb->tc_index = 0;
}

/* Whether one of our programs sealed this packet, on this host. */
static __always_inline int ps_stamp_is_sealed(const struct __sk_buff *skb, const struct ps_config *config)
{
	return skb->tc_index == PS_STAMP_SEALED_INDEX && ps_stamp_get(skb, config) == PS_STAMP_SEALED;
}

#endif
