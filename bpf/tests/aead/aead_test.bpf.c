// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/*
 * Test-only programs: the ciphers alone, on the packet in ps_test_case. BPF_PROG_TEST_RUN takes no jumbo packet, so a
 * program makes the one it is given as long as the case wants, fills it from the map and stores it back there.
 * The same file compiled natively runs under sanitizers.
 */
#include <linux/bpf.h>
#include <linux/errno.h>
#include <bpf/bpf_helpers.h>

#include "../../lib/aead.h"
#include "aead_test.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct ps_test_case);
} ps_test_case SEC(".maps");

static __always_inline struct ps_test_case *ps_test_current(void)
{
	__u32 first = 0;

	return bpf_map_lookup_elem(&ps_test_case, &first);
}

/* The case's size, or 0 for one out of bounds, in a form whose bounds every verifier sees (ps_aead_tail_len). */
static __always_inline __u32 ps_test_size(const struct ps_test_case *c)
{
	__u32 last = c->size - 1;

	PS_WORD_PIN(last);
	if (last >= sizeof(c->data))
		return 0;
	return last + 1;
}

static __always_inline struct ps_test_case *ps_test_begin(struct __sk_buff *skb)
{
	struct ps_test_case *c = ps_test_current();
	__u32 size;

	if (!c)
		return 0;
	size = ps_test_size(c);
	if (!size)
		return 0;
	if (bpf_skb_change_tail(skb, size, 0))
		return 0;
	if (bpf_skb_store_bytes(skb, 0, c->data, size, 0))
		return 0;
	return c;
}

static __always_inline int ps_test_end(struct __sk_buff *skb, struct ps_test_case *c, int result)
{
	__u32 size = ps_test_size(c);
	int error;

	if (!size)
		return -EINVAL;
	error = bpf_skb_load_bytes(skb, 0, c->data, size);
	return error ? error : result;
}

SEC("tc")
int ps_test_seal(struct __sk_buff *skb)
{
	struct ps_test_case *c = ps_test_begin(skb);

	if (!c)
		return -EINVAL;
	return ps_test_end(skb, c, ps_aead_seal(skb, c->key, c->nonce, c->spi, c->seq, c->off, c->len));
}

SEC("tc")
int ps_test_open(struct __sk_buff *skb)
{
	struct ps_test_case *c = ps_test_begin(skb);

	if (!c)
		return -EINVAL;
	return ps_test_end(skb, c, ps_aead_open(skb, c->key, c->nonce, c->spi, c->seq, c->off, c->len));
}

SEC("tc")
int ps_test_seal_esp(struct __sk_buff *skb)
{
	struct ps_test_case *c = ps_test_begin(skb);
	struct ps_aead a;

	if (!c)
		return -EINVAL;
	ps_aead_prepare(&a, skb, c->key, c->nonce, c->spi, c->seq, c->off, c->len);
	a.aad[1] = __builtin_bswap32(c->sequence);
	return ps_test_end(skb, c, ps_aead_seal_prepared(&a));
}

SEC("tc")
int ps_test_open_esp(struct __sk_buff *skb)
{
	struct ps_test_case *c = ps_test_begin(skb);
	struct ps_aead a;

	if (!c)
		return -EINVAL;
	ps_aead_prepare(&a, skb, c->key, c->nonce, c->spi, c->seq, c->off, c->len);
	a.aad[1] = __builtin_bswap32(c->sequence);
	return ps_test_end(skb, c, ps_aead_open_prepared(&a));
}

/* Enciphers whole blocks in the map's data: ChaCha20 alone. */
static long ps_test_cipher_turn(__u32 i, void *context)
{
	struct ps_test_case *c = *(struct ps_test_case **)context;
	__u32 nonce[PS_CHACHA20_NONCE_WORDS], keystream[PS_CHACHA20_WORDS];

	if (i >= PS_TEST_DATA_MAX / PS_CHACHA20_BLOCK)
		return 1;
	for (int w = 0; w < PS_CHACHA20_NONCE_WORDS; w++)
		nonce[w] = ps_words_load(c->nonce + 4 * w);
	ps_chacha20_block(keystream, c->key, c->counter + i, nonce);
	for (int w = 0; w < PS_CHACHA20_WORDS; w++) {
		__u8 *at = c->data + i * PS_CHACHA20_BLOCK + 4 * w;

		ps_words_store(at, ps_words_load(at) ^ keystream[w]);
	}
	return 0;
}

SEC("tc")
int ps_test_cipher(struct __sk_buff *skb)
{
	struct ps_test_case *c = ps_test_current();

	(void)skb;
	if (!c)
		return -EINVAL;
	bpf_loop((c->len + PS_CHACHA20_BLOCK - 1) / PS_CHACHA20_BLOCK, ps_test_cipher_turn, &c, 0);
	return 0;
}

struct ps_test_mac {
	struct ps_poly1305 p;
	struct ps_test_case *c;
};

static long ps_test_mac_turn(__u32 i, void *context)
{
	struct ps_test_mac *mac = context;
	struct ps_test_case *c = mac->c;
	__u32 m[PS_POLY1305_WORDS];

	if (i >= PS_TEST_DATA_MAX / PS_POLY1305_BLOCK)
		return 1;
	for (int w = 0; w < PS_POLY1305_WORDS; w++)
		m[w] = ps_words_load(c->data + i * PS_POLY1305_BLOCK + 4 * w);
	ps_poly1305_block(&mac->p, m, (i + 1) * PS_POLY1305_BLOCK <= c->len);
	return 0;
}

/* Poly1305 alone over the map's data, which is padded after `len`; the tag takes the place of its first bytes. */
SEC("tc")
int ps_test_mac(struct __sk_buff *skb)
{
	struct ps_test_case *c = ps_test_current();
	struct ps_test_mac mac = { .c = c };
	__u32 key[2 * PS_POLY1305_WORDS];

	(void)skb;
	if (!c)
		return -EINVAL;
	for (int w = 0; w < 2 * PS_POLY1305_WORDS; w++)
		key[w] = ps_words_load(c->key + 4 * w);
	ps_poly1305_start(&mac.p, key);
	bpf_loop((c->len + PS_POLY1305_BLOCK - 1) / PS_POLY1305_BLOCK, ps_test_mac_turn, &mac, 0);
	ps_poly1305_finish(&mac.p);
	ps_words_store(c->data, mac.p.h0);
	ps_words_store(c->data + 4, mac.p.h1);
	ps_words_store(c->data + 8, mac.p.h2);
	ps_words_store(c->data + 12, mac.p.h3);
	return 0;
}

/* For timing: nothing but the AEAD, on the packet of the test run. */
SEC("tc")
int ps_bench_seal(struct __sk_buff *skb)
{
	struct ps_test_case *c = ps_test_current();

	return c ? ps_aead_seal(skb, c->key, c->nonce, c->spi, c->seq, c->off, c->len) : -EINVAL;
}

SEC("tc")
int ps_bench_open(struct __sk_buff *skb)
{
	struct ps_test_case *c = ps_test_current();

	return c ? ps_aead_open(skb, c->key, c->nonce, c->spi, c->seq, c->off, c->len) : -EINVAL;
}

char ps_test_license[] SEC("license") = "GPL";
