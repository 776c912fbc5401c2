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
	__u64 h0, h1, h2, h3, h4;
	__u32 r0, r1, r2, r3;
	__u32 s1, s2, s3;
	__u32 pad[PS_POLY1305_WORDS]; /* what is added in the end */
};

/* `key` is the one-time key as 8 words: r, then the pad. */
static __always_inline void ps_poly1305_start(struct ps_poly1305 *p, const __u32 *key)
{
	p->h0 = p->h1 = p->h2 = p->h3 = p->h4 = 0;
	p->r0 = key[0] & 0x0fffffff;
	p->r1 = key[1] & 0x0ffffffc;
	p->r2 = key[2] & 0x0ffffffc;
	p->r3 = key[3] & 0x0ffffffc;
	p->s1 = p->r1 + (p->r1 >> 2);
	p->s2 = p->r2 + (p->r2 >> 2);
	p->s3 = p->r3 + (p->r3 >> 2);
	for (int i = 0; i < PS_POLY1305_WORDS; i++)
		p->pad[i] = key[PS_POLY1305_WORDS + i];
}

/*
 * Takes in one block of 4 words. `top` is 1; it is 0 for a last block that is shorter, which the caller then gives with a
 * byte 1 and zeros after it (RFC 8439, 2.5.1).
 */
static __always_inline void ps_poly1305_block(struct ps_poly1305 *p, const __u32 *m, __u32 top)
{
	__u64 r0 = p->r0, r1 = p->r1, r2 = p->r2, r3 = p->r3, s1 = p->s1, s2 = p->s2, s3 = p->s3;
	__u64 h0 = p->h0 + m[0];
	__u64 h1 = p->h1 + m[1];
	__u64 h2 = p->h2 + m[2];
	__u64 h3 = p->h3 + m[3];
	__u64 h4 = p->h4 + top;
	__u64 d0 = h0 * r0 + h1 * s3 + h2 * s2 + h3 * s1;
	__u64 d1 = h0 * r1 + h1 * r0 + h2 * s3 + h3 * s2 + h4 * s1 + (d0 >> 32);
	__u64 d2 = h0 * r2 + h1 * r1 + h2 * r0 + h3 * s3 + h4 * s2 + (d1 >> 32);
	__u64 d3 = h0 * r3 + h1 * r2 + h2 * r1 + h3 * r0 + h4 * s3 + (d2 >> 32);
	__u64 d4 = h4 * r0 + (d3 >> 32);

	d0 = ps_words_low(d0) + (d4 >> 2) + (d4 & ~3ULL);
	p->h0 = ps_words_low(d0);
	p->h1 = ps_words_low(d1) + (d0 >> 32);
	p->h2 = ps_words_low(d2);
	p->h3 = ps_words_low(d3);
	p->h4 = d4 & 3;
}

/* Ends with the tag, as numbers, in h0 to h3. */
static __always_inline void ps_poly1305_finish(struct ps_poly1305 *p)
{
	__u64 h1 = p->h1, h2 = p->h2 + (h1 >> 32), h3 = p->h3 + (h2 >> 32), h4 = p->h4 + (h3 >> 32);
	const __u32 h[PS_POLY1305_WORDS] = { p->h0, h1, h2, h3 };
	__u32 below[PS_POLY1305_WORDS], over;
	__u64 carry = 5;

	/* h + 5 reaches 2^130 exactly when h is not below the prime; then its low bits are h less the prime. */
	for (int i = 0; i < PS_POLY1305_WORDS; i++) {
		carry += h[i];
		below[i] = carry;
		carry >>= 32;
	}
	over = -(__u32)((carry + h4) >> 2);
	carry = (__u64)((below[0] & over) | (h[0] & ~over)) + p->pad[0];
	p->h0 = (__u32)carry;
	carry = (carry >> 32) + ((below[1] & over) | (h[1] & ~over)) + p->pad[1];
	p->h1 = (__u32)carry;
	carry = (carry >> 32) + ((below[2] & over) | (h[2] & ~over)) + p->pad[2];
	p->h2 = (__u32)carry;
	carry = (carry >> 32) + ((below[3] & over) | (h[3] & ~over)) + p->pad[3];
	p->h3 = (__u32)carry;
}

#endif
