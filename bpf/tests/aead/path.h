/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* A way to run the test programs: compiled for this machine, or loaded into its kernel. */
#ifndef PODSHIELD_AEAD_PATH_H
#define PODSHIELD_AEAD_PATH_H

#include "aead_test.h"

enum ps_test_program {
	PS_TEST_SEAL,
	PS_TEST_OPEN,
	PS_TEST_SEAL_ESP,
	PS_TEST_OPEN_ESP,
	PS_TEST_CIPHER,
	PS_TEST_MAC,
	PS_BENCH_SEAL,
	PS_BENCH_OPEN,
	PS_TEST_PROGRAMS,
};

struct ps_path {
	const char *name;
	/* Runs a program on the case and gives what it returned. Failure of the path itself ends the process. */
	int (*run)(enum ps_test_program program, struct ps_test_case *c);
	/* Nanoseconds of one turn of a _bench program, the mean of `turns`. */
	double (*time)(enum ps_test_program program, struct ps_test_case *c, int turns);
};

extern const struct ps_path ps_native_path;
extern const struct ps_path ps_kernel_path;

/* Loads the test object; before any use of ps_kernel_path. */
void ps_kernel_path_load(const char *object);

/* Instructions the verifier processed when it checked the program. */
unsigned long ps_kernel_path_verified(enum ps_test_program program);

#endif
