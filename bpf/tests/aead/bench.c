// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/*
 * Prints what the verifier processed for each program, and nanoseconds per packet and byte, in the kernel and natively
 * from the same source. Figures only: nothing here can fail but the machine.
 *
 * usage: aead_bench OBJECT
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>

#include "path.h"
#include "reference.h"

#define TURNS 2000
#define ROUNDS 40 /* the quickest counts: noise only adds */
#define OFFSET 58

/* 9216 is more than BPF_PROG_TEST_RUN takes. */
static const unsigned int lengths[] = { 64, 576, 1408, 1434, 3200 };

static struct ps_test_case c;

static double quickest(const struct ps_path *path, enum ps_test_program program, unsigned int len)
{
	double best = 1e9;

	c.off = OFFSET;
	c.len = len;
	c.size = OFFSET + len + 16;
	for (int i = 0; i < ROUNDS; i++) {
		double ns = path->time(program, &c, TURNS);

		best = ns < best ? ns : best;
	}
	return best;
}

static void compare(const char *name, enum ps_test_program program)
{
	for (unsigned int i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		double native = quickest(&ps_native_path, program, lengths[i]);
		double kernel = quickest(&ps_kernel_path, program, lengths[i]);

		printf("%-5s %5u bytes: kernel %6.0f ns, %5.2f ns/B; native %6.0f ns, %5.2f ns/B; ratio %.2f\n", name,
		       lengths[i], kernel, kernel / lengths[i], native, native / lengths[i], kernel / native);
	}
}

int main(int argc, char **argv)
{
	if (argc != 2)
		errx(2, "usage: aead_bench OBJECT");
	ps_kernel_path_load(argv[1]);
	ps_reference_random(&c, sizeof(c));
	printf("verifier: processed %lu insns to seal, %lu to open\n", ps_kernel_path_verified(PS_BENCH_SEAL),
	       ps_kernel_path_verified(PS_BENCH_OPEN));
	compare("seal", PS_BENCH_SEAL);
	compare("open", PS_BENCH_OPEN);
	return EXIT_SUCCESS;
}
