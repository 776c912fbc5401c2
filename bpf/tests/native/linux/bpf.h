/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* Stand-in for <linux/bpf.h>, found first when code of bpf/ is compiled for user space: the kernel's, but for the packet. */
#ifndef PODSHIELD_NATIVE_LINUX_BPF_H
#define PODSHIELD_NATIVE_LINUX_BPF_H

#define __sk_buff ps_kernel_sk_buff
#include_next <linux/bpf.h>
#undef __sk_buff

/* `data` and `data_end` hold addresses, between them the linear part; the kernel's are 32 bits and rewritten at load. */
struct __sk_buff {
	__u32 len;
	__u32 mark;
	__u32 protocol; /* network order */
	__u32 vlan_present;
	__u32 tc_index;
	__u32 ifindex;
	__u32 ingress_ifindex;
	__u32 gso_segs;
	__u32 gso_size;
	long data;
	long data_end;

	/* What programs do not see, and the stand-ins obey. */
	__u32 network;             /* offset of the network header: 14, or 0 of a device without frames */
	__u32 unfinished;          /* the sender left the checksum to its device */
	__u32 summed;              /* a device took a sum of the whole packet */
	void (*moved)(void *from); /* frees what the packet was in when a helper has moved it */
};

#endif
