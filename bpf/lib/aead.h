/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * ChaCha20-Poly1305 (RFC 8439, 2.8) as ESP uses it (RFC 7634), in place on a packet and in one pass: each 64-byte block
 * is enciphered and authenticated while its words are at hand.
 *
 * One bpf_loop of turns, whose number is ChaCha20's block counter: turn 0 makes the one-time Poly1305 key and takes in the
 * associated data, each later turn carries a block of the packet. The verifier's work does not grow with the packet.
 *
 * State lives on the stack, not in a per-CPU map: egress programs run in process context as well as in softirq, and one
 * may be entered while another waits for it on the same CPU (redirection), so a per-CPU slot could be in use twice. The
 * SA's key is only read, from its map slot. The one-time key and the accumulator are wiped on the only way out. What the
 * compiler spills inside a turn stays on the kernel's stack until overwritten; whoever can read that can read the map.
 *
 * Timing depends on lengths only.
 */
#ifndef PODSHIELD_AEAD_H
#define PODSHIELD_AEAD_H

#include <linux/bpf.h>
#include <linux/errno.h>
#include <bpf/bpf_helpers.h>

#include "../abi/podshield_abi.h"
#include "chacha20.h"
#include "poly1305.h"

#define PS_AEAD_AAD_LEN 8
#define PS_AEAD_TURNS_A_CALL 4 /* the verifier's work grows with them */

/* Packet offsets stay below this: those of a packet of PS_PACKET_MAX with every outer header do. */
#define PS_AEAD_OFFSET_MASK 0x3fff

/*
 * One packet under way: what a turn of the loop needs. What the verifier knows of a member should not change from turn to
 * turn, and no member whose bounds matter shares 8 bytes with one that is written: else it checks the turn once more.
 */
struct ps_aead {
	struct __sk_buff *skb;
	const __u8 *key;
	__u32 nonce[PS_CHACHA20_NONCE_WORDS];
	__u32 aad[2];
	__u32 off;
	__u32 len;
	__u32 pad;
	__s64 error; /* 0 only once the tag is complete */
	struct ps_poly1305 mac;
};

/* Turn 0: the first half of block 0 is the one-time key (RFC 8439, 2.6). */
static __always_inline void ps_aead_begin(struct ps_aead *a, const __u32 *keystream)
{
	const __u32 aad[PS_POLY1305_WORDS] = { a->aad[0], a->aad[1], 0, 0 };

	ps_poly1305_start(&a->mac, keystream);
	ps_poly1305_block(&a->mac, aad, 1);
}

/* The last turn: the lengths of associated data and ciphertext close the tag (RFC 8439, 2.8). */
static __always_inline void ps_aead_finish(struct ps_aead *a)
{
	const __u32 lengths[PS_POLY1305_WORDS] = { PS_AEAD_AAD_LEN, 0, a->len, 0 };

	ps_poly1305_block(&a->mac, lengths, 1);
	ps_poly1305_finish(&a->mac);
	a->error = 0;
}

/* All ones where word `i` lies inside `len` bytes, zeros where it lies outside, ones in its first bytes between. */
static __always_inline __u32 ps_aead_word_mask(__u32 len, __u32 i)
{
	__u32 inside = len > 4 * i ? len - 4 * i : 0;

	return inside >= 4 ? ~0U : (1U << 8 * inside) - 1;
}

/*
 * Takes `len` bytes of ciphertext, 1 to 64, into the tag, padded with zeros to a multiple of 16. They are there already
 * when a copy of received bytes is opened; when sealing, what follows in the copy is keystream and is masked.
 */
static __always_inline void ps_aead_authenticate(struct ps_aead *a, const __u8 *at, __u32 len, int seals)
{
#pragma clang loop unroll(full)
	for (__u32 first = 0; first < PS_CHACHA20_WORDS; first += PS_POLY1305_WORDS) {
		__u32 m[PS_POLY1305_WORDS];

		if (len <= 4 * first)
			break;
		for (__u32 i = 0; i < PS_POLY1305_WORDS; i++)
			m[i] = ps_words_load(at + 4 * (first + i));
		if (seals && len < 4 * (first + PS_POLY1305_WORDS))
			for (__u32 i = 0; i < PS_POLY1305_WORDS; i++)
				m[i] &= ps_aead_word_mask(len, first + i);
		ps_poly1305_block(&a->mac, m, 1);
	}
}

