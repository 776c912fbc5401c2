// SPDX-License-Identifier: Apache-2.0
/*
 * Preloaded, counts what a program does to the files below a directory (STORAGE_BELOW): each write, sync, cut, new name and removal, by
 * whichever of its threads. The file STORAGE_PLAN holds how many there were, and at which of them something befalls it that is not done
 * then: it is killed, told to end, or the disk fails. Who holds the file changes the plan while the program runs.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum fate {
	NONE,
	KILL,
	END,
	FAIL_ONCE,
	FAIL_ALL
};

struct plan {
	int64_t count;
	int64_t at;
	int64_t fate;
};

static struct plan *plan;
static const char *below;

__attribute__((constructor)) static void begin(void)
{
	const char *path = getenv("STORAGE_PLAN");
	int file = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
	void *page = mmap(NULL, sizeof(*plan), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);

	below = getenv("STORAGE_BELOW");
	// Without it a test would say nothing.
	if (page == MAP_FAILED || !below)
		abort();
	close(file);
	plan = page;
}

static int is_below(const char *path)
{
	return !strncmp(path, below, strlen(below));
}

/* Files and directories alone: everything else has no place on a disk. */
static int is_stored(int file)
{
	char link[32], path[4096];
	struct stat status;
	ssize_t length;

	if (!plan || fstat(file, &status) || !(S_ISREG(status.st_mode) || S_ISDIR(status.st_mode)))
		return 0;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", file);
	length = readlink(link, path, sizeof(path) - 1);
	if (length < 0)
		return 0;
	path[length] = 0;
	return is_below(path);
}

/* Whether the disk fails. */
static int fails(void)
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
	errno = EIO;
	return 1;
}

ssize_t write(int file, const void *bytes, size_t length)
{
	if (is_stored(file) && fails())
		return -1;
	return syscall(SYS_write, file, bytes, length);
}

ssize_t pwrite64(int file, const void *bytes, size_t length, off64_t offset)
{
	if (is_stored(file) && fails())
		return -1;
	return syscall(SYS_pwrite64, file, bytes, length, offset);
}

ssize_t pwrite(int file, const void *bytes, size_t length, off_t offset)
{
	return pwrite64(file, bytes, length, offset);
}

int fsync(int file)
{
	if (is_stored(file) && fails())
		return -1;
	return (int)syscall(SYS_fsync, file);
}

int fdatasync(int file)
{
	if (is_stored(file) && fails())
		return -1;
	return (int)syscall(SYS_fdatasync, file);
}

int ftruncate64(int file, off64_t length)
{
	if (is_stored(file) && fails())
		return -1;
	return (int)syscall(SYS_ftruncate, file, length);
}

int ftruncate(int file, off_t length)
{
	return ftruncate64(file, length);
}

int rename(const char *from, const char *to)
{
	if (plan && is_below(to) && fails())
		return -1;
	return (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
}

int unlink(const char *path)
{
	// Where there is none nothing is done.
	if (plan && is_below(path) && !access(path, F_OK) && fails())
		return -1;
	return (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0);
}
