// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/*
 * Runs a program on two CPUs at the same moment, many times over: what Python's threads cannot do, one at a time as they
 * run. The tests load it as a library.
 */
#define _GNU_SOURCE
#include <bpf/bpf.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>

#define RACE_CPUS 2
#define RACE_FRAME_MAX 2048
#define RACE_SPINS 10000

/* One frame that both CPUs are given in the same turn, and what each made of it. */
struct race_turn {
	uint8_t frame[RACE_FRAME_MAX];
	uint32_t length;
	uint32_t verdict[RACE_CPUS];
	uint32_t length_after[RACE_CPUS];
	uint8_t after[RACE_CPUS][RACE_FRAME_MAX];
};

struct race {
	int program;
	const struct __sk_buff *context;
	struct race_turn *turns;
	uint32_t count;
	atomic_uint arrived; /* over all turns: each adds one for each CPU */
	atomic_int error;
};

struct racer {
	struct race *race;
	unsigned int cpu;
};

/*
 * Spins: a thread that sleeps does not come out at the same moment as the other. But not for ever: the other may wait for
 * this CPU's neighbours to let it run.
 */
static void race_meet(struct race *race, uint32_t turn)
{
	unsigned int spins = 0;

	atomic_fetch_add(&race->arrived, 1);
	while (atomic_load(&race->arrived) < (turn + 1) * RACE_CPUS)
		if (++spins > RACE_SPINS)
			sched_yield();
}

static int race_run(struct race *race, struct race_turn *turn, unsigned int cpu)
{
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = turn->frame, .data_size_in = turn->length,
		    .data_out = turn->after[cpu], .data_size_out = RACE_FRAME_MAX, .ctx_in = race->context,
		    .ctx_size_in = sizeof(*race->context), .repeat = 1);
	int error = bpf_prog_test_run_opts(race->program, &options);

	turn->verdict[cpu] = options.retval;
	turn->length_after[cpu] = options.data_size_out;
	return error;
}

static void *race_on_cpu(void *argument)
{
	const struct racer *racer = argument;
	struct race *race = racer->race;
	cpu_set_t cpus;
	int error;

	CPU_ZERO(&cpus);
	CPU_SET(racer->cpu, &cpus);
	error = pthread_setaffinity_np(pthread_self(), sizeof(cpus), &cpus);
	for (uint32_t i = 0; i < race->count; i++) {
		race_meet(race, i);
		if (!error)
			error = race_run(race, &race->turns[i], racer->cpu);
	}
	if (error)
		atomic_store(&race->error, error);
	return 0;
}

/* Runs `program` on CPU 0 and CPU 1 with each turn's frame at once. 0, or a negative errno. */
int race(int program, const struct __sk_buff *context, struct race_turn *turns, uint32_t count)
{
	struct race race = { .program = program, .context = context, .turns = turns, .count = count };
	struct racer racers[RACE_CPUS];
	pthread_t threads[RACE_CPUS];
	int error;

	for (unsigned int cpu = 0; cpu < RACE_CPUS; cpu++) {
		racers[cpu] = (struct racer){ .race = &race, .cpu = cpu };
		error = pthread_create(&threads[cpu], 0, race_on_cpu, &racers[cpu]);
		if (error)
			return -error;
	}
	for (unsigned int cpu = 0; cpu < RACE_CPUS; cpu++)
		pthread_join(threads[cpu], 0);
	return atomic_load(&race.error);
}
