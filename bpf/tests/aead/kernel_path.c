// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "path.h"

#define LOG_STATS 4 /* the verifier's closing figures only */

static const char *const names[PS_TEST_PROGRAMS] = {
	[PS_TEST_SEAL] = "ps_test_seal",         [PS_TEST_OPEN] = "ps_test_open",
	[PS_TEST_SEAL_ESP] = "ps_test_seal_esp", [PS_TEST_OPEN_ESP] = "ps_test_open_esp",
	[PS_TEST_CIPHER] = "ps_test_cipher",     [PS_TEST_MAC] = "ps_test_mac",
	[PS_BENCH_SEAL] = "ps_bench_seal",       [PS_BENCH_OPEN] = "ps_bench_open",
};

static struct bpf_object *object; /* held until the end */
static int map;
static int programs[PS_TEST_PROGRAMS];
static char logs[PS_TEST_PROGRAMS][4096];

static struct bpf_program *find(int i)
{
	struct bpf_program *program = bpf_object__find_program_by_name(object, names[i]);

	if (!program)
		errx(2, "no program %s", names[i]);
	return program;
}

void ps_kernel_path_load(const char *path)
{
	object = bpf_object__open_file(path, NULL);
	if (!object)
		err(2, "%s", path);
	for (int i = 0; i < PS_TEST_PROGRAMS; i++) {
		bpf_program__set_log_level(find(i), LOG_STATS);
		bpf_program__set_log_buf(find(i), logs[i], sizeof(logs[i]));
	}
	if (bpf_object__load(object)) {
		for (int i = 0; i < PS_TEST_PROGRAMS; i++)
			fprintf(stderr, "%s: %s\n", names[i], logs[i]);
		err(2, "load of %s", path);
	}
	for (int i = 0; i < PS_TEST_PROGRAMS; i++)
		programs[i] = bpf_program__fd(find(i));
	map = bpf_object__find_map_fd_by_name(object, "ps_test_case");
}

unsigned long ps_kernel_path_verified(enum ps_test_program program)
{
	const char *figure = strstr(logs[program], "processed ");

	return figure ? strtoul(figure + strlen("processed "), NULL, 10) : 0;
}

static void put(const struct ps_test_case *c)
{
	__u32 first = 0;

	if (bpf_map_update_elem(map, &first, c, BPF_ANY))
		err(2, "ps_test_case");
}

static int run(enum ps_test_program program, struct ps_test_case *c)
{
	static const char frame[64];
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_size_in = sizeof(frame), .repeat = 1);
	__u32 first = 0;

	put(c);
	if (bpf_prog_test_run_opts(programs[program], &opts))
		err(2, "run of %s", names[program]);
	if (bpf_map_lookup_elem(map, &first, c))
		err(2, "ps_test_case");
	return (int)opts.retval;
}

static double time_one(enum ps_test_program program, struct ps_test_case *c, int turns)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = c->data, .data_size_in = c->size, .repeat = turns);

	put(c);
	if (bpf_prog_test_run_opts(programs[program], &opts))
		err(2, "run of %s", names[program]);
	return opts.duration;
}

const struct ps_path ps_kernel_path = { "kernel", run, time_one };
