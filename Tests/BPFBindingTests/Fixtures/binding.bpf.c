/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* What the tests of the binding load: one map of each kind it must handle, programs that pass and tell. */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

struct record {
	__u32 first;
	__u64 second;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 8);
	__type(key, __u32);
	__type(value, struct record);
} records SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4);
	__type(key, __u64);
	__type(value, __u32);
} table SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} counts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} ring SEC(".maps");

static int tell(__u32 what)
{
	__u32 zero = 0;
	__u32 *count = bpf_map_lookup_elem(&counts, &zero);

	if (count)
		*count += 1;
	bpf_ringbuf_output(&ring, &what, sizeof(what), 0);
	return 0;
}

SEC("tc")
int first(struct __sk_buff *skb)
{
	return tell(1);
}

SEC("tc")
int second(struct __sk_buff *skb)
{
	return tell(2);
}

#ifdef REFUSED
SEC("tc")
int refused(struct __sk_buff *skb)
{
	return *(int *)(long)skb->len;
}
#endif

char _license[] SEC("license") = "GPL";
