// SPDX-License-Identifier: Apache-2.0
/*
 * Preloaded, counts what a program changes in the kernel's BPF maps: each element that it writes or deletes, by whichever of its threads.
 * The file KERNEL_PLAN has the plan of what befalls it (fate.h).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/bpf.h>
#include <stdarg.h>
#include <sys/syscall.h>

#include "fate.h"

__attribute__((constructor)) static void begin(void)
{
	take_plan("KERNEL_PLAN");
}

static int is_write(long command)
{
	switch (command) {
	case BPF_MAP_UPDATE_ELEM:
	case BPF_MAP_DELETE_ELEM:
	case BPF_MAP_LOOKUP_AND_DELETE_ELEM:
	case BPF_MAP_UPDATE_BATCH:
	case BPF_MAP_DELETE_BATCH:
	case BPF_MAP_LOOKUP_AND_DELETE_BATCH:
		return 1;
	default:
		return 0;
	}
}

/* libbpf's way into the kernel, and that of everybody whom the C library has no function for. */
long syscall(long number, ...)
{
	register long r10 __asm__("r10");
	register long r8 __asm__("r8");
	register long r9 __asm__("r9");
	long a[6], result;
	va_list rest;

	va_start(rest, number);
	for (int i = 0; i < 6; i++)
		a[i] = va_arg(rest, long);
	va_end(rest);
	if (number == SYS_bpf && plan && is_write(a[0]) && is_refused()) {
		errno = ENOMEM;
		return -1;
	}
	r10 = a[3];
	r8 = a[4];
	r9 = a[5];
	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(number), "D"(a[0]), "S"(a[1]), "d"(a[2]), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	if (result < 0 && result > -4096) {
		errno = (int)-result;
		return -1;
	}
	return result;
}
