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

/* A quarter of a quarter round: x[a] += x[b], x[d] = (x[d] ^ x[a]) <<< bits. */
static __always_inline void ps_chacha20_step(__u32 *x, int a, int b, int d, int bits)
{
	x[a] += x[b];
	x[d] = ps_chacha20_rotate(x[d] ^ x[a], bits);
	PS_WORD_PIN(x[d]);
}

/*
 * Four quarter rounds side by side, lane by lane, which leaves the processor work while it waits for a lane: on the
 * columns if `diagonal` is 0, on the diagonals if it is 1. The diagonals go backwards, so that the words in registers
 * are used first.
 */
static __always_inline void ps_chacha20_round(__u32 *x, int diagonal)
{
#pragma clang loop unroll(full)
	for (int step = 0; step < 4; step++)
#pragma clang loop unroll(full)
		for (int i = 0; i < 4; i++) {
			int a = diagonal ? 3 - i : i;
			int b = 4 + (a + diagonal) % 4;
			int c = 8 + (a + 2 * diagonal) % 4;
			int d = 12 + (a + 3 * diagonal) % 4;

			if (step % 2 == 0)
				ps_chacha20_step(x, a, b, d, step ? 8 : 16);
			else
				ps_chacha20_step(x, c, d, b, step == 1 ? 12 : 7);
		}
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
		ps_chacha20_round(x, 0);
		ps_chacha20_round(x, 1);
	}
	ps_chacha20_start(start, key, counter, nonce);
	for (int i = 0; i < PS_CHACHA20_WORDS; i++)
		x[i] += start[i];
}

#endif
