// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/*
 * Runs every vector and comparison through every path. One line per group and path, then the sum; exit status 1 when
 * anything failed, 2 when the tests could not run.
 *
 * usage: aead_test OBJECT VECTORS-DIRECTORY [kernel]          kernel: the kernel's path only
 */
#include <err.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <unistd.h>

#include "path.h"
#include "reference.h"
#include "vectors.h"

#define TAG 16
#define MARGIN 58 /* before the sealed bytes, as behind Ethernet, IPv4, UDP, ESP and IV; after the tag too */
#define LEN_MAX 9216

static const struct ps_path *path;
static const char *group;
static int passed, failed, group_passed, group_failed;

/* ---- counting ---- */

__attribute__((format(printf, 2, 3))) static void expect(int holds, const char *format, ...)
{
	va_list values;

	if (holds) {
		group_passed++;
		return;
	}
	if (group_failed++ >= 10)
		return;
	va_start(values, format);
	fprintf(stderr, "FAILED %s, %s: ", path->name, group);
	vfprintf(stderr, format, values);
	fprintf(stderr, "\n");
	va_end(values);
}

static void run_group(const char *name, void (*check)(void))
{
	group = name;
	group_passed = group_failed = 0;
	check();
	printf("%-7s %-46s %5d passed, %d failed\n", path->name, name, group_passed, group_failed);
	passed += group_passed;
	failed += group_failed;
}

/* ---- one case ---- */

/* Cases are 10 kB; the one under work and the copy to compare with. */
static struct ps_test_case c, before;

static void random_case(unsigned int len)
{
	ps_reference_random(&c, sizeof(c));
	c.seq &= 0xffffffffff; /* more than 32 bits, to see the halves apart */
	c.off = MARGIN;
	c.len = len;
	c.size = MARGIN + len + TAG + MARGIN;
	before = c;
}

/* What libcrypto makes of the random case, over the whole packet. */
static void expected_packet(unsigned char *packet)
{
	unsigned char nonce[12], aad[8];
	__u32 word;

	memcpy(nonce, before.nonce, 4);
	word = htonl(before.seq >> 32);
	memcpy(nonce + 4, &word, 4);
	word = htonl((__u32)before.seq);
	memcpy(nonce + 8, &word, 4);
	memcpy(aad + 4, &word, 4);
	word = htonl(before.spi);
	memcpy(aad, &word, 4);
	memcpy(packet, before.data, before.size);
	ps_reference_seal(before.key, nonce, aad, sizeof(aad), packet + before.off, before.len,
			  packet + before.off + before.len);
}

/* ---- vectors ---- */

static void copy_bytes(void *to, const struct ps_vector *v, const char *label, size_t len)
{
	struct ps_bytes bytes = ps_vector_bytes(v, label);

	if (bytes.len != len)
		errx(2, "%s: %s has %zu bytes", v->title, label, bytes.len);
	memcpy(to, bytes.b, len);
}

static void run_cipher(const struct ps_vector *v, unsigned int counter, const unsigned char *text, size_t len)
{
	memset(&c, 0, sizeof(c));
	copy_bytes(c.key, v, "key", 32);
	copy_bytes(c.nonce, v, "nonce", 12);
	c.counter = counter;
	c.len = len;
	if (len)
		memcpy(c.data, text, len);
	path->run(PS_TEST_CIPHER, &c);
}

static void run_mac(const unsigned char *key, const unsigned char *message, size_t len)
{
	memset(&c, 0, sizeof(c));
	memcpy(c.key, key, 32);
	c.len = len;
	memcpy(c.data, message, len);
	if (len % 16)
		c.data[len] = 1;
	path->run(PS_TEST_MAC, &c);
}

static int data_is(const struct ps_bytes *expected)
{
	return !memcmp(c.data, expected->b, expected->len);
}

static void check_block(const struct ps_vector *v)
{
	struct ps_bytes expected = ps_vector_bytes(v, "keystream");
	static const unsigned char zeros[64];

	run_cipher(v, ps_vector_number(v, "counter"), zeros, sizeof(zeros));
	expect(expected.len == 64 && data_is(&expected), "%s", v->title);
}

static void check_cipher(const struct ps_vector *v)
{
	struct ps_bytes plain = ps_vector_bytes(v, "plaintext"), expected = ps_vector_bytes(v, "ciphertext");

	run_cipher(v, ps_vector_number(v, "counter"), plain.b, plain.len);
	expect(expected.len == plain.len && data_is(&expected), "%s", v->title);
}

static void check_mac(const struct ps_vector *v)
{
	struct ps_bytes key = ps_vector_bytes(v, "key"), message = ps_vector_bytes(v, "message");
	struct ps_bytes expected = ps_vector_bytes(v, "tag");

	run_mac(key.b, message.b, message.len);
	expect(key.len == 32 && expected.len == TAG && data_is(&expected), "%s", v->title);
}

static void check_mac_key(const struct ps_vector *v)
{
	struct ps_bytes expected = ps_vector_bytes(v, "one-time-key");
	static const unsigned char zeros[64];

	run_cipher(v, 0, zeros, sizeof(zeros));
	expect(expected.len == 32 && data_is(&expected), "%s", v->title);
}

