// SPDX-License-Identifier: Apache-2.0
/*
 * User-mode Linux on a processor whose register state is wider than it knows.
 *
 * It keeps 2,696 bytes of a process' extended state (HOST_FP_SIZE in arch/x86/um/user-offsets.c, Linux 6.1), and a
 * host kernel wants all its own in PTRACE_SETREGSET: 11,008 with AMX. There it is refused with EFAULT, and its init
 * dies of SIGSEGV. Preloaded, this adds what is missing: zeros, for the header's XSTATE_BV says which parts are set,
 * and none behind the first 2,696 bytes can be, since AMX has to be asked for.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <elf.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>

enum {
	MOST = 1 << 16
};

typedef long call(enum __ptrace_request request, pid_t pid, void *address, void *data);

long ptrace(enum __ptrace_request request, ...)
{
	static _Alignas(64) char whole[MOST];
	static call *real;
	va_list rest;
	va_start(rest, request);
	pid_t pid = va_arg(rest, pid_t);
	void *address = va_arg(rest, void *), *data = va_arg(rest, void *);
	va_end(rest);

	if (!real)
		real = (call *)dlsym(RTLD_NEXT, "ptrace");
	if (request != PTRACE_SETREGSET || address != (void *)NT_X86_XSTATE)
		return real(request, pid, address, data);
	struct iovec *known = data, all = { whole, MOST };
	if (real(PTRACE_GETREGSET, pid, address, &all) < 0 || all.iov_len <= known->iov_len)
		return real(request, pid, address, data);
	memset(whole, 0, all.iov_len);
	memcpy(whole, known->iov_base, known->iov_len);
	return real(request, pid, address, &all);
}
