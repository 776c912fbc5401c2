/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* The ChaCha20 block function (RFC 8439, 2.3). No branch or address depends on key, nonce or data. */
#ifndef PODSHIELD_CHACHA20_H
#define PODSHIELD_CHACHA20_H

#include "words.h"

#define PS_CHACHA20_WORDS 16
#define PS_CHACHA20_BLOCK (4 * PS_CHACHA20_WORDS)

#define PS_CHACHA20_KEY_WORDS 8
#define PS_CHACHA20_NONCE_WORDS 3

static __always_inline __u32 ps_chacha20_rotate(__u32 word, int bits)
{
	return word << bits | word >> (32 - bits);
}

static __always_inline void ps_chacha20_quarter(__u32 *x, int a, int b, int c, int d)
{
	x[a] += x[b];
	x[d] = ps_chacha20_rotate(x[d] ^ x[a], 16);
	x[c] += x[d];
	x[b] = ps_chacha20_rotate(x[b] ^ x[c], 12);
	x[a] += x[b];
	x[d] = ps_chacha20_rotate(x[d] ^ x[a], 8);
	x[c] += x[d];
	x[b] = ps_chacha20_rotate(x[b] ^ x[c], 7);
}

/* Fills `x` with the words the rounds start from. `key` is 32 bytes. */
static __always_inline void ps_chacha20_start(__u32 *x, const void *key, __u32 counter, const __u32 *nonce)
{
	x[0] = 0x61707865;
	x[1] = 0x3320646e;
	x[2] = 0x79622d32;
	x[3] = 0x6b206574;
	for (int i = 0; i < PS_CHACHA20_KEY_WORDS; i++)
		x[4 + i] = ps_words_load(key + 4 * i);
	x[12] = counter;
	for (int i = 0; i < PS_CHACHA20_NONCE_WORDS; i++)
		x[13 + i] = nonce[i];
}

/* Fills `x` with the keystream block number `counter`, as 16 numbers: their little-endian bytes are the keystream. */
static __always_inline void ps_chacha20_block(__u32 *x, const void *key, __u32 counter, const __u32 *nonce)
{
	__u32 start[PS_CHACHA20_WORDS];

	ps_chacha20_start(x, key, counter, nonce);
#pragma clang loop unroll(disable)
	for (int round = 0; round < 20; round += 2) {
		ps_chacha20_quarter(x, 0, 4, 8, 12);
		ps_chacha20_quarter(x, 1, 5, 9, 13);
		ps_chacha20_quarter(x, 2, 6, 10, 14);
		ps_chacha20_quarter(x, 3, 7, 11, 15);
		ps_chacha20_quarter(x, 3, 4, 9, 14);
		ps_chacha20_quarter(x, 2, 7, 8, 13);
		ps_chacha20_quarter(x, 1, 6, 11, 12);
		ps_chacha20_quarter(x, 0, 5, 10, 15);
	}
	ps_chacha20_start(start, key, counter, nonce);
	for (int i = 0; i < PS_CHACHA20_WORDS; i++)
		x[i] += start[i];
}

#endif
