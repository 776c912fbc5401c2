/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* Addresses in the ABI's one form: 16 bytes, IPv4 as ::ffff:a.b.c.d. */
#ifndef PODSHIELD_ADDRESS_H
#define PODSHIELD_ADDRESS_H

#include <linux/types.h>
#include <bpf/bpf_endian.h>

#include "../abi/podshield_abi.h"

typedef __u32 __attribute__((may_alias)) ps_addr_word;

#define PS_ADDR_MAPPED bpf_htonl(0xffff)

static __always_inline __u32 ps_address_word(const struct ps_addr *addr, int i)
{
	return ((const ps_addr_word *)addr->b)[i];
}

static __always_inline void ps_address_set_v4(struct ps_addr *addr, __u32 v4_be)
{
	ps_addr_word *words = (ps_addr_word *)addr->b;

	words[0] = words[1] = 0;
	words[2] = PS_ADDR_MAPPED;
	words[3] = v4_be;
}

static __always_inline __u32 ps_address_v4(const struct ps_addr *addr)
{
	return ps_address_word(addr, 3);
}

static __always_inline int ps_address_is_v4(const struct ps_addr *addr)
{
	return !(ps_address_word(addr, 0) | ps_address_word(addr, 1) | (ps_address_word(addr, 2) ^ PS_ADDR_MAPPED));
}

static __always_inline int ps_address_equal(const struct ps_addr *a, const struct ps_addr *b)
{
	__u32 differ = 0;

	for (int i = 0; i < 4; i++)
		differ |= ps_address_word(a, i) ^ ps_address_word(b, i);
	return !differ;
}

/* The unspecified address of either family. */
static __always_inline int ps_address_is_any(const struct ps_addr *addr)
{
	__u32 middle = ps_address_word(addr, 2);

	return !(ps_address_word(addr, 0) | ps_address_word(addr, 1) | ps_address_word(addr, 3)) &&
	       (!middle || middle == PS_ADDR_MAPPED);
}

/* Multicast, or the limited broadcast address of IPv4. */
static __always_inline int ps_address_is_multicast(const struct ps_addr *addr)
{
	if (ps_address_is_v4(addr))
		return (addr->b[12] & 0xf0) == 0xe0 || ps_address_v4(addr) == 0xffffffff;
	return addr->b[0] == 0xff;
}

/* fe80::/10 */
static __always_inline int ps_address_is_link_local(const struct ps_addr *addr)
{
	return addr->b[0] == 0xfe && (addr->b[1] & 0xc0) == 0x80;
}

/* ff02::/16: multicast that stays on the link. */
static __always_inline int ps_address_is_link_multicast(const struct ps_addr *addr)
{
	return addr->b[0] == 0xff && addr->b[1] == 0x02;
}

#endif
