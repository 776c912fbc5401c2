/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* The anti-replay window (RFC 4303, 3.4.3) as a ring of words (RFC 6479). Sequences start at 1. */
#ifndef PODSHIELD_REPLAY_H
#define PODSHIELD_REPLAY_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "../abi/podshield_abi.h"

static __always_inline __u32 ps_replay_word(__u64 sequence)
{
	return sequence / 64 % PS_REPLAY_WORDS;
}

static __always_inline __u64 ps_replay_bit(__u64 sequence)
{
	return 1ULL << sequence % 64;
}

/* Whether `sequence` is fresh. Between two looks at the window this may change: only ps_replay_commit decides. */
static __always_inline int ps_replay_is_fresh(const struct ps_in_window *window, __u64 sequence)
{
	if (sequence > window->top)
		return 1;
	if (!sequence || window->top - sequence > PS_REPLAY_WINDOW)
		return 0;
	return !(window->words[ps_replay_word(sequence)] & ps_replay_bit(sequence));
}

/* Empties the words between the highest sequence until now and the one that is to be. */
static __always_inline void ps_replay_advance(struct ps_in_window *window, __u64 sequence)
{
	__u64 last = window->top / 64;
	__u64 words = sequence / 64 - last;

	for (__u32 i = 0; i < PS_REPLAY_WORDS; i++) {
		if (i >= words)
			break;
		window->words[(last + 1 + i) % PS_REPLAY_WORDS] = 0;
	}
	window->top = sequence;
}

/* Takes `sequence`, whose packet is authentic, if it still is fresh: of two CPUs with one packet, one succeeds. */
static __noinline int ps_replay_commit(struct ps_in_window *window, __u64 sequence)
{
	int fresh;

	bpf_spin_lock(&window->lock);
	fresh = ps_replay_is_fresh(window, sequence);
	if (fresh) {
		if (sequence > window->top)
			ps_replay_advance(window, sequence);
		window->words[ps_replay_word(sequence)] |= ps_replay_bit(sequence);
	}
	bpf_spin_unlock(&window->lock);
	return fresh;
}

#endif