/* What Poly1305 takes in (RFC 8439, 2.8): both texts padded with zeros to 16, then both lengths. */
static size_t mac_input(unsigned char *to, const struct ps_bytes *aad, const struct ps_bytes *text)
{
	size_t text_at = (aad->len + 15) / 16 * 16, lengths_at = text_at + (text->len + 15) / 16 * 16;
	const __u64 lengths[2] = { aad->len, text->len };

	memset(to, 0, lengths_at);
	memcpy(to, aad->b, aad->len);
	memcpy(to + text_at, text->b, text->len);
	memcpy(to + lengths_at, lengths, sizeof(lengths));
	return lengths_at + sizeof(lengths);
}

static void check_aead(const struct ps_vector *v)
{
	struct ps_bytes plain = ps_vector_bytes(v, "plaintext"), text = ps_vector_bytes(v, "ciphertext");
	struct ps_bytes aad = ps_vector_bytes(v, "aad"), tag = ps_vector_bytes(v, "tag");
	unsigned char key[64] = {}, input[4096];
	int enciphered;

	run_cipher(v, 1, plain.b, plain.len);
	enciphered = data_is(&text);
	run_cipher(v, 0, key, sizeof(key));
	memcpy(key, c.data, sizeof(key));
	run_mac(key, input, mac_input(input, &aad, &text));
	expect(enciphered && data_is(&tag), "%s", v->title);
}

static __u64 number_of(const struct ps_vector *v, const char *label)
{
	struct ps_bytes bytes = ps_vector_bytes(v, label);
	__u64 number = 0;

	for (size_t i = 0; i < bytes.len; i++)
		number = number << 8 | bytes.b[i];
	return number;
}

static void check_esp(const struct ps_vector *v)
{
	struct ps_bytes plain = ps_vector_bytes(v, "plaintext"), text = ps_vector_bytes(v, "ciphertext");
	int sealed;

	memset(&c, 0, sizeof(c));
	copy_bytes(c.key, v, "key", 32);
	copy_bytes(c.nonce, v, "salt", 4);
	c.seq = number_of(v, "iv");
	c.spi = number_of(v, "spi");
	c.sequence = number_of(v, "sequence");
	c.off = 16;
	c.len = plain.len;
	c.size = c.off + c.len + TAG;
	memcpy(c.data + c.off, plain.b, plain.len);
	before = c;
	sealed = path->run(PS_TEST_SEAL_ESP, &c);
	copy_bytes(before.data + c.off + c.len, v, "tag", TAG);
	expect(!sealed && !memcmp(c.data + c.off, text.b, text.len) &&
		       !memcmp(c.data + c.off + c.len, before.data + c.off + c.len, TAG),
	       "%s: seal", v->title);
	expect(!path->run(PS_TEST_OPEN_ESP, &c) && !memcmp(c.data, before.data, c.size), "%s: open", v->title);
	c.data[c.off] ^= 1;
	expect(path->run(PS_TEST_OPEN_ESP, &c) == -EBADMSG, "%s: changed", v->title);
}

static void vectors_block(void)
{
	ps_vectors_each("chacha20-block.txt", check_block);
}

static void vectors_cipher(void)
{
	ps_vectors_each("chacha20.txt", check_cipher);
}

static void vectors_mac(void)
{
	ps_vectors_each("poly1305.txt", check_mac);
}

static void vectors_mac_key(void)
{
	ps_vectors_each("poly1305-key.txt", check_mac_key);
}

static void vectors_aead(void)
{
	ps_vectors_each("aead.txt", check_aead);
}

static void vectors_esp(void)
{
	ps_vectors_each("esp.txt", check_esp);
}

/* ---- comparison with libcrypto ---- */

/* Sealed and opened again; nothing outside the sealed bytes and the tag may change. */
static void check_length(unsigned int len)
{
	static unsigned char expected[PS_TEST_DATA_MAX];

	random_case(len);
	expected_packet(expected);
	expect(!path->run(PS_TEST_SEAL, &c) && !memcmp(c.data, expected, c.size), "seal of %u bytes", len);
	memcpy(c.data, expected, c.size);
	expect(!path->run(PS_TEST_OPEN, &c) && !memcmp(c.data, before.data, c.off + len) &&
		       !memcmp(c.data + c.off + len, expected + c.off + len, TAG + MARGIN),
	       "open of %u bytes", len);
}

static void every_length(void)
{
	for (unsigned int len = 0; len <= 1600; len++)
		check_length(len);
}

static void jumbo_lengths(void)
{
	for (unsigned int len = 1601; len < LEN_MAX; len += 61)
		check_length(len);
	for (unsigned int len = LEN_MAX - 66; len <= LEN_MAX; len++)
		check_length(len);
}

