// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
#include <err.h>

#include <openssl/evp.h>
#include <openssl/rand.h>

#include "reference.h"

void ps_reference_seal(const unsigned char *key, const unsigned char *nonce, const unsigned char *aad, size_t aad_len,
		       unsigned char *text, size_t len, unsigned char *tag)
{
	EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();
	int done;

	if (!cipher || EVP_EncryptInit_ex(cipher, EVP_chacha20_poly1305(), NULL, key, nonce) != 1 ||
	    EVP_EncryptUpdate(cipher, NULL, &done, aad, aad_len) != 1 ||
	    EVP_EncryptUpdate(cipher, text, &done, text, len) != 1 ||
	    EVP_EncryptFinal_ex(cipher, text + len, &done) != 1 ||
	    EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_AEAD_GET_TAG, 16, tag) != 1)
		errx(2, "libcrypto refused");
	EVP_CIPHER_CTX_free(cipher);
}

void ps_reference_random(void *to, size_t len)
{
	if (RAND_bytes(to, len) != 1)
		errx(2, "no randomness");
}
