// SPDX-License-Identifier: Apache-2.0
/*
 * Preloaded, counts what a program does to the files below a directory (STORAGE_BELOW): each write, sync, cut, new name and removal, by
 * whichever of its threads. The file STORAGE_PLAN has the plan of what befalls it (fate.h); what is refused is as if the disk failed.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "fate.h"

static const char *below;

__attribute__((constructor)) static void begin(void)
{
	below = getenv("STORAGE_BELOW");
	// Without it a test would say nothing.
	if (!below)
		abort();
	take_plan("STORAGE_PLAN");
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
	if (!is_refused())
		return 0;
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
