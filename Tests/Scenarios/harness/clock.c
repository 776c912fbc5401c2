// SPDX-License-Identifier: Apache-2.0
/*
 * Preloaded, lets a program see another time of day: as many seconds from the true one as the file CLOCK_OFFSET holds at that moment
 * (a native int64_t). Other clocks stay true. libfaketime changes the environment, behind which Swift looks for its arguments.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const volatile int64_t *shared;

__attribute__((constructor)) static void share(void)
{
	const char *path = getenv("CLOCK_OFFSET");
	int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	void *page = mmap(NULL, sizeof(*shared), PROT_READ, MAP_SHARED, file, 0);

	// With the true time a test would say nothing.
	if (page == MAP_FAILED)
		abort();
	close(file);
	shared = page;
}

static time_t offset(void)
{
	return shared ? *shared : 0;
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
	int result = (int)syscall(SYS_clock_gettime, clock, now);

	if (!result && clock == CLOCK_REALTIME)
		now->tv_sec += offset();
	return result;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
	int result = (int)syscall(SYS_gettimeofday, now, zone);

	if (!result)
		now->tv_sec += offset();
	return result;
}

time_t time(time_t *out)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	if (out)
		*out = now.tv_sec;
	return now.tv_sec;
}
