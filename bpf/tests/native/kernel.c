// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
#include <errno.h>
#include <stdlib.h>

#include <linux/pkt_cls.h>

#include "native.h"

#define LOOP_MAX (1 << 23)

struct ps_native_kernel ps_native_kernel;

int ps_native_failure(void)
{
	if (!ps_native_kernel.fail_at || --ps_native_kernel.fail_at)
		return 0;
	return ps_native_kernel.fail_error;
}

long bpf_loop(__u32 turns, long (*turn)(__u32, void *), void *context, __u64 flags)
{
	__u32 i = 0;

	if (flags)
		return -EINVAL;
	if (turns > LOOP_MAX)
		return -E2BIG;
	while (i < turns)
		if (turn(i++, context))
			break;
	return i;
}

__u64 bpf_ktime_get_boot_ns(void)
{
	return ps_native_kernel.boot_ns;
}

/* The verifier sees to the rest: no helper is called under a lock, none is taken twice. */
long bpf_spin_lock(struct bpf_spin_lock *lock)
{
	if (lock->val)
		abort();
	lock->val = 1;
	return 0;
}

long bpf_spin_unlock(struct bpf_spin_lock *lock)
{
	if (!lock->val)
		abort();
	lock->val = 0;
	return 0;
}

long bpf_fib_lookup(void *context, struct bpf_fib_lookup *fib, int size, __u32 flags)
{
	(void)context;
	if (size != sizeof(*fib) || flags & ~(__u32)(BPF_FIB_LOOKUP_DIRECT | BPF_FIB_LOOKUP_OUTPUT))
		return -EINVAL;
	return ps_native_kernel.fib ? ps_native_kernel.fib(fib) : BPF_FIB_LKUP_RET_NOT_FWDED;
}

long bpf_redirect(__u32 ifindex, __u64 flags)
{
	if (flags & ~(__u64)BPF_F_INGRESS)
		return TC_ACT_SHOT;
	ps_native_kernel.redirected_to = ifindex;
	return TC_ACT_REDIRECT;
}

long bpf_redirect_peer(__u32 ifindex, __u64 flags)
{
	if (flags)
		return TC_ACT_SHOT;
	ps_native_kernel.redirected_to = ifindex;
	return TC_ACT_REDIRECT;
}

long bpf_redirect_neigh(__u32 ifindex, struct bpf_redir_neigh *neighbour, int size, __u64 flags)
{
	if ((size && size < (int)sizeof(*neighbour)) || flags)
		return TC_ACT_SHOT;
	ps_native_kernel.redirected_to = ifindex;
	return TC_ACT_REDIRECT;
}