static __always_inline void ps_aead_apply(__u8 *at, const __u32 *keystream)
{
#pragma clang loop unroll(full)
	for (__u32 i = 0; i < PS_CHACHA20_WORDS; i++)
		ps_words_store(at + 4 * i, ps_words_load(at + 4 * i) ^ keystream[i]);
}

/* Where the whole block at `offset` lies, or 0 if it is not within the linear packet. */
static __always_inline __u8 *ps_aead_block(const struct ps_aead *a, __u32 offset)
{
	__u8 *data;

	PS_WORD_PIN(offset);
	offset &= PS_AEAD_OFFSET_MASK;
	data = (__u8 *)(long)a->skb->data + offset;
	/* One register for the check and the accesses: the verifier does not relate two sums. */
	asm volatile("" : "+r"(data));
	if (data + PS_CHACHA20_BLOCK > (__u8 *)(long)a->skb->data_end)
		return 0;
	return data;
}

/* `left`, which is 1 to 63 here, in a form whose bounds every verifier sees: 6.1 learns nothing from a comparison with 0. */
static __always_inline __u32 ps_aead_tail_len(__u32 left)
{
	left--;
	PS_WORD_PIN(left);
	left &= PS_CHACHA20_BLOCK - 1;
	return left + 1;
}

/* Bytes from the block of this turn on; turn 0 stands for a block before the packet's first. */
static __always_inline __u32 ps_aead_left(const struct ps_aead *a, __u32 counter)
{
	return a->len + PS_CHACHA20_BLOCK - counter * PS_CHACHA20_BLOCK;
}

/*
 * Carries one block of the packet; in turn 0, none. Last bytes that are no whole block are carried in a copy.
 * 0 to go on, 1 to stop: the packet has ended, or is shorter than it should be and `error` stands.
 */
static __always_inline int ps_aead_turn(struct ps_aead *a, __u32 counter, int seals)
{
	__u32 offset = a->off + (counter - 1) * PS_CHACHA20_BLOCK;
	__u32 left = ps_aead_left(a, counter);
	__u32 keystream[PS_CHACHA20_WORDS];
	__u8 tail[PS_CHACHA20_BLOCK];
	__u8 *data = 0;

	if (counter && left >= PS_CHACHA20_BLOCK) {
		data = ps_aead_block(a, offset);
		if (!data)
			return 1;
	} else if (counter) {
		__builtin_memset(tail, 0, sizeof(tail));
		if (bpf_skb_load_bytes(a->skb, offset, tail, ps_aead_tail_len(left)))
			return 1;
		data = tail;
	}
	if (data && !seals)
		ps_aead_authenticate(a, data, left, seals);

	/* From memory again, so that the verifier need not go through the rounds once for each branch it took above. */
	asm volatile("" : : : "memory");
	left = ps_aead_left(a, counter);
	ps_chacha20_block(keystream, a->key, counter, a->nonce);
	if (data) {
		ps_aead_apply(data, keystream);
		if (seals)
			ps_aead_authenticate(a, data, left, seals);
		if (left < PS_CHACHA20_BLOCK && bpf_skb_store_bytes(a->skb, offset, tail, ps_aead_tail_len(left), 0))
			return 1;
	} else {
		ps_aead_begin(a, keystream);
	}
	if (left > PS_CHACHA20_BLOCK)
		return 0;
	ps_aead_finish(a);
	return 1;
}

/* Some turns in one call: a return costs as much as a twentieth of a turn where the kernel guards returns. */
static __always_inline int ps_aead_turns(struct ps_aead *a, __u32 call, int seals)
{
	__u32 counter = call * PS_AEAD_TURNS_A_CALL;

#pragma clang loop unroll(disable)
	for (int i = 0; i < PS_AEAD_TURNS_A_CALL; i++)
		if (ps_aead_turn(a, counter + i, seals))
			return 1;
	return 0;
}

static long ps_aead_seal_turns(__u32 call, void *context)
{
	return ps_aead_turns(context, call, 1);
}

static long ps_aead_open_turns(__u32 call, void *context)
{
	return ps_aead_turns(context, call, 0);
}

