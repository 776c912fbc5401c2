/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* How a test sets the stage for code of bpf/ that runs natively, and sees what it did. */
#ifndef PODSHIELD_NATIVE_H
#define PODSHIELD_NATIVE_H

#include <stddef.h>

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

/* ---- packets ---- */

/*
 * Makes a packet of a copy of `bytes`, in an allocation of its own, so that a sanitizer sees every step past its end or
 * past its first `linear` bytes. Its frame says the protocol; without one (`framed` 0) it begins with its network header.
 */
void ps_native_packet_make(struct __sk_buff *skb, const void *bytes, __u32 len, __u32 linear, int framed);
void ps_native_packet_free(struct __sk_buff *skb);

/* ---- maps ---- */

/* Sets an element of a map that the code has declared. Replaces what is there. */
#define PS_NATIVE_PUT(map, key, value) ps_native_map_put(&PS_NATIVE_MAP(map), key, value)
void ps_native_map_put(const struct ps_native_map *map, const void *key, const void *value);

/* Empties all maps. What lookups gave is void. */
void ps_native_maps_clear(void);

/* ---- the kernel ---- */

struct ps_native_kernel {
	__u64 boot_ns;
	/* The `fail_at`th call from now of a helper that may fail at any time does, with `fail_error`; 0: none. */
	__u32 fail_at;
	int fail_error;
	/* Answers of bpf_fib_lookup; `fib` may change the request. */
	long (*fib)(struct bpf_fib_lookup *fib);

	/* What the last program did. */
	__u32 redirected_to; /* ifindex, 0: nowhere */
	int events;
};

extern struct ps_native_kernel ps_native_kernel;

/* For helpers: the error that this call must give, or 0. */
int ps_native_failure(void);

#endif