/* Offsets of every residue that a packet can have; those of our own packets are even. */
static void offsets(void)
{
	static unsigned char expected[PS_TEST_DATA_MAX];

	for (unsigned int off = 0; off <= 2 * MARGIN; off++) {
		random_case(333);
		before.off = c.off = off;
		expected_packet(expected);
		expect(!path->run(PS_TEST_SEAL, &c) && !memcmp(c.data, expected, c.size), "seal at %u", off);
		expect(!path->run(PS_TEST_OPEN, &c), "open at %u", off);
	}
}

/* ---- refusals ---- */

static const unsigned int tampered_lengths[] = { 0, 1, 4, 15, 16, 63, 64, 65, 100, 128, 1400 };

#define EACH_LENGTH(len) for (const unsigned int *len = tampered_lengths; len < (&tampered_lengths)[1]; len++)

static void seal_random(unsigned int len)
{
	random_case(len);
	path->run(PS_TEST_SEAL, &c);
	before = c;
}

/* Flips one bit of the sealed case, counted from `at`, opens, and puts the case back. */
static void refuse_flip(void *at, unsigned int bit, const char *what)
{
	((unsigned char *)at)[bit / 8] ^= 1 << bit % 8;
	expect(path->run(PS_TEST_OPEN, &c) == -EBADMSG, "%s, length %u, bit %u", what, before.len, bit);
	c = before;
}

static void changed_tag(void)
{
	EACH_LENGTH(len) {
		seal_random(*len);
		for (unsigned int bit = 0; bit < 8 * TAG; bit++)
			refuse_flip(c.data + c.off + c.len, bit, "tag");
	}
}

static void changed_text(void)
{
	EACH_LENGTH(len) {
		seal_random(*len);
		for (unsigned int i = 0; i < *len; i++)
			refuse_flip(c.data + c.off, 8 * i + i % 8, "ciphertext");
	}
}

static void changed_parameters(void)
{
	EACH_LENGTH(len) {
		seal_random(*len);
		for (unsigned int bit = 0; bit < 32; bit++)
			refuse_flip(&c.spi, bit, "SPI");
		for (unsigned int bit = 0; bit < 64; bit++)
			refuse_flip(&c.seq, bit, "sequence");
		for (unsigned int bit = 0; bit < 32; bit++)
			refuse_flip(c.nonce, bit, "salt");
		for (unsigned int bit = 0; bit < 256; bit += 5)
			refuse_flip(c.key, bit, "key");
	}
}

/* The same bytes as a shorter or longer text, with the tag where it would then be. */
static void changed_length(void)
{
	EACH_LENGTH(len) {
		seal_random(*len);
		for (unsigned int other = 0; other < *len + 20; other++) {
			if (other == *len)
				continue;
			memmove(c.data + c.off + other, before.data + before.off + *len, TAG);
			c.len = other;
			expect(path->run(PS_TEST_OPEN, &c) == -EBADMSG, "%u opened as %u", *len, other);
			c = before;
		}
	}
}

static void limits(void)
{
	static const enum ps_test_program programs[] = { PS_TEST_SEAL, PS_TEST_OPEN };

	for (int i = 0; i < 2; i++) {
		random_case(LEN_MAX);
		c.len = LEN_MAX + 1;
		expect(path->run(programs[i], &c) == -EMSGSIZE, "over the limit");
		for (unsigned int size = 14; size < MARGIN + 200 + TAG; size++) {
			random_case(200);
			c.size = size;
			expect(path->run(programs[i], &c) < 0, "200 bytes in a packet of %u", size);
		}
		random_case(100);
		c.off = 0xfffffff0;
		expect(path->run(programs[i], &c) < 0, "an offset far outside");
	}
}

/* ---- all ---- */

static void run_path(const struct ps_path *which)
{
	path = which;
	run_group("ChaCha20 block, RFC 8439", vectors_block);
	run_group("ChaCha20, RFC 8439", vectors_cipher);
	run_group("Poly1305, RFC 8439", vectors_mac);
	run_group("Poly1305 key, RFC 8439", vectors_mac_key);
	run_group("AEAD composed, RFC 8439 and RFC 7634 IKEv2", vectors_aead);
	run_group("ESP packet, RFC 7634", vectors_esp);
	run_group("lengths 0 to 1600 against libcrypto", every_length);
	run_group("lengths to 9216 against libcrypto", jumbo_lengths);
	run_group("offsets", offsets);
	run_group("refused: tag changed", changed_tag);
	run_group("refused: ciphertext changed", changed_text);
	run_group("refused: SPI, sequence, salt or key changed", changed_parameters);
	run_group("refused: length changed", changed_length);
	run_group("refused: packet or length out of bounds", limits);
}

int main(int argc, char **argv)
{
	int kernel_only = argc == 4 && !strcmp(argv[3], "kernel");

	if (argc != 3 && !kernel_only)
		errx(2, "usage: aead_test OBJECT VECTORS-DIRECTORY [kernel]");
	ps_kernel_path_load(argv[1]);
	if (chdir(argv[2]))
		err(2, "%s", argv[2]);
	if (!kernel_only)
		run_path(&ps_native_path);
	run_path(&ps_kernel_path);
	printf("%d passed, %d failed\n", passed, failed);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
