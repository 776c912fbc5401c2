/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* The layout both sides rely on, said once more so that a change cannot pass unseen. */
#include "podshield_abi.h"

#define PS_SIZE(type, bytes) _Static_assert(sizeof(type) == (bytes), "size of " #type)

PS_SIZE(struct ps_config, 48);
PS_SIZE(struct ps_sa_out, 64);
PS_SIZE(struct ps_out_ref, 24);
PS_SIZE(struct ps_sa_in, 56);
PS_SIZE(struct ps_in_live, 16);
PS_SIZE(struct ps_in_window, 16 + 8 * PS_REPLAY_WORDS);
PS_SIZE(struct ps_sa_usage, 24);
PS_SIZE(struct ps_peer, 40);
PS_SIZE(struct ps_remote, 16);
PS_SIZE(struct ps_binding_key, 24);
PS_SIZE(struct ps_local, 16);
PS_SIZE(struct ps_pod, 16);
PS_SIZE(struct ps_lpm_key, 20);
PS_SIZE(struct ps_flow_key, 40);
PS_SIZE(struct ps_counter, 16);
PS_SIZE(struct ps_event, 88);
