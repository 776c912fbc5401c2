/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* Lowers the maximum segment size that a SYN offers to what fits into the tunnel, so that TCP need not find out. */
#ifndef PODSHIELD_MSS_H
#define PODSHIELD_MSS_H

#include <linux/bpf.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/stddef.h>
#include <linux/tcp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "checksum.h"
#include "packet.h"

#define PS_MSS_OPTION 2
#define PS_MSS_OPTION_LEN 4
#define PS_MSS_OPTIONS_MAX 40 /* bytes, and so options */
#define PS_MSS_MIN 64         /* below, a limit is none */

/* A walk through the options of a TCP header. */
struct ps_mss {
	struct __sk_buff *skb;
	__u32 at;
	__u32 end;
	__u32 found; /* offset of the value, 0 if there is none */
};

static long ps_mss_next_option(__u32 i, void *context)
{
	struct ps_mss *walk = context;
	__u8 option[2];

	(void)i;
	if (walk->at + sizeof(option) > walk->end || bpf_skb_load_bytes(walk->skb, walk->at, option, sizeof(option)) ||
	    option[0] == 0)
		return 1;
	if (option[0] == 1) {
		walk->at++;
		return 0;
	}
	if (option[0] == PS_MSS_OPTION) {
		if (option[1] == PS_MSS_OPTION_LEN && walk->at + PS_MSS_OPTION_LEN <= walk->end)
			walk->found = walk->at + sizeof(option);
		return 1;
	}
	walk->at += option[1];
	return option[1] < sizeof(option);
}

static __always_inline long ps_mss_lower(struct __sk_buff *skb, struct ps_packet *p, __u32 at, __u16 mss)
{
	__u32 check_at = p->transport + offsetof(struct tcphdr, check);
	__be16 offered, lower = bpf_htons(mss);
	__u16 check;
	long error;

	error = bpf_skb_load_bytes(skb, at, &offered, sizeof(offered))
			?: bpf_skb_load_bytes(skb, check_at, &check, sizeof(check));
	if (error || bpf_ntohs(offered) <= mss)
		return error;
	/* At an odd place its bytes count with the weights of each other. */
	if ((at - p->transport) % 2)
		check = ps_checksum_replace(check, __builtin_bswap16(offered), __builtin_bswap16(lower));
	else
		check = ps_checksum_replace(check, offered, lower);
	return bpf_skb_store_bytes(skb, at, &lower, sizeof(lower), 0)
		       ?: bpf_skb_store_bytes(skb, check_at, &check, sizeof(check), 0);
}

/* Makes a SYN offer no more than packets of `limit` bytes. 0, or the error of a helper. */
static __noinline long ps_mss_clamp(struct __sk_buff *skb, struct ps_packet *p, __u32 limit)
{
	__u32 headers = (p->version == 4 ? sizeof(struct iphdr) : sizeof(struct ipv6hdr)) + sizeof(struct tcphdr);
	struct ps_mss walk = { .skb = skb, .at = p->transport + sizeof(struct tcphdr) };
	struct tcphdr tcp;

	if (p->protocol != IPPROTO_TCP || p->fragment == PS_FRAGMENT_LATER || limit < headers + PS_MSS_MIN)
		return 0;
	if (ps_packet_load(skb, p->transport, &tcp, sizeof(tcp)) || !tcp.syn)
		return 0;
	walk.end = p->transport + 4 * tcp.doff;
	if (walk.end > p->l3 + p->length)
		return 0;
	bpf_loop(PS_MSS_OPTIONS_MAX, ps_mss_next_option, &walk, 0);
	return walk.found ? ps_mss_lower(skb, p, walk.found, limit - headers) : 0;
}

#endif
