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

static __always_inline void ps_stamp_set(struct __sk_buff *skb, const struct ps_config *config, enum ps_stamp stamp)
{
	skb->mark = (skb->mark & ~config->mark_mask) | ((__u32)stamp << (config->mark_shift & 31) & config->mark_mask);
}

#endif
