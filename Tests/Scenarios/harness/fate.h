/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What befalls a program at one of its steps. A file holds how many there were, at which of them, and what: it is killed, told to end, or
 * the step is refused, or all are from then on. But for who is told to end, the step is not done. Who holds the file changes the plan
 * while the program runs.
 */
#pragma once
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum fate {
	NONE,
	KILL,
	END,
	FAIL_ONCE,
	FAIL_ALL
};

static struct {
	int64_t count;
	int64_t at;
	int64_t fate;
} *plan;

static void take_plan(const char *variable)
{
	const char *path = getenv(variable);
	int file = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
	void *page = mmap(NULL, sizeof(*plan), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);

	// Without it a test would say nothing.
	if (page == MAP_FAILED)
		abort();
	close(file);
	plan = page;
}

/* Counts a step. */
static int is_refused(void)
{
	int64_t number = __atomic_add_fetch(&plan->count, 1, __ATOMIC_SEQ_CST);
	int64_t fate = __atomic_load_n(&plan->fate, __ATOMIC_SEQ_CST);
	int64_t at = __atomic_load_n(&plan->at, __ATOMIC_SEQ_CST);

	if (fate == NONE || number < at || (number > at && fate != FAIL_ALL))
		return 0;
	if (fate == KILL) {
		kill(getpid(), SIGKILL);
		pause();
	}
	if (fate == END) {
		kill(getpid(), SIGTERM);
		return 0;
	}
	return 1;
}
