/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* What runner and test programs share: one case, entry 0 of the map ps_test_case. */
#ifndef PODSHIELD_AEAD_TEST_H
#define PODSHIELD_AEAD_TEST_H

#include <linux/types.h>

#define PS_TEST_DATA_MAX 10240

struct ps_test_case {
	__u8 key[32];   /* of cipher, AEAD or, for ps_test_mac, the one-time key */
	__u8 nonce[12]; /* salt and IV */
	__u32 counter;  /* first block of ps_test_cipher */
	__u64 seq;      /* IV and sequence number as one, as our SAs have them */
	__u32 spi;
	__u32 sequence; /* where it differs from the IV: the _esp programs */
	__u32 off;
	__u32 len;
	__u32 size;                  /* of the whole packet, at most PS_TEST_DATA_MAX, at least 14 */
	__u8 data[PS_TEST_DATA_MAX]; /* the packet, before and after */
	__u32 pad;                   /* 0 */
};

#endif