static __always_inline void ps_aead_prepare(struct ps_aead *a, struct __sk_buff *skb, const __u8 *key, const __u8 *salt,
					    __u32 spi, __u64 seq, __u32 off, __u32 len)
{
	/* Turn 0 sets the real one; this is any number that the verifier does not know, written in the same way. */
	const __u32 unset[2 * PS_POLY1305_WORDS] = { seq, seq, seq, seq, seq, seq, seq, seq };

	a->skb = skb;
	a->key = key;
	a->nonce[0] = ps_words_load(salt);
	a->nonce[1] = __builtin_bswap32(seq >> 32);
	a->nonce[2] = __builtin_bswap32(seq);
	a->aad[0] = __builtin_bswap32(spi);
	a->aad[1] = __builtin_bswap32(seq);
	a->off = off;
	a->len = len;
	a->pad = 0;
	a->error = -EFAULT;
	ps_poly1305_start(&a->mac, unset);
}

static __always_inline void ps_aead_wipe(struct ps_aead *a)
{
	__builtin_memset(&a->mac, 0, sizeof(a->mac));
	asm volatile("" : : "r"(a) : "memory");
}

/* Calls for turn 0 and one for each block, the last of which may be short. */
static __always_inline __u32 ps_aead_calls(__u32 len)
{
	__u32 blocks = (len + PS_CHACHA20_BLOCK - 1) / PS_CHACHA20_BLOCK;

	return 1 + blocks / PS_AEAD_TURNS_A_CALL;
}

static __always_inline void ps_aead_tag(const struct ps_aead *a, __u32 *tag)
{
	tag[0] = PS_LE32(a->mac.h0);
	tag[1] = PS_LE32(a->mac.h1);
	tag[2] = PS_LE32(a->mac.h2);
	tag[3] = PS_LE32(a->mac.h3);
}

static __always_inline int ps_aead_seal_prepared(struct ps_aead *a)
{
	__u32 tag[PS_POLY1305_WORDS];

	if (a->len > PS_PACKET_MAX)
		return -EMSGSIZE;
	bpf_loop(ps_aead_calls(a->len), ps_aead_seal_turns, a, 0);
	if (!a->error) {
		ps_aead_tag(a, tag);
		a->error = bpf_skb_store_bytes(a->skb, a->off + a->len, tag, sizeof(tag), 0);
	}
	ps_aead_wipe(a);
	return a->error;
}

static __always_inline int ps_aead_open_prepared(struct ps_aead *a)
{
	__u32 tag[PS_POLY1305_WORDS], sent[PS_POLY1305_WORDS], differ = 0;

	if (a->len > PS_PACKET_MAX)
		return -EMSGSIZE;
	bpf_loop(ps_aead_calls(a->len), ps_aead_open_turns, a, 0);
	if (!a->error)
		a->error = bpf_skb_load_bytes(a->skb, a->off + a->len, sent, sizeof(sent));
	if (!a->error) {
		ps_aead_tag(a, tag);
		for (int i = 0; i < PS_POLY1305_WORDS; i++)
			differ |= tag[i] ^ sent[i];
		a->error = differ ? -EBADMSG : 0;
	}
	ps_aead_wipe(a);
	return a->error;
}

/*
 * Seals in place: `len` bytes of plaintext at offset `off` of the linear packet become ciphertext, and the 16-byte tag is
 * written after them; room for it must be there. Associated data: SPI and the low half of `seq`, in network order.
 * Nonce: the 4 bytes at `salt`, then `seq` as 64 bits in network order. `key` (32 bytes) and `salt` are 4-byte aligned.
 *
 * 0, or -EMSGSIZE for a length over PS_PACKET_MAX, or a negative errno when the packet is shorter than that or not
 * linear; the packet is then undefined. Packet pointers of the caller are void afterwards.
 */
static __always_inline int ps_aead_seal(struct __sk_buff *skb, const __u8 *key, const __u8 *salt, __u32 spi, __u64 seq,
					__u32 off, __u32 len)
{
	struct ps_aead a;

	ps_aead_prepare(&a, skb, key, salt, spi, seq, off, len);
	return ps_aead_seal_prepared(&a);
}

/*
 * Opens in place: `len` bytes of ciphertext at offset `off`, the tag after them; the rest as for ps_aead_seal.
 *
 * 0 when the tag held: the plaintext is in place. -EBADMSG when it did not, and errors as for ps_aead_seal: what lies in
 * the packet then is unauthenticated, the caller must drop it.
 */
static __always_inline int ps_aead_open(struct __sk_buff *skb, const __u8 *key, const __u8 *salt, __u32 spi, __u64 seq,
					__u32 off, __u32 len)
{
	struct ps_aead a;

	ps_aead_prepare(&a, skb, key, salt, spi, seq, off, len);
	return ps_aead_open_prepared(&a);
}

#endif
