// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
#include <time.h>

#include "aead_test.bpf.c"
#include "native.h"
#include "path.h"

static int (*const programs[PS_TEST_PROGRAMS])(struct __sk_buff *) = {
	[PS_TEST_SEAL] = ps_test_seal,         [PS_TEST_OPEN] = ps_test_open,     [PS_TEST_SEAL_ESP] = ps_test_seal_esp,
	[PS_TEST_OPEN_ESP] = ps_test_open_esp, [PS_TEST_CIPHER] = ps_test_cipher, [PS_TEST_MAC] = ps_test_mac,
	[PS_BENCH_SEAL] = ps_bench_seal,       [PS_BENCH_OPEN] = ps_bench_open,
};

static const __u32 first;

static int run(enum ps_test_program program, struct ps_test_case *c)
{
	struct __sk_buff skb = {};
	int result;

	PS_NATIVE_PUT(&ps_test_case, &first, c);
	result = programs[program](&skb);
	*c = *ps_test_current();
	ps_native_packet_free(&skb);
	return result;
}

/* Of this thread: what others took of the CPU meanwhile is no cost of the cipher. */
static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return t.tv_sec * 1e9 + t.tv_nsec;
}

static double time_one(enum ps_test_program program, struct ps_test_case *c, int turns)
{
	struct __sk_buff skb = { .len = c->size, .data = (long)c->data, .data_end = (long)(c->data + c->size) };
	double start;

	PS_NATIVE_PUT(&ps_test_case, &first, c);
	start = now();
	for (int i = 0; i < turns; i++)
		programs[program](&skb);
	return (now() - start) / turns;
}

const struct ps_path ps_native_path = { "native", run, time_one };
