/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Poly1305 (RFC 8439, 2.5) with 64-bit products only. No branch or address depends on key or data.
 *
 * The accumulator is h0 + h1 2^32 + h2 2^64 + h3 2^96 + h4 2^128. Clamping leaves r1, r2, r3 divisible by 4, so what a
 * product carries past 2^128 folds back as s = 5 r / 4 (2^130 = 5 modulo the prime).
 *
 * Bounds, between blocks: h0, h2, h3 < 2^32, h1 <= 2^32 + 1, h4 <= 3. A block's words are added without carrying, which
 * leaves limbs <= 2^33 and h4 <= 4; with r < 2^28 and s < 1.25 * 2^28 a column is at most 4.75 * 2^61 and small terms,
 * below 2^64.
 */
#ifndef PODSHIELD_POLY1305_H
#define PODSHIELD_POLY1305_H

#include "words.h"

#define PS_POLY1305_WORDS 4
#define PS_POLY1305_BLOCK (4 * PS_POLY1305_WORDS)

struct ps_poly1305 {
	__u64 h[5];
	__u32 r[PS_POLY1305_WORDS];
	__u32 s[PS_POLY1305_WORDS]; /* s[0] is not used */
	__u32 pad[PS_POLY1305_WORDS];
};

/* `key` is the one-time key as 8 words: r, then the pad the tag ends with. */
static __always_inline void ps_poly1305_start(struct ps_poly1305 *p, const __u32 *key)
{
	p->r[0] = key[0] & 0x0fffffff;
	p->r[1] = key[1] & 0x0ffffffc;
	p->r[2] = key[2] & 0x0ffffffc;
	p->r[3] = key[3] & 0x0ffffffc;
	for (int i = 0; i < PS_POLY1305_WORDS; i++) {
		p->s[i] = p->r[i] + (p->r[i] >> 2);
		p->pad[i] = key[PS_POLY1305_WORDS + i];
		p->h[i] = 0;
	}
	p->h[4] = 0;
}

/*
 * Takes in one block of 4 words. `top` is 1; it is 0 for a last block that is shorter, which the caller then gives with a
 * byte 1 and zeros after it (RFC 8439, 2.5.1).
 */
static __always_inline void ps_poly1305_block(struct ps_poly1305 *p, const __u32 *m, __u32 top)
{
	__u64 h0 = p->h[0] + m[0];
	__u64 h1 = p->h[1] + m[1];
	__u64 h2 = p->h[2] + m[2];
	__u64 h3 = p->h[3] + m[3];
	__u64 h4 = p->h[4] + top;
	__u64 r0 = p->r[0], r1 = p->r[1], r2 = p->r[2], r3 = p->r[3];
	__u64 s1 = p->s[1], s2 = p->s[2], s3 = p->s[3];
	__u64 d0 = h0 * r0 + h1 * s3 + h2 * s2 + h3 * s1;
	__u64 d1 = h0 * r1 + h1 * r0 + h2 * s3 + h3 * s2 + h4 * s1 + (d0 >> 32);
	__u64 d2 = h0 * r2 + h1 * r1 + h2 * r0 + h3 * s3 + h4 * s2 + (d1 >> 32);
	__u64 d3 = h0 * r3 + h1 * r2 + h2 * r1 + h3 * r0 + h4 * s3 + (d2 >> 32);
	__u64 d4 = h4 * r0 + (d3 >> 32);

	d0 = (__u32)d0 + (d4 >> 2) + (d4 & ~3ULL);
	p->h[0] = (__u32)d0;
	p->h[1] = (__u32)d1 + (d0 >> 32);
	p->h[2] = (__u32)d2;
	p->h[3] = (__u32)d3;
	p->h[4] = d4 & 3;
}

/* Gives the tag as 4 words. */
static __always_inline void ps_poly1305_finish(const struct ps_poly1305 *p, __u32 *tag)
{
	__u64 h[5], carry = 0, minus = 5;
	__u32 below[PS_POLY1305_WORDS], over;

	for (int i = 0; i < 5; i++) {
		h[i] = p->h[i] + carry;
		carry = i < 4 ? h[i] >> 32 : 0;
		h[i] = i < 4 ? (__u32)h[i] : h[i];
	}
	/* h + 5 reaches 2^130 exactly when h is not below the prime; then its low bits are h less the prime. */
	for (int i = 0; i < PS_POLY1305_WORDS; i++) {
		minus += h[i];
		below[i] = (__u32)minus;
		minus >>= 32;
	}
	over = -(__u32)((minus + h[4]) >> 2);
	carry = 0;
	for (int i = 0; i < PS_POLY1305_WORDS; i++) {
		carry += (__u64)((below[i] & over) | ((__u32)h[i] & ~over)) + p->pad[i];
		tag[i] = (__u32)carry;
		carry >>= 32;
	}
}

#endif
