/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* Little-endian 32-bit words in memory of any alignment, the unit in which ChaCha20 and Poly1305 read and write. */
#ifndef PODSHIELD_WORDS_H
#define PODSHIELD_WORDS_H

#include <linux/types.h>

#ifndef __always_inline
#define __always_inline inline __attribute__((always_inline))
#endif

#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#define PS_LE32(word) __builtin_bswap32(word)
#else
#define PS_LE32(word) (word)
#endif

#ifdef __bpf__
/* The verifier allows unaligned access where the machine does; told of the alignment, the compiler would go byte by byte. */
typedef __u32 __attribute__((may_alias)) ps_word;
#else
typedef __u32 __attribute__((may_alias, aligned(1))) ps_word;
#endif

/*
 * What these two do is nothing to the value. The first keeps the compiler from moving or splitting the computation around
 * it; the second is the low word of a number, for which it would otherwise spend two shifts.
 */
#ifdef __bpf__
#define PS_WORD_PIN(word) asm volatile("" : "+w"(word))
#define PS_WORD_EXTEND(word) asm("%0 = %0" : "+w"(word))
#else
#define PS_WORD_PIN(word) asm volatile("" : "+r"(word))
#define PS_WORD_EXTEND(word) (void)(word)
#endif

static __always_inline __u64 ps_words_low(__u64 number)
{
	__u32 word = (__u32)number;

	PS_WORD_EXTEND(word);
	return word;
}

static __always_inline __u32 ps_words_load(const void *at)
{
	return PS_LE32(*(const ps_word *)at);
}

static __always_inline void ps_words_store(void *at, __u32 word)
{
	*(ps_word *)at = PS_LE32(word);
}

#endif
