/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Vector files: records of a title in brackets and lines `label = value`; a line that starts with a space continues the
 * value above it, `#` starts a comment line. Values are hexadecimal bytes or, for a counter, a decimal number.
 */
#ifndef PODSHIELD_AEAD_VECTORS_H
#define PODSHIELD_AEAD_VECTORS_H

#include <stddef.h>

struct ps_vector_field {
	char label[32];
	char text[4096];
};

struct ps_vector {
	char title[128];
	struct ps_vector_field fields[8];
	int count;
};

struct ps_bytes {
	unsigned char b[2048];
	size_t len;
};

/* Calls `check` with each record of a file. A file that cannot be read, or holds no record, ends the process. */
void ps_vectors_each(const char *path, void (*check)(const struct ps_vector *v));

/* The value of a label; a missing or malformed one ends the process. */
struct ps_bytes ps_vector_bytes(const struct ps_vector *v, const char *label);
unsigned int ps_vector_number(const struct ps_vector *v, const char *label);

#endif
