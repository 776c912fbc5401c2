/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* An input: how the packet comes, then its frame, or what a peer seals. `seeds` writes the same. */
#ifndef PODSHIELD_FUZZ_INPUT_H
#define PODSHIELD_FUZZ_INPUT_H

#include <linux/types.h>

#define INPUT_MAX 9600 /* over PS_PACKET_MAX, with room for headers */

#define SHAPE_UNFRAMED (1 << 0)
#define SHAPE_UNFINISHED (1 << 1) /* the checksum */
#define SHAPE_SUMMED (1 << 2)
#define SHAPE_GSO (1 << 3)
#define SHAPE_VLAN (1 << 4)

struct input {
	__u8 program; /* from_pod, to_uplink, from_uplink, to_pod, or from_uplink with what a peer has sealed */
	__u8 shape;
	__u8 readiness; /* ready, permissive, neither, permissive but not ready */
	__u8 mark;
	__u8 device;
	__u8 ingress;
	__u8 fib;     /* 0: what the world's routes say; else that result */
	__u8 fail_at; /* the call that fails, of helpers that may; 0: none */
	__u32 sequence;
	__u16 linear;
	__u16 change; /* which byte of a sealed packet is changed */
	__u8 outer_tos;
	__u8 sender;
	__u8 mtu; /* of the peer: 1500, 9216, 1280, 120 */
	__u8 pad;
};

#endif
