// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
#include <stdlib.h>
#include <time.h>

#include "aead_test.bpf.c"
#include "path.h"

static int (*const programs[PS_TEST_PROGRAMS])(struct __sk_buff *) = {
	[PS_TEST_SEAL] = ps_test_seal,         [PS_TEST_OPEN] = ps_test_open,     [PS_TEST_SEAL_ESP] = ps_test_seal_esp,
	[PS_TEST_OPEN_ESP] = ps_test_open_esp, [PS_TEST_CIPHER] = ps_test_cipher, [PS_TEST_MAC] = ps_test_mac,
	[PS_BENCH_SEAL] = ps_bench_seal,       [PS_BENCH_OPEN] = ps_bench_open,
};

static int run(enum ps_test_program program, struct ps_test_case *c)
{
	struct __sk_buff skb = {};
	int result;

	ps_native_map_value(c);
	result = programs[program](&skb);
	free((void *)skb.data);
	return result;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e9 + t.tv_nsec;
}

static double time_one(enum ps_test_program program, struct ps_test_case *c, int turns)
{
	struct __sk_buff skb = { .data = (long)c->data, .data_end = (long)(c->data + c->size) };
	double start;

	ps_native_map_value(c);
	start = now();
	for (int i = 0; i < turns; i++)
		programs[program](&skb);
	return (now() - start) / turns;
}

const struct ps_path ps_native_path = { "native", run, time_one };
