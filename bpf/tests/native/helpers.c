// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf_helpers.h>

static void *map_value;

static __u32 packet_len(const struct __sk_buff *skb)
{
	return skb->data_end - skb->data;
}

static int outside(const struct __sk_buff *skb, __u32 offset, __u32 len)
{
	return offset > packet_len(skb) || len > packet_len(skb) - offset;
}

long bpf_loop(__u32 turns, long (*turn)(__u32, void *), void *context, __u64 flags)
{
	__u32 i = 0;

	if (flags)
		return -EINVAL;
	while (i < turns)
		if (turn(i++, context))
			break;
	return i;
}

long bpf_skb_load_bytes(const struct __sk_buff *skb, __u32 offset, void *to, __u32 len)
{
	if (outside(skb, offset, len))
		return -EFAULT;
	memcpy(to, (char *)skb->data + offset, len);
	return 0;
}

long bpf_skb_store_bytes(struct __sk_buff *skb, __u32 offset, const void *from, __u32 len, __u64 flags)
{
	if (flags)
		return -EINVAL;
	if (outside(skb, offset, len))
		return -EFAULT;
	memcpy((char *)skb->data + offset, from, len);
	return 0;
}

long bpf_skb_change_tail(struct __sk_buff *skb, __u32 len, __u64 flags)
{
	char *packet = flags ? NULL : realloc((char *)skb->data, len);

	if (!packet)
		return -ENOMEM;
	skb->data = (long)packet;
	skb->data_end = (long)(packet + len);
	return 0;
}

void *ps_native_map_lookup(void *map, const void *key)
{
	(void)map;
	(void)key;
	return map_value;
}

void ps_native_map_value(void *value)
{
	map_value = value;
}
