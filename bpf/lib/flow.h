/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * A keyed hash of the inner flow (SipHash-1-3), so that networks which balance by ports keep a flow on one path, while
 * the ports tell a listener nothing. Fragments hash without ports, all of a packet alike.
 */
#ifndef PODSHIELD_FLOW_H
#define PODSHIELD_FLOW_H

#include "packet.h"

#define PS_FLOW_WORDS 5

static __always_inline __u64 ps_flow_rotate(__u64 word, int bits)
{
	return word << bits | word >> (64 - bits);
}

static __always_inline void ps_flow_round(__u64 *v)
{
	v[0] += v[1];
	v[1] = ps_flow_rotate(v[1], 13) ^ v[0];
	v[0] = ps_flow_rotate(v[0], 32);
	v[2] += v[3];
	v[3] = ps_flow_rotate(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = ps_flow_rotate(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = ps_flow_rotate(v[1], 17) ^ v[2];
	v[2] = ps_flow_rotate(v[2], 32);
}

static __always_inline __u64 ps_flow_word(const struct ps_addr *addr, int i)
{
	return ps_address_word(addr, 2 * i) | (__u64)ps_address_word(addr, 2 * i + 1) << 32;
}

static __always_inline __u64 ps_flow_hash(const struct ps_packet *p, const struct ps_config *config)
{
	__u64 ports = p->fragment ? 0 : (__u64)p->src_port << 16 | p->dst_port;
	const __u64 m[PS_FLOW_WORDS] = { ps_flow_word(&p->src, 0), ps_flow_word(&p->src, 1), ps_flow_word(&p->dst, 0),
					 ps_flow_word(&p->dst, 1), ports << 8 | p->protocol };
	__u64 v[4] = { config->hash_key[0] ^ 0x736f6d6570736575ULL, config->hash_key[1] ^ 0x646f72616e646f6dULL,
		       config->hash_key[0] ^ 0x6c7967656e657261ULL, config->hash_key[1] ^ 0x7465646279746573ULL };

#pragma clang loop unroll(full)
	for (int i = 0; i < PS_FLOW_WORDS; i++) {
		v[3] ^= m[i];
		ps_flow_round(v);
		v[0] ^= m[i];
	}
	v[2] ^= 0xff;
#pragma clang loop unroll(full)
	for (int i = 0; i < 3; i++)
		ps_flow_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

#endif
