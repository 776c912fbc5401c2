/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* The same AEAD by libcrypto, to compare with. */
#ifndef PODSHIELD_AEAD_REFERENCE_H
#define PODSHIELD_AEAD_REFERENCE_H

#include <stddef.h>

/* Seals `len` bytes in place and writes the 16-byte tag. */
void ps_reference_seal(const unsigned char *key, const unsigned char *nonce, const unsigned char *aad, size_t aad_len,
		       unsigned char *text, size_t len, unsigned char *tag);

void ps_reference_random(void *to, size_t len);

#endif
