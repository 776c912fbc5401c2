/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* Congestion marks through the tunnel (RFC 6040); the sealing side copies them outwards (normal mode). */
#ifndef PODSHIELD_ECN_H
#define PODSHIELD_ECN_H

#include <linux/types.h>

#define PS_ECN_MASK 3
#define PS_ECN_NOT_ECT 0
#define PS_ECN_ECT1 1
#define PS_ECN_ECT0 2
#define PS_ECN_CE 3

/* The mark of a packet that has left the tunnel (RFC 6040, figure 4), or negative: it must be dropped. */
static __always_inline int ps_ecn_leave(__u8 inner, __u8 outer)
{
	inner &= PS_ECN_MASK;
	outer &= PS_ECN_MASK;
	if (outer == PS_ECN_CE)
		return inner == PS_ECN_NOT_ECT ? -1 : PS_ECN_CE;
	if (inner == PS_ECN_ECT0 && outer == PS_ECN_ECT1)
		return PS_ECN_ECT1;
	return inner;
}

#endif
