/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* Stand-in for <linux/bpf.h>, found first when code of bpf/ is compiled for user space. */
#ifndef PODSHIELD_NATIVE_LINUX_BPF_H
#define PODSHIELD_NATIVE_LINUX_BPF_H

#include <linux/types.h>

/* A linear packet. `data` and `data_end` hold addresses; the kernel's are 32 bits wide and rewritten by the verifier. */
struct __sk_buff {
	long data;
	long data_end;
};

struct bpf_spin_lock {
	__u32 val;
};

enum bpf_map_type {
	BPF_MAP_TYPE_ARRAY = 2,
};

#endif
